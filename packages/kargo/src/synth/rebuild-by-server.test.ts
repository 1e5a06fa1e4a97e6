import { hour, minute } from '@image-factory/core/time.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { KargoInterpreter } from '../interpreter/interpreter.ts';
import type { HttpRequest, HttpResponse } from '../interpreter/outside.ts';
import { json } from '../interpreter/test-outside.ts';
import { validateManifests } from '../validate/validate-manifests.ts';
import { Branch, passing } from './test-branch.ts';
import { kargoSettings, synthesize } from './test-factory.ts';

const path = 'intents/web.yaml';
const key = '0123abcd';

function intent(attempt: number, more = ''): string {
  return `image: web\nkey: ${key}\nattempt: ${attempt}\n${more}`;
}

function synthesized(provider: 'webhook' | 'github' | 'local' = 'webhook') {
  const { kargo } = kargoSettings();
  return synthesize(
    [enrolment({ name: 'web', source: { provider, repo: 'https://git.example/web' } })],
    undefined,
    {
      kargo: {
        ...kargo,
        server: 'https://factory.example',
        secrets: { ...kargo.secrets, server: 'factory-token' },
      },
    },
  );
}

function factory() {
  const outside = new Branch();
  const kargo = new KargoInterpreter(outside);
  kargo.apply(synthesized().manifests);
  const pass = passing(kargo);
  const phases = () => kargo.promotions('rebuild-web').map(({ phase }) => phase);
  return { outside, pass, phases };
}

/** Answers the requests in turn, and then always as the last one. */
function answers(
  ...replies: readonly (HttpResponse | Error)[]
): (request: HttpRequest) => HttpResponse | Error {
  let asked = 0;
  return () => replies[Math.min(asked++, replies.length - 1)] ?? json(500, {});
}

describe('an intent for a running Image Factory', () => {
  test('is asked for by key and attempt until its run has ended', async () => {
    const { outside, pass, phases } = factory();
    outside.answer = answers(
      json(200, { status: 'waiting' }),
      json(503, { title: 'not now' }),
      new Error('connection reset'),
      json(200, { status: 'running', run: '7' }),
      json(200, { status: 'success', run: '7' }),
    );
    outside.write('Start 1 rebuild: web', { [path]: intent(3) });
    await pass(hour);
    expect(outside.requests).toHaveLength(5);
    expect(outside.requests[0]).toEqual({
      method: 'PUT',
      url: `https://factory.example/api/v1/rebuilds/web/${key}/3`,
      headers: { Accept: 'application/json', Authorization: 'Bearer token of factory-token' },
      body: '',
    });
    expect(phases()).toEqual(['Succeeded']);
  });

  test('waits through hours of 503, and not through a server that is not there', async () => {
    const waiting = factory();
    waiting.outside.answer = answers(
      ...Array.from({ length: 120 }, () => json(503, { title: 'not now' })),
      json(200, { status: 'success' }),
    );
    waiting.outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await waiting.pass(3 * hour);
    expect(waiting.phases()).toEqual(['Succeeded']);
    const refused = factory();
    refused.outside.answer = answers(new Error('connection refused'));
    refused.outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await refused.pass(3 * hour);
    expect([refused.outside.requests.length, refused.phases()]).toEqual([10, ['Errored']]);
  });

  test('goes on where its run is recorded already', async () => {
    const { outside, pass, phases } = factory();
    outside.answer = answers(json(200, { status: 'success' }));
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    outside.write('Record the run of web', {
      [path]: intent(1, 'run: { id: "7", startedAt: 2026-01-01 }\n'),
    });
    await pass(hour);
    expect(phases()).toEqual(['Succeeded']);
  });

  test.each([401, 404, 409])('ends at an answer that no repetition mends: %i', async (status) => {
    const { outside, pass, phases } = factory();
    outside.answer = answers(json(status, { title: 'no' }));
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(hour);
    expect([outside.requests.length, phases()]).toEqual([1, ['Failed']]);
  });

  test.each(['failure', 'cancelled', 'base-drift'])('fails with its run: %s', async (status) => {
    const { outside, pass, phases } = factory();
    outside.answer = answers(json(200, { status }));
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    await pass(hour);
    expect(phases()).toEqual(['Failed']);
  });

  test.each([
    ['was closed', { [path]: null }],
    ['was replaced', { [path]: intent(2) }],
  ])('that %s meanwhile is not asked for', async (_what, files) => {
    const { outside, pass, phases } = factory();
    outside.write('Start 1 rebuild: web', { [path]: intent(1) });
    outside.write('Something else', files);
    await pass(4 * minute);
    await pass(24 * hour);
    expect(outside.requests).toEqual([]);
    expect(phases()).toEqual(['Failed']);
  });
});

test('a server starts every provider but the one that lives in a process', () => {
  for (const provider of ['webhook', 'github'] as const) {
    const { manifests, problems } = synthesized(provider);
    expect(problems).toEqual([]);
    expect(
      manifests.filter(({ kind }) => kind === 'PromotionTask').map(({ metadata }) => metadata.name),
    ).toEqual(['start-by-image-factory']);
    expect(validateManifests(manifests).filter(({ severity }) => severity === 'error')).toEqual([]);
  }
  expect(synthesized('local').problems[0]?.message).toContain('never rebuilt by Kargo');
});
