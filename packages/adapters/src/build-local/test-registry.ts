import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { startDockerRegistry } from '@image-factory/testing/docker-registry.ts';
import { pushImage } from '@image-factory/testing/registry/push.ts';
import { writeTar, type TarEntry } from './layers/tar.ts';
import type { PushedRegistry } from './pushed.ts';

export interface TestManifest {
  readonly digest: Digest;
  readonly annotations: Readonly<Record<string, string>>;
  readonly layers: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
  readonly manifests?: readonly {
    readonly digest: string;
    readonly platform: { readonly architecture: string };
  }[];
}

/** Reads of the tests: written apart from the adapter that is tested. */
export interface TestRegistry {
  readonly host: string;
  manifest(repository: string, name: string): Promise<TestManifest | undefined>;
  config(
    repository: string,
    name: string,
  ): Promise<{ rootfs: { diff_ids: string[] }; config: Record<string, unknown>; created: string }>;
  readonly port: PushedRegistry;
}

const accept = ['application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.manifest.v1+json'].join(
  ', ',
);

export function readingRegistry(host: string): TestRegistry {
  async function manifest(repository: string, name: string): Promise<TestManifest | undefined> {
    const response = await fetch(`http://${host}/v2/${repository}/manifests/${name}`, {
      headers: { accept },
    });
    if (!response.ok) return undefined;
    const digest = (response.headers.get('docker-content-digest') ?? '') as Digest;
    return { annotations: {}, layers: [], ...((await response.json()) as object), digest };
  }
  return {
    host,
    manifest,
    async config(repository, name) {
      const digest = (await manifest(repository, name))?.config?.digest ?? '';
      return (await fetch(`http://${host}/v2/${repository}/blobs/${digest}`)).json() as ReturnType<
        TestRegistry['config']
      >;
    },
    port: {
      async look(reference) {
        const found = await manifest(reference.path, reference.tag ?? '');
        return found ? { kind: 'digest', digest: found.digest } : { kind: 'absent' };
      },
      async describe(reference, digest) {
        const found = await manifest(reference.path, digest);
        const child = found?.manifests?.[0] && (await manifest(reference.path, found.manifests[0].digest));
        return (
          found && { digest, platforms: {}, annotations: { ...child?.annotations, ...found.annotations } }
        );
      },
    },
  };
}

export async function startTestRegistry(): Promise<
  TestRegistry & {
    stop(): Promise<void>;
    pushBase(
      repository: string,
      tag: string,
      version: string,
    ): Promise<{ digest: Digest; diffIds: readonly Digest[] }>;
  }
> {
  const registry = await startDockerRegistry();
  return {
    ...readingRegistry(registry.host),
    stop: () => registry.stop(),
    async pushBase(repository, tag, version) {
      const built = await pushImage(registry.sink, repository, tag, {
        layers: [shellLayer(), { version: `${version}\n` }],
        config: { Env: ['PATH=/bin'] },
        // Buildah 1.28 cannot commit a stage that adds nothing to a base without history.
        history: [{ created_by: 'shell' }, { created_by: 'version' }],
        annotations: { 'org.opencontainers.image.revision': 'of-the-base' },
      });
      return { digest: built.descriptor.digest, diffIds: built.diffIds };
    },
  };
}

const libraryLister = 'ldd';

/** A shell, `sleep` and what they load, taken from this machine. */
function shellLayer(): Buffer {
  const programs = new Map([
    ['bin/sh', realpathSync('/bin/sh')],
    ['bin/sleep', realpathSync('/bin/sleep')],
  ]);
  const libraries = [...programs.values()].flatMap(
    (file) => execFileSync(libraryLister, [file], { encoding: 'utf8' }).match(/\/\S+/g) ?? [],
  );
  const files = new Map([...programs, ...libraries.map((file) => [file.slice(1), file] as const)]);
  const entries = [...files].map(([path, file]): TarEntry => ({
    path,
    type: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    link: '',
    content: readFileSync(file),
  }));
  return writeTar(entries);
}
