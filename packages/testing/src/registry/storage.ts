import type { Digest } from '@image-factory/core/reference/types.ts';
import { digestOf, type Descriptor } from './build-image.ts';
import type { ImageSink } from './push.ts';

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

interface Repository {
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, Digest>;
  readonly blobs: Set<string>;
}

interface ManifestJson {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Repositories in memory. Blobs are kept once, and known in the repositories that they were pushed to. */
export class RegistryStorage implements ImageSink {
  readonly #repositories = new Map<string, Repository>();
  readonly #blobs = new Map<string, Buffer>();

  #repository(name: string): Repository {
    const known = this.#repositories.get(name);
    if (known) return known;
    const created: Repository = { manifests: new Map(), tags: new Map(), blobs: new Set() };
    this.#repositories.set(name, created);
    return created;
  }

  has(repository: string): boolean {
    return this.#repositories.has(repository);
  }

  repositories(): string[] {
    return [...this.#repositories.keys()].toSorted();
  }

  blob(repository: string, digest: string): Buffer | undefined {
    return this.#repositories.get(repository)?.blobs.has(digest) ? this.#blobs.get(digest) : undefined;
  }

  /** True if another repository has the blob and this one now has it too. */
  mount(repository: string, digest: string, from: string): boolean {
    if (!this.blob(from, digest)) return false;
    this.#repository(repository).blobs.add(digest);
    return true;
  }

  manifest(repository: string, name: string): StoredManifest | undefined {
    const found = this.#repositories.get(repository);
    return found?.manifests.get(name.includes(':') ? name : (found.tags.get(name) ?? ''));
  }

  tags(repository: string): string[] {
    return [...(this.#repositories.get(repository)?.tags.keys() ?? [])].toSorted();
  }

  putBlob(repository: string, digest: Digest, bytes: Buffer): Promise<void> {
    this.#blobs.set(digest, bytes);
    this.#repository(repository).blobs.add(digest);
    return Promise.resolve();
  }

  putManifest(repository: string, name: string, mediaType: string, bytes: Buffer): Promise<void> {
    const digest = digestOf(bytes);
    const target = this.#repository(repository);
    target.manifests.set(digest, { digest, mediaType, bytes });
    if (!name.includes(':')) target.tags.set(name, digest);
    return Promise.resolve();
  }

  /** By tag: the tag alone. By digest: the manifest, and the tags that point at it. */
  deleteManifest(repository: string, name: string): boolean {
    const target = this.#repositories.get(repository);
    if (!target) return false;
    if (!name.includes(':')) return target.tags.delete(name);
    for (const [tag, digest] of target.tags) if (digest === name) target.tags.delete(tag);
    return target.manifests.delete(name);
  }

  /** Descriptors of the manifests whose subject is this digest, in the order of their digests. */
  referrers(repository: string, subject: string): Descriptor[] {
    const found: Descriptor[] = [];
    for (const manifest of this.#repositories.get(repository)?.manifests.values() ?? []) {
      const json = manifestJson(manifest.bytes);
      if (json.subject?.digest !== subject) continue;
      const artifactType = json.artifactType ?? json.config?.mediaType;
      found.push({
        mediaType: manifest.mediaType,
        digest: manifest.digest,
        size: manifest.bytes.length,
        ...(artifactType ? { artifactType } : {}),
        ...(json.annotations ? { annotations: json.annotations } : {}),
      });
    }
    return found.toSorted((one, other) => (one.digest < other.digest ? -1 : 1));
  }

  /** The first blob that the manifest names and the repository does not have. */
  missingBlob(repository: string, bytes: Buffer): string | undefined {
    const json = manifestJson(bytes);
    const named = [...(json.config ? [json.config] : []), ...(json.layers ?? [])];
    return named.find((descriptor) => !this.blob(repository, descriptor.digest))?.digest;
  }
}

/** The parts of a manifest that a registry looks into. Throws on what is no JSON object. */
export function manifestJson(bytes: Buffer): ManifestJson {
  const json: unknown = JSON.parse(bytes.toString('utf8'));
  if (typeof json !== 'object' || json === null) throw new Error('a manifest is a JSON object');
  return json;
}
