import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeGitea } from '@image-factory/testing/forges/gitea.ts';
import { fakeGitlab } from '@image-factory/testing/forges/gitlab.ts';
import { serveForge, type ForgeHandler } from '@image-factory/testing/forges/serve-forge.ts';
import { digest } from '@image-factory/testing/records.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { openCiBuilders, startableProviders } from './ci-builders.ts';
import { loadConfig } from './config-files.ts';
import type { Io } from './io.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const workflows = {
  now: () => Date.now(),
  random: () => 0.5,
  claim: undefined,
  push: () => digest('pushed'),
};

async function served(handle: ForgeHandler): Promise<string> {
  const { url, close } = await serveForge(handle);
  closers.push(close);
  return url;
}

function entry(name: string, provider: string): string {
  return `- { name: ${name}, registry: r.test, repository: acme/${name}, source: { provider: ${provider}, repo: acme/app, branch: main, dockerfile: Dockerfile } }\n`;
}

async function open(
  images: string,
  factory: string,
  env: Readonly<Record<string, string | undefined>>,
  origin?: string,
) {
  const dir = await mkdtemp(join(tmpdir(), 'ci-builders-'));
  closers.push(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'images.yaml'), images);
  await writeFile(join(dir, 'factory.yaml'), factory);
  if (origin !== undefined) {
    execFileSync('git', ['init', '-q', dir]);
    execFileSync('git', ['-C', dir, 'remote', 'add', 'origin', origin]);
  }
  const loaded = await loadConfig(dir);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const io: Io = {
    env,
    cwd: dir,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    width: 80,
    out: () => undefined,
    err: () => undefined,
    now: () => Date.now(),
  };
  const registry = {
    look: async () => ({ kind: 'absent' as const }),
    describe: async () => undefined,
  };
  const builders = await openCiBuilders(dir, loaded.value, registry, io);
  closers.push(() => builders.close());
  return { builders, config: loaded.value };
}

describe('the CI systems of a factory', () => {
  it('are those that its images use and factory.yaml knows', async () => {
    const { builders, config } = await open(
      entry('one', 'gitlab') + entry('two', 'forgejo') + entry('three', 'github') + entry('four', 'local'),
      'providers: { gitea: { url: https://git.test } }',
      {},
    );
    expect(startableProviders(config)).toEqual(['gitlab', 'github']);
    const opened = (['github', 'gitlab', 'gitea', 'forgejo', 'webhook', 'local'] as const).filter(
      (provider) => builders.builderFor(provider),
    );
    expect(opened).toEqual(['github', 'gitlab']);
    expect(builders.builderFor('gitlab')?.provider).toBe('gitlab');
  });

  it('are asked whether they answer and take their token', async () => {
    const gitlab = fakeGitlab({ ...workflows, project: 'acme/app', prefix: '/lab', token: 'lab-token' });
    const gitea = fakeGitea({
      ...workflows,
      dialect: 'gitea',
      repo: 'acme/app',
      workflow: 'build-image.yml',
      token: 'tea-token',
    });
    const lab = await served(gitlab.handle);
    const tea = await served(gitea.handle);
    const providers = `providers:
  gitlab: { url: "${lab}/lab" }
  gitea: { url: "${tea}", token: { file: token } }
  webhook: { start: { url: "${tea}/start", secretHeaders: { X: { secret: { env: HOOK } } } } }
`;
    const images =
      entry('one', 'gitlab') + entry('two', 'gitlab') + entry('three', 'gitea') + entry('four', 'webhook');
    const { builders } = await open(images, providers, { GITLAB_TOKEN: 'lab-token' });
    expect(await builders.check()).toMatchObject([
      { provider: 'gitlab', images: 2, problem: undefined },
      { provider: 'gitea', images: 1, problem: { code: 'CREDENTIALS' } },
      { provider: 'webhook', images: 1, problem: { code: 'CREDENTIALS' } },
    ]);
    gitlab.expired = true;
    const [expired] = await builders.check();
    expect(expired?.problem).toMatchObject({ code: 'CI_DENIED' });
    expect(JSON.stringify(expired)).not.toContain('lab-token');
    expect(gitlab.mistakes).toEqual([]);
    expect(gitlab.creates + gitea.creates).toBe(0);
  });

  it.each(['.', 'acme/builds'])(
    'are asked in the repository of the workflow, and never upstream: workflowRepo %s',
    async (workflowRepo) => {
      const repository = workflowRepo === '.' ? 'acme/factory' : workflowRepo;
      const gitlab = fakeGitlab({ ...workflows, project: repository, prefix: '/lab', token: 'lab-token' });
      const gitea = fakeGitea({
        ...workflows,
        dialect: 'gitea',
        repo: repository,
        workflow: 'build-image.yml',
        token: 'tea-token',
      });
      const lab = await served(gitlab.handle);
      const tea = await served(gitea.handle);
      const images = (['gitlab', 'gitea'] as const)
        .map(
          (provider) => `- name: ${provider}
  repository: r.test/acme/${provider}
  source: { provider: ${provider}, repo: "https://up.test/up/x", tag: v1, patches: [a.patch], workflowRepo: ${workflowRepo} }
`,
        )
        .join('');
      for (const [provider, url, fake] of [
        ['gitlab', `${lab}/lab`, gitlab],
        ['gitea', tea, gitea],
      ] as const) {
        const { builders, config } = await open(
          images,
          `providers:\n  gitlab: { url: "${lab}/lab" }\n  gitea: { url: "${tea}" }\n`,
          { PATH: process.env['PATH'], GITLAB_TOKEN: 'lab-token', GITEA_TOKEN: 'tea-token' },
          `${url.replace('//', '//user:s3cret@')}/acme/factory.git`,
        );
        const image = config.images.find(({ name }) => name === provider);
        if (image?.kind !== 'managed') throw new Error('expected a managed image');
        const request = { key: 'k1'.repeat(16), attempt: 1, image, reason: 'test' };
        const none = { pins: [], dependencies: [], platforms: [], commit: 'c'.repeat(40) };
        const run = await builders.builderFor(provider)?.start({ ...request, ...none });
        expect(run).toMatchObject({ status: 'running' });
        expect(fake.creates).toBe(1);
        const seen = await builders.builderFor(provider)?.get(image, run?.id ?? '');
        expect(seen).toMatchObject({ id: run?.id });
        expect(fake.mistakes).toEqual([]);
      }
    },
  );
});
