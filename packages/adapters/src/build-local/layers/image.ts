import type { Digest } from '@image-factory/core/reference/types.ts';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { FactoryError } from '@image-factory/core/problem.ts';
import { readTar, type TarEntry } from './tar.ts';
import type { Repository, Transfer } from './transfer.ts';

/** A layer that is in a registry, or was made here. */
export interface Layer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: string;
  /** Compressed bytes of a layer made here. */
  readonly content?: Buffer;
  readonly from?: Repository;
}

/** What an image's config says about its process: the `config` object of the OCI image configuration. */
export type ProcessConfig = Readonly<Record<string, unknown>>;

export interface Image {
  readonly layers: readonly Layer[];
  readonly config: ProcessConfig;
  readonly history: readonly unknown[];
}

export const emptyImage: Image = { layers: [], config: {}, history: [] };

export const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const ociLayerTypes = new Map([
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', layerType],
  ['application/vnd.docker.image.rootfs.diff.tar', 'application/vnd.oci.image.layer.v1.tar'],
  [layerType, layerType],
  ['application/vnd.oci.image.layer.v1.tar', 'application/vnd.oci.image.layer.v1.tar'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
]);

interface Descriptor {
  readonly mediaType?: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

interface ImageConfiguration {
  readonly config?: ProcessConfig | null;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history?: readonly unknown[];
}

/** Reads what a digest holds for a platform, without its layers. */
export async function readImage(
  transfer: Transfer,
  from: Repository,
  digest: Digest,
  platform: string,
): Promise<Image> {
  let manifest = JSON.parse((await transfer.manifest(from, digest)).toString()) as Manifest;
  if (manifest.manifests) {
    const found = manifest.manifests.find(
      (item) => item.platform !== undefined && platformOf(item.platform) === platform,
    );
    if (!found) throw invalid(`${from.domain}/${from.path}@${digest} has no ${platform}`);
    manifest = JSON.parse((await transfer.manifest(from, found.digest)).toString()) as Manifest;
  }
  if (!manifest.config || !manifest.layers)
    throw invalid(`${from.domain}/${from.path}@${digest} is not an image`);
  const configuration = JSON.parse(
    (await transfer.blob(from, manifest.config.digest)).toString(),
  ) as ImageConfiguration;
  const layers = manifest.layers.map((layer, index) => {
    const mediaType = ociLayerTypes.get(layer.mediaType ?? '');
    const diffId = configuration.rootfs.diff_ids[index];
    if (!mediaType || !diffId)
      throw invalid(
        `a layer of ${from.domain}/${from.path}@${digest} has the type ${layer.mediaType ?? 'none'}`,
      );
    return { mediaType, digest: layer.digest, size: layer.size, diffId, from };
  });
  return { layers, config: configuration.config ?? {}, history: configuration.history ?? [] };
}

function platformOf(platform: NonNullable<Descriptor['platform']>): string {
  const { os, architecture, variant } = platform;
  if (architecture === 'arm') return `${os}/arm/${variant ?? 'v7'}`;
  const plain =
    !variant ||
    (architecture === 'arm64' && variant === 'v8') ||
    (architecture === 'amd64' && variant === 'v1');
  return plain ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** The files of an image by path, whiteouts applied (OCI image-spec, layer.md). */
export async function imageFiles(transfer: Transfer, image: Image): Promise<ReadonlyMap<string, TarEntry>> {
  const files = new Map<string, TarEntry>();
  for (const layer of image.layers) {
    for (const entry of readTar(unpack(layer, layer.content ?? (await fetchLayer(transfer, layer))))) {
      const name = entry.path.slice(entry.path.lastIndexOf('/') + 1);
      const parent = entry.path.slice(0, entry.path.length - name.length);
      if (name === '.wh..wh..opq') removeBelow(files, parent);
      else if (name.startsWith('.wh.')) {
        files.delete(parent + name.slice(4));
        removeBelow(files, `${parent}${name.slice(4)}/`);
      } else {
        if (entry.type !== 'directory') removeBelow(files, `${entry.path}/`);
        const target = entry.type === 'hardlink' ? files.get(entry.link.replace(/^(\.?\/)+/, '')) : undefined;
        files.set(entry.path, target ? { ...target, path: entry.path } : entry);
      }
    }
  }
  return files;
}

async function fetchLayer(transfer: Transfer, layer: Layer): Promise<Buffer> {
  if (!layer.from) throw invalid('a layer has no content');
  return transfer.blob(layer.from, layer.digest);
}

const largestLayer = 1024 * 1024 * 1024;

function unpack(layer: Layer, content: Buffer): Buffer {
  const limit = { maxOutputLength: largestLayer };
  if (layer.mediaType.endsWith('+zstd')) return zstdDecompressSync(content, limit);
  return layer.mediaType.endsWith('+gzip') ? gunzipSync(content, limit) : content;
}

function removeBelow(files: Map<string, TarEntry>, prefix: string): void {
  for (const path of files.keys()) if (path.startsWith(prefix)) files.delete(path);
}

function invalid(message: string): FactoryError {
  return new FactoryError({
    code: 'REGISTRY_INVALID',
    message,
    hint: 'Choose a base that has the platform, or another builder.',
  });
}
