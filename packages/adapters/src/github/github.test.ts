import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GithubSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { ManagedEnrolment, Source } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { hour, minute, second } from '@image-factory/core/time.ts';
import { exchangeOver } from '@image-factory/testing/forges/fake-forge.ts';
import { FakeGithub, type FakeGithubOptions } from '@image-factory/testing/forges/github.ts';
import { githubWorkflow, type GithubRepository } from '@image-factory/testing/forges/github-state.ts';
import { serveForge } from '@image-factory/testing/forges/serve-forge.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { digest, enrolment } from '@image-factory/testing/records.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGithub } from './github.ts';

const token = 'github_pat_0123456789';
const key = 'k'.repeat(64);

interface Place {
  readonly forge: FakeGithub;
  readonly repository: GithubRepository;
  readonly builder: Builder;
  /** Lets time pass. */
  pass(duration: number): void;
  posts(): number;
}

/** GitHub and an adapter of it, in a time of their own. */
function place(
  more: Partial<FakeGithubOptions> = {},
  settings: Partial<GithubSettings> = {},
  environment: Record<string, string> = { GITHUB_TOKEN: token },
): Place {
  let now = Date.UTC(2026, 0, 1, 12);
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (duration) => void (now += duration),
  };
  const forge = new FakeGithub({
    now: () => now,
    random: () => 0.5,
    push: (run) => digest(`pushed by ${run.id}`),
    ...more,
  });
  const repository = forge.add('acme/app');
  forge.tokens.set(token, { permissions: { actions: 'write', contents: 'write' } });
  const all: GithubSettings = {
    url: 'https://api.github.com',
    token: undefined,
    ca: undefined,
    callBack: undefined,
    claims: true,
    app: undefined,
    start: 'workflow_dispatch',
    ...settings,
  };
  const exchange = exchangeOver(forge.handle, { now: () => now, at: async () => undefined });
  const api = createApi({
    provider: 'github',
    url: all.url,
    ca: undefined,
    clock,
    exchange,
    random: () => 0.5,
  });
  const secrets = createSecretSource({ baseDir: '/', environment });
  const builder = createGithub({ settings: all, api, secrets, clock, environment });
  return {
    forge,
    repository,
    builder,
    pass: (duration) => void (now += duration),
    posts: () =>
      forge.log.filter(({ method, path }) => method === 'POST' && path.endsWith('dispatches')).length,
  };
}

function app(source: Partial<Source> = {}): ManagedEnrolment {
  const base = enrolment({ name: 'app' });
  return {
    ...base,
    source: { ...base.source, provider: 'github', repo: 'acme/app', branch: undefined, ...source },
  };
}

function request(source: Partial<Source> = {}, attempt = 1): BuildRequest {
  return {
    key,
    attempt,
    image: app(source),
    pins: [{ base: 'debian-12', reference: 'docker.io/library/debian:12', digest: digest('debian') }],
    dependencies: [],
    platforms: [],
    commit: 'c0ffee',
    reason: 'base-updated',
  };
}

async function problem(promise: Promise<unknown>): Promise<Problem> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof FactoryError) return thrown.problem;
  throw new Error(`expected a problem, got ${String(thrown)}`);
}

describe('start', () => {
  it('hands over the inputs, and knows the run at once', async () => {
    const { forge, builder, posts } = place();
    const run = await builder.start(request());
    expect(run).toMatchObject({ id: forge.runs[0]?.id, key, attempt: 1, status: 'running' });
    expect(run.url).toBe(`https://github.test/acme/app/actions/runs/${run.id}`);
    expect(forge.runs[0]?.inputs).toMatchObject({
      factory_key: key,
      factory_image: 'app',
      factory_commit: 'c0ffee',
    });
    expect(posts()).toBe(1);
  });

  it('asks for the default branch once, and not where one is named', async () => {
    const { forge, builder, repository } = place();
    repository.branches.add('release');
    await builder.start(request());
    await builder.start(request({}, 2));
    await builder.start(request({ branch: 'release' }, 3));
    expect(forge.log.filter(({ path }) => path === '/repos/acme/app').length).toBe(1);
    expect(forge.runs.map(({ branch }) => branch)).toEqual(['main', 'main', 'release']);
  });

  it('an older server is asked without run details once it refused them, and the run is found by its name', async () => {
    const { forge, builder, posts } = place({ details: false, visibilityDelay: 6 * second });
    const run = await builder.start(request());
    expect(run).toMatchObject({ id: forge.runs[0]?.id, key, attempt: 1 });
    expect(posts()).toBe(2);
    await builder.start(request({}, 2));
    expect(posts()).toBe(3);
    expect(forge.runs.length).toBe(2);
  });

  it('two starts at once at an older server are both accepted', async () => {
    const { forge, builder } = place({ details: false });
    await Promise.all([builder.start(request()), builder.start(request({}, 2))]);
    expect(forge.runs.length).toBe(2);
  });

  it('a run that is not shown yet is unknown, never started again', async () => {
    const { forge, builder, posts } = place({ details: false, visibilityDelay: 10 * minute });
    expect(await problem(builder.start(request()))).toMatchObject({ code: 'CI_UNREACHABLE' });
    expect([posts(), forge.runs.length]).toEqual([2, 1]);
  });

  it('a 204 without a run is unknown too', async () => {
    const { forge, builder, posts } = place();
    forge.faults.silentDrops = 1;
    expect(await problem(builder.start(request()))).toMatchObject({ code: 'CI_UNREACHABLE' });
    expect([posts(), forge.runs.length]).toEqual([1, 0]);
  });

  it.each(['failsAfterAccept', 'lostAnswers', 'failsBeforeAccept'] as const)(
    'is not repeated after %s',
    async (fault) => {
      const { forge, builder, posts } = place();
      forge.faults[fault] = 1;
      expect(await problem(builder.start(request()))).toMatchObject({ code: 'CI_UNREACHABLE' });
      expect(posts()).toBe(1);
      forge.faults[fault] = 0;
      const found = await builder.find(app(), key, 1);
      expect(found?.id).toBe(forge.runs[0]?.id);
    },
  );

  it.each(['primary', 'secondary'] as const)(
    'is refused for now by a %s limit, and kept back until it ends',
    async (kind) => {
      const { forge, builder, pass, posts } = place();
      await builder.start(request());
      forge.limit = { kind, until: Date.UTC(2026, 0, 1, 12, 5) };
      expect(await problem(builder.start(request({}, 2)))).toMatchObject({ code: 'CI_THROTTLED' });
      expect(await problem(builder.start(request({}, 3)))).toMatchObject({ code: 'CI_THROTTLED' });
      expect(posts()).toBe(2);
      pass(5 * minute);
      await builder.start(request({}, 3));
      expect(forge.runs.length).toBe(2);
    },
  );

  it('does nothing any more when what had to be asked before took too long', async () => {
    const { forge, builder, pass, posts } = place();
    forge.limit = { kind: 'secondary', retryAfter: 30 * second, until: Date.UTC(2026, 0, 1, 12, 0, 20) };
    // Waits for the default branch, and somebody else may have taken over by now.
    const started = builder.start(request());
    pass(90 * second);
    expect(await problem(started)).toMatchObject({ code: 'CI_THROTTLED' });
    expect(posts()).toBe(0);
  });

  it('an event of the repository names the workflow, and builds the default branch only', async () => {
    const { forge, builder } = place({}, { start: 'repository_dispatch' });
    const run = await builder.start(request());
    expect(forge.runs).toMatchObject([{ id: run.id, event: 'repository_dispatch' }]);
    expect(await problem(builder.start(request({ branch: 'release' }, 2)))).toMatchObject({
      code: 'CI_REFUSED',
    });
  });
});

describe('a refusal says what to do', () => {
  interface Refusal {
    readonly name: string;
    readonly source?: Partial<Source>;
    readonly given?: (place: Place) => void;
    readonly code: Problem['code'];
    readonly says: RegExp;
  }

  const refusals: readonly Refusal[] = [
    {
      name: 'no such workflow',
      source: { workflow: 'backstage.yml' },
      code: 'CI_REFUSED',
      says: /no workflow backstage\.yml on its default branch.*Commit \.github\/workflows\/backstage\.yml/s,
    },
    {
      name: 'no such repository',
      source: { repo: 'acme/none' },
      code: 'CI_DENIED',
      says: /acme\/none does not exist, or these credentials may not see it/,
    },
    {
      name: 'no trigger',
      given: ({ repository }) =>
        repository.workflows.set('build-image.yml', githubWorkflow({ inputs: undefined })),
      code: 'CI_REFUSED',
      says: /does not have 'workflow_dispatch' trigger.*on: workflow_dispatch/s,
    },
    {
      name: 'undeclared inputs',
      given: ({ repository }) =>
        repository.workflows.set('build-image.yml', githubWorkflow({ inputs: ['factory_key'] })),
      code: 'CI_REFUSED',
      says: /Unexpected inputs.*Declare.*factory_key, factory_attempt.*factory_build_args/s,
    },
    {
      name: 'a required input of its own',
      given: ({ repository }) =>
        repository.workflows.set('build-image.yml', githubWorkflow({ required: ['environment'] })),
      code: 'CI_REFUSED',
      says: /Required input 'environment' not provided.*not required/s,
    },
    {
      name: 'no such branch',
      source: { branch: 'release/1' },
      code: 'CI_REFUSED',
      says: /no branch release\/1.*source\.branch/s,
    },
    {
      name: 'disabled',
      given: ({ repository }) =>
        repository.workflows.set('build-image.yml', githubWorkflow({ disabled: true })),
      code: 'CI_REFUSED',
      says: /is disabled.*Enable it/s,
    },
    {
      name: 'archived',
      given: ({ repository }) => void (repository.archived = true),
      code: 'CI_REFUSED',
      says: /is archived/,
    },
    {
      name: 'may only read',
      given: ({ forge }) => forge.tokens.set(token, { permissions: { actions: 'read' } }),
      code: 'CI_DENIED',
      says: /Resource not accessible by personal access token.*actions: write/s,
    },
    {
      name: 'an expired token',
      given: ({ forge }) => forge.tokens.set(token, { permissions: { actions: 'write' }, expiresAt: 1 }),
      code: 'CI_DENIED',
      says: /Bad credentials.*expired/s,
    },
    {
      name: 'another server',
      source: { repo: 'https://git.example.com/acme/app' },
      code: 'CI_REFUSED',
      says: /at git\.example\.com, but workflows are started at github\.com/,
    },
    {
      name: 'a path',
      source: { repo: './app' },
      code: 'CI_REFUSED',
      says: /expected a repository of github\.com/,
    },
  ];

  it.each(refusals)('$name', async ({ source, given, code, says }) => {
    const here = place();
    given?.(here);
    const refused = await problem(here.builder.start(request(source)));
    expect(refused.code).toBe(code);
    expect(`${refused.message} ${refused.hint}`).toMatch(says);
    expect(JSON.stringify(refused)).not.toContain(token);
    expect(here.forge.runs).toEqual([]);
  });

  it('no token at all', async () => {
    const { builder, forge } = place({}, {}, {});
    const refused = await problem(builder.start(request()));
    expect(refused.code).toBe('CREDENTIALS');
    expect(refused.hint).toContain('GITHUB_TOKEN or GH_TOKEN');
    expect(forge.log).toEqual([]);
  });
});

it.each([
  'acme/app',
  'https://github.com/acme/app',
  'https://github.com/acme/app.git',
  'https://www.github.com/acme/app/',
  'ssh://git@github.com/acme/app.git',
  'ssh://git@ssh.github.com:443/acme/app.git',
  'git@github.com:acme/app.git',
])('the repository may be written as %s', async (repo) => {
  const { builder, forge } = place();
  await builder.start(request({ repo }));
  expect(forge.runs.length).toBe(1);
});

it('the factory’s own repository is the one that its workflow runs in', async () => {
  const { builder, forge } = place({}, {}, { GITHUB_TOKEN: token, GITHUB_REPOSITORY: 'acme/app' });
  await builder.start(request({ repo: '.' }));
  expect(forge.runs.length).toBe(1);
});

it('what is at the token’s place goes to its server only', async () => {
  const { builder, forge } = place(
    {},
    { url: 'https://git.example.com/api/v3' },
    { GITHUB_TOKEN: 'of-github.com', GH_ENTERPRISE_TOKEN: token },
  );
  // The handler sees the path below the server, as an Enterprise server does.
  await problem(builder.start(request({ repo: 'https://git.example.com/acme/app' })));
  expect(forge.log[0]?.path).toBe('/api/v3/repos/acme/app');
});

describe('find', () => {
  it('finds a run among hundreds of others, and none where there is none', async () => {
    const { forge, builder, pass } = place();
    const run = await builder.start(request());
    pass(minute);
    for (let other = 0; other < 350; other++) forge.addOther('acme/app');
    forge.log.length = 0;
    expect((await builder.find(app(), key, 1))?.id).toBe(run.id);
    expect(forge.log.filter(({ path }) => path.endsWith('/runs')).length).toBe(4);
    expect(await builder.find(app(), key, 2)).toBeUndefined();
    expect(await builder.find(app(), key.slice(1), 1)).toBeUndefined();
  });

  it('looks only through what is younger than its intent', async () => {
    const { forge, builder, pass } = place();
    for (let other = 0; other < 350; other++) forge.addOther('acme/app');
    pass(5 * hour);
    const since = Date.UTC(2026, 0, 1, 17);
    const run = await builder.start(request());
    forge.log.length = 0;
    expect((await builder.find(app(), key, 1, undefined, since))?.id).toBe(run.id);
    expect(forge.log.filter(({ path }) => path.endsWith('/runs')).length).toBe(1);
  });

  it('of two runs of one attempt it means the one that holds the claim', async () => {
    const { forge, builder, pass } = place();
    const first = await builder.start(request());
    await builder.start(request());
    pass(5 * minute);
    const found = await builder.find(app(), key, 1);
    expect(found).toMatchObject({ id: first.id, status: 'success' });
    expect(forge.runs.map(({ built }) => built)).toEqual([true, false]);
  });

  it('a workflow that is gone has no runs', async () => {
    const { builder } = place();
    expect(await builder.find(app({ repo: 'acme/none' }), key, 1)).toBeUndefined();
  });
});

describe('get', () => {
  it('follows a run to the digest that it pushed', async () => {
    const { forge, builder, pass } = place();
    const { id } = await builder.start(request());
    expect(await builder.get(app(), id)).toMatchObject({ status: 'running' });
    pass(2 * second);
    pass(minute);
    forge.log.length = 0;
    expect(await builder.get(app(), id)).toMatchObject({
      status: 'success',
      key,
      attempt: 1,
      digest: digest(`pushed by ${id}`),
    });
    expect(forge.log.length).toBe(2);
  });

  it('a run that found its key claimed is superseded', async () => {
    const { builder, pass } = place();
    await builder.start(request());
    const second = await builder.start(request());
    pass(minute);
    expect(await builder.get(app(), second.id)).toMatchObject({ status: 'superseded' });
  });

  it('a failure names the job and the step, with the job’s page as log', async () => {
    const { builder, pass } = place({ outcome: () => 'failure' });
    const { id } = await builder.start(request());
    pass(minute);
    expect(await builder.get(app(), id)).toMatchObject({
      status: 'failure',
      error: 'the run failed (job "rebuild / build", step "Build and push")',
      log: expect.stringContaining(`/runs/${id}/job/`) as string,
    });
  });

  it('a success that says no digest is a success without one', async () => {
    const { forge, builder, pass } = place();
    const { id } = await builder.start(request());
    if (forge.runs[0]) forge.runs[0].silent = true;
    pass(minute);
    const run = await builder.get(app(), id);
    expect(run).toMatchObject({ status: 'success' });
    expect(run?.digest).toBeUndefined();
  });

  it.each([
    ['success', 'success'],
    ['neutral', 'success'],
    ['cancelled', 'cancelled'],
    ['failure', 'failure'],
    ['timed_out', 'failure'],
    ['startup_failure', 'failure'],
    ['stale', 'failure'],
    ['skipped', 'failure'],
    ['something_new', 'failure'],
    ['action_required', 'running'],
  ])('the conclusion %s means %s', async (conclusion, status) => {
    const { forge, builder, pass } = place();
    const { id } = await builder.start(request());
    pass(minute);
    forge.catchUp();
    if (forge.runs[0]) Object.assign(forge.runs[0], { conclusion, silent: true });
    const run = await builder.get(app(), id);
    expect(run?.status).toBe(status);
    expect(run?.error !== undefined).toBe(status === 'failure');
  });

  it.each(['queued', 'in_progress', 'waiting', 'requested', 'pending'])(
    'the state %s means running',
    async (status) => {
      const { forge, builder } = place();
      const { id } = await builder.start(request());
      if (forge.runs[0]) forge.runs[0].status = status;
      expect(await builder.get(app(), id)).toMatchObject({ status: 'running' });
    },
  );

  it('a run that is gone, or whose id is none, is not known', async () => {
    const { builder } = place();
    expect(await builder.get(app(), '424242')).toBeUndefined();
    expect(await builder.get(app(), '../../user')).toBeUndefined();
  });

  it('reads again what failed', async () => {
    const { forge, builder } = place({ random: () => 0.1 });
    const { id } = await builder.start(request());
    forge.faults.failedReads = 1;
    expect(await problem(builder.get(app(), id))).toMatchObject({ code: 'CI_UNREACHABLE' });
    forge.faults.failedReads = 0;
    expect(await builder.get(app(), id)).toMatchObject({ status: 'running' });
  });

  it('names what a token may not read', async () => {
    const { forge, builder } = place();
    const { id } = await builder.start(request());
    forge.tokens.set(token, { permissions: {} });
    const refused = await problem(builder.get(app(), id));
    expect(refused).toMatchObject({ code: 'CI_DENIED' });
    expect(refused.hint).toContain('actions: read');
  });
});

describe('cancel and retry', () => {
  it('a cancelled run has ended, and cancelling it again changes nothing', async () => {
    const { builder, pass } = place();
    const { id } = await builder.start(request());
    pass(10 * second);
    await builder.cancel(app(), id);
    await builder.cancel(app(), id);
    expect(await builder.get(app(), id)).toMatchObject({ status: 'cancelled' });
  });

  it('a run again is the same run, key and attempt, keeps its claim, and may succeed', async () => {
    const { forge, builder, pass } = place({ outcome: ({ tries }) => (tries === 1 ? 'failure' : 'success') });
    const { id } = await builder.start(request());
    pass(minute);
    expect(await builder.get(app(), id)).toMatchObject({ status: 'failure' });
    await builder.retry?.(app(), id);
    expect(await builder.get(app(), id)).toMatchObject({ id, key, attempt: 1, status: 'running' });
    pass(minute);
    expect(await builder.get(app(), id)).toMatchObject({ id, attempt: 1, status: 'success' });
    expect(forge.runs).toMatchObject([{ tries: 2, built: true }]);
  });

  it('what cannot be run again, or is not there, is refused', async () => {
    const { builder, pass } = place();
    const { id } = await builder.start(request());
    pass(minute);
    expect(await problem(Promise.resolve(builder.retry?.(app(), id)))).toMatchObject({ code: 'CI_REFUSED' });
    expect(await problem(builder.cancel(app(), '99'))).toMatchObject({ code: 'CI_REFUSED' });
  });
});

describe('as an App', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function asApp(type: 'pkcs1' | 'pkcs8' = 'pkcs1', installation?: number) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const folder = mkdtempSync(join(tmpdir(), 'github-app-'));
    folders.push(folder);
    const file = join(folder, 'app.pem');
    writeFileSync(file, privateKey.export({ type, format: 'pem' }));
    const settings = { app: { id: '42', installation, privateKey: { kind: 'file' as const, path: file } } };
    const here = place({}, settings, {});
    here.forge.apps.set('42', { key: publicKey, installations: new Map([['acme', 7]]) });
    return here;
  }

  function tokensMade({ forge }: Place): number {
    return forge.log.filter(({ path }) => path.endsWith('/access_tokens')).length;
  }

  it.each(['pkcs1', 'pkcs8'] as const)(
    'a %s key gets a token, which is used until shortly before its end',
    async (type) => {
      const here = asApp(type);
      const { id } = await here.builder.start(request());
      await here.builder.get(app(), id);
      expect(tokensMade(here)).toBe(1);
      here.pass(49 * minute);
      await here.builder.get(app(), id);
      expect(tokensMade(here)).toBe(1);
      here.pass(2 * minute);
      await here.builder.get(app(), id);
      expect(tokensMade(here)).toBe(2);
      expect(here.forge.log.filter(({ path }) => path.endsWith('/installation')).length).toBe(1);
    },
  );

  it('starts at once share one token', async () => {
    const here = asApp('pkcs1', 7);
    await Promise.all([1, 2, 3, 4].map((attempt) => here.builder.start(request({}, attempt))));
    expect(tokensMade(here)).toBe(1);
    expect(here.forge.runs.length).toBe(4);
  });

  it('a token that was revoked before its time is replaced, and nothing is started twice', async () => {
    const here = asApp();
    await here.builder.start(request());
    for (const [name, known] of here.forge.tokens) here.forge.tokens.set(name, { ...known, expiresAt: 1 });
    await here.builder.start(request({}, 2));
    expect(here.forge.runs.length).toBe(2);
    expect(here.forge.log.filter(({ status }) => status === 401).length).toBe(1);
  });

  it('says where it is not installed, and that its key is not the right one', async () => {
    const here = asApp();
    here.forge.apps.get('42')?.installations.clear();
    const refused = await problem(here.builder.start(request()));
    expect(refused).toMatchObject({ code: 'CI_DENIED' });
    expect(refused.message).toContain('not installed on acme/app');
    const other = place(
      {},
      { app: { id: '42', installation: 7, privateKey: { kind: 'env', name: 'KEY' } } },
      { KEY: 'nonsense' },
    );
    expect(await problem(other.builder.start(request()))).toMatchObject({ code: 'CREDENTIALS' });
  });
});

it('works the same over HTTP, below the path of an Enterprise server', async () => {
  const forge = new FakeGithub({
    now: () => Date.now(),
    random: () => 0,
    push: () => digest('pushed'),
    buildTime: 0,
    queueTime: 0,
    details: false,
  });
  forge.add('acme/app');
  forge.tokens.set(token, { permissions: { actions: 'write' } });
  const served = await serveForge((asked) =>
    forge.handle({ ...asked, path: asked.path.replace('/api/v3', '') }),
  );
  const url = `${served.url}/api/v3`;
  const api = createApi({ provider: 'github', url, ca: undefined, clock: realClock });
  try {
    const settings: GithubSettings = {
      url,
      token: { kind: 'env', name: 'T' },
      ca: undefined,
      callBack: undefined,
      claims: true,
      app: undefined,
      start: 'workflow_dispatch',
    };
    const environment = { T: token };
    const secrets = createSecretSource({ baseDir: '/', environment });
    const builder = createGithub({ settings, api, secrets, clock: realClock, environment });
    const image = app({ repo: `http://127.0.0.1/acme/app` });
    const { id } = await builder.start({ ...request(), image });
    expect(await builder.get(image, id)).toMatchObject({ status: 'success', digest: digest('pushed') });
    forge.faults.lostAnswers = 1;
    expect(await problem(builder.start({ ...request({}, 2), image }))).toMatchObject({
      code: 'CI_UNREACHABLE',
    });
    expect(forge.runs.length).toBe(2);
    expect((await builder.find(image, key, 2))?.id).toBe(forge.runs[1]?.id);
  } finally {
    await api.close();
    await served.close();
  }
});
