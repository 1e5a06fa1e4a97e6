import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDockerRegistry, startDockerRegistry } from '@image-factory/testing/docker-registry.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import type { ImageSink } from '@image-factory/testing/registry/push.ts';
import { startRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { detectBuilder } from '@image-factory/adapters/build-local/detect.ts';

/** Where the demo plays: a registry, a git remote, a factory directory. All of it is gone afterwards. */
export interface Place {
  readonly dir: string;
  readonly host: string;
  readonly sink: ImageSink;
  readonly remote: GitRemote;
  readonly tool: 'buildah' | 'layers';
  readonly registry: 'docker-registry' | 'embedded';
  readonly env: Readonly<Record<string, string | undefined>>;
  leave(): Promise<void>;
}

export async function preparePlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'image-factory-demo-'));
  const leaving: (() => Promise<void>)[] = [() => rm(root, { recursive: true, force: true })];
  try {
    const environment = Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    const builders = await detectBuilder(environment);
    // buildah's chroot isolation needs root; without it the demo still shows everything but RUN.
    const buildah =
      process.getuid?.() === 0 && builders.some(({ tool, usable }) => tool === 'buildah' && usable);
    const real = (await findDockerRegistry()) !== undefined;
    const { host, sink, stop } = real ? await startDockerRegistry() : await embedded();
    leaving.push(stop);
    const remote = await createGitRemote();
    leaving.push(() => remote.remove());
    const dir = join(root, 'factory');
    await mkdir(dir);
    return {
      dir,
      host,
      sink,
      remote,
      tool: buildah ? 'buildah' : 'layers',
      registry: real ? 'docker-registry' : 'embedded',
      env: { ...process.env, IMAGE_FACTORY_CACHE_DIR: join(root, 'cache'), IMAGE_FACTORY_USER: 'you' },
      leave: () => leaveAll(leaving),
    };
  } catch (thrown) {
    await leaveAll(leaving);
    throw thrown;
  }
}

async function embedded(): Promise<{ host: string; sink: ImageSink; stop: () => Promise<void> }> {
  const registry = await startRegistry();
  return { host: registry.host, sink: registry.storage, stop: () => registry.close() };
}

async function leaveAll(leaving: readonly (() => Promise<void>)[]): Promise<void> {
  for (const leave of leaving.toReversed()) await leave().catch(() => undefined);
}

/** Writes the two files that a person would write. */
export async function writeFactory(place: Place, delay: string): Promise<void> {
  const { dir, host, remote, tool } = place;
  const managed = (name: string, more = ''): string =>
    `- name: ${name}
  repository: ${host}/acme/${name}
  tags: ["1"]
  source: { provider: local, repo: ${remote.path}, dockerfile: ${name}/Dockerfile }
${more}`;
  await writeFile(
    join(dir, 'images.yaml'),
    `# A chain of three: platform <- runtime <- web; a diamond: web is built from runtime and api; a copy from tools.
defaults:
  rebuildDelay: ${delay}
  schedule: "* * * * * *"   # every second; daily unless you say otherwise
images:
${[managed('platform'), managed('runtime'), managed('api'), managed('web', '  criticality: high\n')].join('').replaceAll(/^/gm, '  ').trimEnd()}
  - name: postgres
    repository: ${host}/base/postgres
    allowTags: ^16[.0-9]*$
    imageSelectionStrategy: SemVer
`,
  );
  await writeFile(
    join(dir, 'factory.yaml'),
    `engine: embedded
state: { mode: git, remote: ${remote.path}, branch: image-factory/state }
registries: { "${host}": { insecure: true } }
builder: { tool: ${tool} }
timing: { settle: 1s, coordinationWindow: 0s, lookAhead: 0s }   # 30m, 30m, 24h unless you say otherwise
limits: { concurrent: 2, perImageAndDay: 100 }
`,
  );
}
