import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { dependenciesOf } from '@image-factory/core/dockerfile/analyse.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import type { Dependency } from '@image-factory/core/state/types.ts';
import { findDockerRegistry, startDockerRegistry } from '@image-factory/testing/docker-registry.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { pushImage } from '@image-factory/testing/registry/push.ts';
import { onTestFinished } from 'vitest';
import { createRemoteCommits, type RemoteCommits } from '../git/remote-commits.ts';
import { gitCheckout } from './checkout.ts';
import { writeTar, type TarEntry } from './layers/tar.ts';
import type { LocalBuilderOptions } from './local-builder-options.ts';
import type { PushedRegistry } from './pushed.ts';

/** The real builder and the real registry are here; outside of CI tests that need them are skipped where they are not. */
export const hasBuildah = await installed();

async function installed(): Promise<boolean> {
  const buildah = await promisify(execFile)('buildah', ['--version']).then(
    () => true,
    () => false,
  );
  const missing = [
    ...(buildah ? [] : ['buildah']),
    ...((await findDockerRegistry()) ? [] : ['docker-registry']),
  ];
  if (missing.length === 0) return true;
  if (process.env['CI']) throw new Error(`not installed: ${missing.join(', ')}`);
  process.stderr.write(`skipped, not installed: ${missing.join(', ')}\n`);
  return false;
}

export function environment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root' };
}

export async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-factory-build-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

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

/** A git repository with one commit of these files. */
export async function repository(
  files: Readonly<Record<string, string>>,
): Promise<{ path: string; commit: string }> {
  const path = await temporary();
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
      env: { ...environment(), GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    }).trim();
  git('init', '-q', '-b', 'main');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  git('add', '-A');
  git('commit', '-q', '-m', 'test');
  return { path, commit: git('rev-parse', 'HEAD') };
}

export function dependency(reference: string, fields: Partial<Dependency> = {}): Dependency {
  return {
    reference,
    kind: 'from',
    stage: '0',
    platform: 'linux/amd64' as PlatformName,
    final: true,
    base: reference.replace(/[^a-z0-9]+/g, '-'),
    written: reference,
    range: '1:1-1:1',
    ...fields,
  };
}

/** What discovery reads in a Dockerfile: the words that the builder gets for its pins. */
export function discovered(dockerfile: string): readonly Dependency[] {
  return dependenciesOf(dockerfile).bases.map(({ normalized, kind, stage, platform, final, written }) =>
    dependency(normalized ?? '', { kind, stage, platform, final, written }),
  );
}

export function enrolment(
  host: string,
  fields: Partial<ManagedEnrolment> = {},
  source: Partial<ManagedEnrolment['source']> = {},
): ManagedEnrolment {
  return {
    kind: 'managed',
    name: 'app',
    registry: host,
    repository: 'team/app',
    tags: ['1'],
    platforms: [],
    rebuildDelay: 0,
    ownDelay: undefined,
    owner: undefined,
    criticality: 'normal',
    place: { file: 'images.yaml', line: 1, column: 1 },
    raw: {},
    rebuildOn: 'all',
    autoRebuild: true,
    mode: 'dispatch',
    schedule: { kind: 'daily' },
    pullRequestGroup: undefined,
    versionFile: undefined,
    versionFiles: 'request',
    updates: [],
    ...fields,
    source: {
      provider: 'local',
      repo: '.',
      branch: undefined,
      dockerfile: 'Dockerfile',
      context: '.',
      target: undefined,
      buildArgs: {},
      workflow: undefined,
      ...source,
    },
  };
}

export function request(image: ManagedEnrolment, fields: Partial<BuildRequest> = {}): BuildRequest {
  return {
    key: 'k1',
    attempt: 1,
    image,
    pins: [],
    dependencies: [],
    platforms: [],
    commit: undefined,
    reason: 'test',
    ...fields,
  };
}

export function pin(reference: string, digest: Digest): BuildRequest['pins'][number] {
  return { base: reference.replace(/[^a-z0-9]+/g, '-'), reference, digest };
}

export function remoteCommits(
  workDir: string,
  token?: (remote: { readonly url: string }) => Promise<string | undefined>,
): RemoteCommits {
  const cacheDir = join(workDir, 'git');
  return createRemoteCommits({ cacheDir, clock: realClock, environment: environment(), token });
}

export function builderOptions(
  workDir: string,
  registry: TestRegistry,
  fields: Partial<LocalBuilderOptions> = {},
): LocalBuilderOptions {
  return {
    tool: 'buildah',
    workDir,
    logDir: join(workDir, 'logs'),
    concurrency: 2,
    timeout: 60_000,
    clock: realClock,
    checkout: gitCheckout({
      baseDir: workDir,
      workDir: join(workDir, 'tmp'),
      environment: environment(),
      remotes: remoteCommits(workDir),
    }),
    registries: { [registry.host]: { insecure: true } },
    registry: registry.port,
    environment: environment(),
    ...fields,
  };
}
