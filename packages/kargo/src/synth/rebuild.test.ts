import { hour, minute } from '@image-factory/core/time.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../interpreter/expression.ts';
import { KargoInterpreter, type InterpreterOptions } from '../interpreter/interpreter.ts';
import type { HttpRequest, HttpResponse } from '../interpreter/outside.ts';
import { json } from '../interpreter/test-outside.ts';
import type { WarehouseManifest } from '../manifests/warehouse.ts';
import { synthesize } from './test-factory.ts';
import { Branch, passing } from './test-branch.ts';

const path = 'intents/web.yaml';
/** Quotes, backslashes, line breaks and what looks like an expression: all of it has to arrive as it is. */
const request = JSON.stringify({
  ref: 'main',
  inputs: { factory_key: '1e5', factory_reason: 'a "quoted" \\ reason\nof two lines ${{ no }} <&>' },
});

function intent(attempt: number, more = ''): string {
  return `image: web\nkey: 0123abcd\nattempt: ${attempt}\nrequest: ${JSON.stringify(request)}\n${more}`;
}

function factory(provider: 'github' | 'gitlab' = 'github', options: InterpreterOptions = {}) {
  const outside = new Branch();
  const kargo = new KargoInterpreter(outside, options);
  kargo.apply(
    synthesize([enrolment({ name: 'web', source: { provider, repo: 'acme/web', branch: 'main' } })])
      .manifests,
  );
  const pass = passing(kargo);
  const sent = (method: string): readonly HttpRequest[] =>
    outside.requests.filter((each) => each.method === method);
  const phases = () => kargo.promotions('rebuild-web').map(({ phase }) => phase);
  return { outside, kargo, pass, sent, phases };
}

/** Started, and running for so many looks. */
function runs(looks: number): (request: HttpRequest) => HttpResponse {
  let seen = 0;
  return ({ method }) => {
    if (method === 'POST') return json(200, { workflow_run_id: 16_234_567_890, id: 42 });
    seen += 1;
    return seen < looks
      ? json(200, { status: 'in_progress', conclusion: null })
      : json(200, { status: 'completed', conclusion: 'success' });
  };
}

describe('an intent', () => {
  test('is one request, exactly as it was written, and is followed to the end of its run', async () => {
    const { outside, pass, sent, phases } = factory();
    outside.answer = runs(5);
    await pass(hour);
    outside.write('Start 2 rebuilds: api, web', { [path]: intent(1), 'intents/api.yaml': 'image: api\n' });
    await pass(hour);
    expect(sent('POST')).toEqual([
      {
        method: 'POST',
        url: 'https://api.github.com/repos/acme/web/actions/workflows/build-image.yml/dispatches',
        headers: expect.objectContaining({ Authorization: 'Bearer token of github-token' }),
        body: request,
      },
    ]);
    expect(sent('GET')).toHaveLength(5);
    expect(new Set(sent('GET').map(({ url }) => url))).toEqual(
      new Set(['https://api.github.com/repos/acme/web/actions/runs/16234567890']),
    );
    expect(phases()).toEqual(['Succeeded']);
    await pass(48 * hour);
    expect(sent('POST')).toHaveLength(1);
  });

  test('is touched by others without starting anything', async () => {
    const { outside, pass, sent } = factory();
    outside.answer = runs(1);
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(hour);
    outside.write('Record the run of web', {
      [path]: intent(1, 'run: { id: "1", startedAt: 2026-01-01 }\n'),
    });
    await pass(hour);
    outside.write('Record 1 ended rebuild: web', { [path]: null });
    await pass(hour);
    expect(sent('POST')).toHaveLength(1);
  });

  test.each([
    ['of one image', 'Start 1 rebuild: web'],
    ['of five images', 'Start 5 rebuilds: a, b, c, d, web'],
    ['that does not name all', 'Start 7 rebuilds: a, b, c, d, e and 2 more'],
    [
      'that was cut',
      `Start 5 rebuilds: ${['a', 'b', 'c', 'd'].map((name) => name.repeat(50)).join(', ')}`.slice(0, 199),
    ],
  ])('is found by a subject %s', async (_, subject) => {
    const { outside, pass, sent } = factory();
    outside.answer = runs(1);
    outside.write(subject, { [path]: intent(1) });
    await pass(hour);
    expect(sent('POST')).toHaveLength(1);
  });

  test('of another image is not asked for its paths', () => {
    const { manifests } = synthesize([
      enrolment({ name: 'web', source: { provider: 'github', repo: 'acme/web', branch: 'main' } }),
    ]);
    const intents = manifests.find(({ metadata }) => metadata.name === 'intents-web') as WarehouseManifest;
    const filter = intents.spec.subscriptions[0]?.git?.expressionFilter ?? '';
    const passes = (subject: string) => evaluate(filter, new Map([['subject', subject]]));
    expect(passes('Start 1 rebuild: api')).toBe(false);
    expect(passes('Record 1 ended rebuild: web')).toBe(false);
    expect(passes('Start 1 rebuild: web')).toBe(true);
  });

  test('that is tried again is another request', async () => {
    const { outside, pass, sent, phases } = factory();
    outside.answer = runs(1);
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(hour);
    outside.write('Record 1 ended rebuild: web', { [path]: null });
    outside.write('Start 1 rebuild: web', { [path]: intent(2) });
    await pass(hour);
    expect(sent('POST')).toHaveLength(2);
    expect(phases()).toEqual(['Succeeded', 'Succeeded']);
  });

  test.each([
    ['was closed', { [path]: null }],
    ['was replaced', { [path]: intent(2) }],
    ['has a run already', { [path]: intent(1, 'run: { id: "1", startedAt: 2026-01-01 }\n') }],
    ['carries no request', { [path]: 'image: web\nkey: 0123abcd\nattempt: 1\n' }],
  ])('that %s meanwhile starts nothing', async (_what, files) => {
    const { outside, pass, sent, phases } = factory();
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    outside.write('Something else', files);
    await pass(24 * hour);
    expect(sent('POST')).toEqual([]);
    expect(phases()).toEqual(['Failed']);
  });

  test.each([
    ['refused', () => json(422, { message: 'no' })],
    [
      'a bad gateway',
      (): HttpResponse => ({ status: 502, headers: { 'Content-Type': 'text/html' }, body: '<html>' }),
    ],
    ['cut off', () => new Error('connection reset')],
  ])('whose request is %s is never sent again', async (_what, answer) => {
    const { outside, pass, sent, phases } = factory();
    outside.answer = answer;
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(48 * hour);
    expect(sent('POST')).toHaveLength(1);
    expect(phases()).not.toContain('Succeeded');
    expect(phases()).toHaveLength(1);
  });

  test('at a server that does not name the run is not waited for', async () => {
    const { outside, pass, sent, phases } = factory();
    outside.answer = () => ({ status: 204, headers: {}, body: '' });
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(hour);
    expect([sent('POST').length, sent('GET').length, phases()]).toEqual([1, 0, ['Succeeded']]);
  });

  test('whose run fails is a failed promotion; a forge that is busy is asked again', async () => {
    const { outside, pass, sent, phases } = factory('gitlab');
    const answers = [
      json(503, {}),
      json(429, {}),
      json(200, { status: 'running' }),
      json(200, { status: 'failed' }),
    ];
    outside.answer = ({ method }) =>
      method === 'POST' ? json(201, { id: 42 }) : (answers.shift() ?? json(200, { status: 'failed' }));
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(hour);
    expect(sent('GET')).toHaveLength(4);
    expect(sent('GET')[0]).toMatchObject({
      url: 'https://gitlab.com/api/v4/projects/acme%2Fweb/pipelines/42',
      headers: { 'PRIVATE-TOKEN': 'token of gitlab-token' },
    });
    expect(phases()).toEqual(['Failed']);
  });

  test('whose run never ends is given up after the time that a run may take', async () => {
    const { outside, pass, sent, phases } = factory();
    outside.answer = runs(Number.POSITIVE_INFINITY);
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(5 * hour);
    expect(phases()).toEqual(['Running']);
    await pass(2 * hour);
    expect(phases()).toEqual(['Errored']);
    expect(sent('GET').length).toBeLessThan((6 * hour) / minute + 10);
  });
});
