import { generateKeyPairSync, createSign } from 'node:crypto';
import { runInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import { hour, minute, second } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { digest } from '../records.ts';
import { chance } from '../world/scheduler.ts';
import { checkedAgainstDescription } from './test-github-checked.ts';
import { factoryInputs, githubWorkflow } from './github-state.ts';
import { FakeGithub, type FakeGithubOptions } from './github.ts';
import type { ForgeReply } from './serve-forge.ts';

const inputs = { factory_key: 'abc', factory_attempt: '1', factory_image: 'app' };
const dispatches = '/repos/acme/app/actions/workflows/build-image.yml/dispatches';
const runs = '/repos/acme/app/actions/workflows/build-image.yml/runs';

function github(more: Partial<FakeGithubOptions> = {}) {
  let now = Date.UTC(2026, 0, 1, 12);
  const forge = new FakeGithub({
    now: () => now,
    random: chance(1),
    push: ({ id }) => digest(id),
    ...more,
  });
  const repository = forge.add('acme/app');
  forge.tokens.set('t', { permissions: { actions: 'write', contents: 'write' } });
  const checked = checkedAgainstDescription(forge.handle);
  const ask = (
    method: string,
    path: string,
    body?: unknown,
    authorization = 'Bearer t',
  ): Promise<ForgeReply | 'lost'> => {
    const url = new URL(path, 'http://x');
    return checked.handle({
      method,
      path: url.pathname,
      query: url.searchParams,
      headers: { authorization },
      body: body === undefined ? '' : JSON.stringify(body),
    });
  };
  return {
    forge,
    repository,
    ask,
    checked,
    pass: (duration: number) => void (now += duration),
    now: () => now,
  };
}

function told(reply: ForgeReply | 'lost'): string {
  if (reply === 'lost') return reply;
  return `${reply.status} ${(reply.body as { message?: string } | undefined)?.message ?? ''}`.trim();
}

it('answers every operation as GitHub describes it, from a start to its end', async () => {
  const { forge, ask, checked, pass, repository } = github({
    outcome: ({ tries, attempt }) => (attempt === 1 && tries === 1 ? 'failure' : 'success'),
  });
  await ask('GET', '/repos/acme/app');
  await ask('GET', '/repos/acme/app/actions/workflows/build-image.yml');
  await ask('POST', dispatches, { ref: 'main', inputs, return_run_details: true });
  await ask('POST', dispatches, { ref: 'main', inputs });
  const [first, second_] = forge.runs;
  for (const part of ['', '/jobs', '/artifacts'])
    await ask('GET', `/repos/acme/app/actions/runs/${first?.id}${part}`);
  pass(3 * second);
  await ask('GET', `/repos/acme/app/actions/runs/${first?.id}/jobs?filter=latest&per_page=100`);
  pass(minute);
  for (const run of [first, second_]) {
    for (const part of ['', '/jobs', '/artifacts'])
      await ask('GET', `/repos/acme/app/actions/runs/${run?.id}${part}`);
  }
  await ask('POST', `/repos/acme/app/actions/runs/${first?.id}/rerun-failed-jobs`);
  pass(minute);
  for (const part of ['', '/jobs', '/artifacts'])
    await ask('GET', `/repos/acme/app/actions/runs/${first?.id}${part}`);
  await ask(
    'GET',
    `${runs}?event=workflow_dispatch&created=${encodeURIComponent('>=2026-01-01T11:00:00Z')}&per_page=100&page=1`,
  );
  await ask('POST', '/repos/acme/app/dispatches', {
    event_type: 'build-image',
    client_payload: { ...inputs, factory_attempt: '2' },
  });
  await ask('POST', `/repos/acme/app/actions/runs/${forge.runs.at(-1)?.id}/cancel`);
  await ask('POST', `/repos/acme/app/actions/runs/${first?.id}/cancel`);
  const blob = await ask('POST', '/repos/acme/app/git/blobs', { content: '1', encoding: 'utf-8' });
  const { sha } = (blob as { body: { sha: string } }).body;
  await ask('GET', `/repos/acme/app/git/blobs/${sha}`);
  await ask('POST', '/repos/acme/app/git/refs', { ref: 'refs/factory/claims/x/1', sha });
  await ask('GET', '/repos/acme/app/git/ref/factory/claims/x/1');
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  forge.apps.set('42', { key: publicKey, installations: new Map([['acme', 7]]) });
  const unsigned = `e30.${Buffer.from('{"iss":"42"}').toString('base64url')}`;
  const jwt = `${unsigned}.${createSign('RSA-SHA256').update(unsigned).sign(privateKey, 'base64url')}`;
  await ask('GET', '/repos/acme/app/installation', undefined, `Bearer ${jwt}`);
  await ask('POST', '/app/installations/7/access_tokens', undefined, `Bearer ${jwt}`);
  expect(checked.mistakes).toEqual([]);
  const good = [...checked.seen]
    .filter((what) => /2\d\d$/.test(what))
    .map((what) => what.replace(/ \d+$/, ''));
  expect(new Set(good).size).toBe(16);
  // The run that was cancelled in the queue never came to its claim.
  expect([...repository.refs.keys()]).toEqual(['refs/factory/claims/abc/1', 'refs/factory/claims/x/1']);
});

it('what differs from the description is found', async () => {
  const { checked, forge, ask } = github();
  await ask('POST', dispatches, { ref: 7, inputs: [] });
  await ask('POST', dispatches, { ref: 'main', return_run_detail: true });
  await ask('GET', `${runs}?pages=1`);
  await ask('GET', '/repos/acme/app/actions/jobs');
  expect(checked.mistakes.map((mistake) => mistake.slice(mistake.indexOf(': ') + 2))).toEqual([
    expect.stringContaining('must be string'),
    'no field return_run_detail',
    'no parameter pages',
    'no such operation',
  ]);
  const strange = checkedAgainstDescription(async () => ({ status: 200, body: { workflow_run_id: 'x' } }));
  await strange.handle({
    method: 'POST',
    path: dispatches,
    query: new URLSearchParams(),
    headers: {},
    body: JSON.stringify({ ref: 'main' }),
  });
  expect(strange.mistakes[0]).toContain("must have required property 'run_url'");
  expect(forge.runs).toEqual([]);
});

describe('a dispatch', () => {
  it('starts a new run each time that it is accepted', async () => {
    const { forge, ask } = github();
    for (let time = 0; time < 3; time++) await ask('POST', dispatches, { ref: 'main', inputs });
    expect(forge.runs.length).toBe(3);
  });

  it.each([
    ['an unknown field', { ref: 'main', refs: 1 }, '422 Invalid request.\n\n"refs" is not a permitted key.'],
    ['no ref', { inputs }, '422 Invalid request.\n\n"ref" wasn\'t supplied.'],
    ['a branch that is not there', { ref: 'none' }, '422 No ref found for: none'],
    ['an undeclared input', { ref: 'main', inputs: { x: 'y' } }, '422 Unexpected inputs provided: ["x"]'],
    [
      '26 inputs',
      { ref: 'main', inputs: Object.fromEntries(Array.from({ length: 26 }, (_, n) => [`i${n}`, ''])) },
      '422 Invalid request.\n\nNo more than 25 properties are allowed.',
    ],
    [
      'an input that is no text',
      { ref: 'main', inputs: { factory_attempt: 1 } },
      '422 Invalid request.\n\nFor inputs, a value is not a string.',
    ],
  ])('with %s is refused', async (_name, body, says) => {
    const { forge, ask } = github();
    expect(told(await ask('POST', dispatches, body))).toBe(says);
    expect(forge.runs).toEqual([]);
  });

  it('is refused by an older server with the field that it does not know', async () => {
    const { ask } = github({ details: false });
    expect(told(await ask('POST', dispatches, { ref: 'main', return_run_details: true }))).toMatch(
      /^400 .*not a permitted key/s,
    );
    expect(told(await ask('POST', dispatches, { ref: 'main' }))).toBe('204');
  });

  it('without trigger, on a disabled workflow, or with a required input missing is refused', async () => {
    const { repository, ask } = github();
    const answers: string[] = [];
    for (const more of [{ inputs: undefined }, { disabled: true }, { required: ['factory_key'] }]) {
      repository.workflows.set('build-image.yml', githubWorkflow(more));
      answers.push(told(await ask('POST', dispatches, { ref: 'main' })));
    }
    expect(answers).toEqual([
      "422 Workflow does not have 'workflow_dispatch' trigger",
      "422 Cannot trigger a 'workflow_dispatch' on a disabled workflow",
      "422 Required input 'factory_key' not provided",
    ]);
  });
});

describe('faults', () => {
  it.each([
    ['failsAfterAccept', '502 Server Error', 1],
    ['lostAnswers', 'lost', 1],
    ['silentDrops', '204', 0],
    ['failsBeforeAccept', '503 Service Unavailable', 0],
  ] as const)('%s', async (fault, says, count) => {
    const { forge, ask } = github();
    forge.faults[fault] = 1;
    expect(told(await ask('POST', dispatches, { ref: 'main', inputs }))).toBe(says);
    expect(forge.runs.length).toBe(count);
  });

  it('limits with and without a time, and nothing is done', async () => {
    const { forge, ask, now, pass } = github();
    forge.limit = { kind: 'secondary', retryAfter: minute, until: now() + minute };
    const named = await ask('POST', dispatches, { ref: 'main', inputs });
    forge.limit = { kind: 'secondary', until: now() + minute };
    const unnamed = await ask('POST', dispatches, { ref: 'main', inputs });
    forge.limit = { kind: 'primary', until: now() + minute };
    const primary = await ask('GET', '/repos/acme/app');
    expect([named, unnamed, primary]).toMatchObject([
      { status: 403, headers: { 'retry-after': '60' } },
      { status: 403 },
      { status: 403, headers: { 'x-ratelimit-remaining': '0' } },
    ]);
    expect(unnamed).not.toHaveProperty('headers.retry-after');
    expect(forge.runs).toEqual([]);
    pass(minute);
    expect(told(await ask('GET', '/repos/acme/app'))).toBe('200');
  });

  it('a run is shown late, by list and by id', async () => {
    const { forge, ask, pass } = github({ visibilityDelay: 10 * minute, random: () => 0.5 });
    await ask('POST', dispatches, { ref: 'main', inputs });
    const list = async () => ((await ask('GET', runs)) as { body: { total_count: number } }).body.total_count;
    expect([
      await list(),
      told(await ask('GET', `/repos/acme/app/actions/runs/${forge.runs[0]?.id}`)),
    ]).toEqual([0, '404 Not Found']);
    pass(6 * minute);
    expect([
      await list(),
      told(await ask('GET', `/repos/acme/app/actions/runs/${forge.runs[0]?.id}`)),
    ]).toEqual([1, '200']);
  });
});

describe('who may do what', () => {
  it('an expired token may nothing, one without the permission is told which', async () => {
    const { forge, ask, now } = github();
    forge.tokens.set('old', { permissions: { actions: 'write' }, expiresAt: now() });
    forge.tokens.set('read', { permissions: { actions: 'read' }, owner: 'integration' });
    forge.tokens.set('other', { permissions: { actions: 'write' }, repositories: ['acme/other'] });
    expect(told(await ask('GET', runs, undefined, 'Bearer old'))).toBe('401 Bad credentials');
    expect(told(await ask('GET', runs, undefined, 'Bearer read'))).toBe('200');
    const refused = await ask('POST', dispatches, { ref: 'main' }, 'Bearer read');
    expect(told(refused)).toBe('403 Resource not accessible by integration');
    expect(refused).toMatchObject({ headers: { 'x-accepted-github-permissions': 'actions=write' } });
    expect(told(await ask('GET', runs, undefined, 'Bearer other'))).toBe('404 Not Found');
  });

  it('an installation token ends after an hour', async () => {
    const { forge, ask, pass } = github();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    forge.apps.set('42', { key: publicKey, installations: new Map([['acme', 7]]) });
    const unsigned = `e30.${Buffer.from('{"iss":"42"}').toString('base64url')}`;
    const jwt = `${unsigned}.${createSign('RSA-SHA256').update(unsigned).sign(privateKey, 'base64url')}`;
    const made = await ask('POST', '/app/installations/7/access_tokens', undefined, `Bearer ${jwt}`);
    const { token } = (made as { body: { token: string } }).body;
    expect(told(await ask('GET', runs, undefined, `Bearer ${token}`))).toBe('200');
    pass(hour);
    expect(told(await ask('GET', runs, undefined, `Bearer ${token}`))).toBe('401 Bad credentials');
    expect(
      told(await ask('POST', '/app/installations/7/access_tokens', undefined, `Bearer ${jwt}x`)),
    ).toMatch(/^401/);
  });
});

describe('the claim', () => {
  it('is a ref that is created once', async () => {
    const { ask } = github();
    const made = await ask('POST', '/repos/acme/app/git/blobs', { content: '1' });
    const { sha } = (made as { body: { sha: string } }).body;
    const ref = { ref: 'refs/factory/claims/abc/1', sha };
    expect(told(await ask('POST', '/repos/acme/app/git/refs', ref))).toBe('201');
    expect(told(await ask('POST', '/repos/acme/app/git/refs', ref))).toBe('422 Reference already exists');
    expect(told(await ask('POST', '/repos/acme/app/git/refs', { ...ref, sha: 'f'.repeat(40) }))).toBe(
      '422 Object does not exist',
    );
  });

  it('is held by one run of an attempt, also when that one is run again', async () => {
    const { forge, ask, pass } = github({ outcome: ({ tries }) => (tries === 1 ? 'failure' : 'success') });
    for (const attempt of ['1', '1', '2'])
      await ask('POST', dispatches, { ref: 'main', inputs: { ...inputs, factory_attempt: attempt } });
    pass(minute);
    forge.catchUp();
    const built = forge.runs.filter((run) => run.built);
    expect(Object.groupBy(forge.runs, ({ outcome }) => outcome ?? 'none')).toMatchObject({
      failure: [{}, {}],
      superseded: [{}],
    });
    expect(new Set(built.map(({ attempt }) => attempt))).toEqual(new Set([1, 2]));
    const again = await ask('POST', `/repos/acme/app/actions/runs/${built[0]?.id}/rerun-failed-jobs`);
    expect(told(again)).toBe('201');
    pass(minute);
    forge.catchUp();
    expect(built[0]).toMatchObject({ tries: 2, outcome: 'success', built: true });
  });

  it('does not exist where the workflow has none', async () => {
    const { forge, ask, pass } = github({ claims: false });
    for (let time = 0; time < 2; time++) await ask('POST', dispatches, { ref: 'main', inputs });
    pass(minute);
    forge.catchUp();
    expect(forge.runs.map(({ built }) => built)).toEqual([true, true]);
  });
});

it('its workflow declares what the factory hands over', () => {
  const given = runInputs({
    key: 'k',
    attempt: 1,
    image: { name: 'app' },
    pins: [],
    dependencies: [],
    commit: undefined,
    reason: 'requested',
  });
  expect(factoryInputs.toSorted()).toEqual(Object.keys(given).toSorted());
});
