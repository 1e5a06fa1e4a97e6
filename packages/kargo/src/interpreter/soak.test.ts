import { day, hour } from '@image-factory/core/time.ts';
import { expect, test } from 'vitest';
import { kargoDuration } from '../manifests/duration.ts';
import type { PromotionStep } from '../manifests/step.ts';
import { KargoInterpreter } from './interpreter.ts';
import { digestOf, policies, stage, template, warehouse } from './test-manifests.ts';
import { TestOutside } from './test-outside.ts';

const repo = 'registry.test/base';
const say: PromotionStep = { uses: 'compose-output', as: 'say', config: { x: 'y' } };

/** A Stage that takes what comes, and one after it that wants it to have been used there for a week. */
function soaking(more: { readonly availabilityStrategy?: 'All' } = {}) {
  const outside = new TestOutside();
  const kargo = new KargoInterpreter(outside);
  kargo.apply([
    warehouse('base', [digestOf(repo)], hour),
    template('check', [], ['check']),
    stage('first', {
      from: ['base'],
      steps: [say],
      verification: { analysisTemplates: [{ name: 'check' }], args: [] },
    }),
    stage('other', { from: ['base'], steps: [say] }),
    stage('last', {
      from: ['base'],
      steps: [say],
      sources: { stages: ['first', 'other'], requiredSoakTime: kargoDuration(7 * day), ...more },
    }),
    policies('first', 'last'),
  ]);
  let now = 0;
  const runTo = async (until: number): Promise<void> => {
    for (; now < until; now = Math.min(Math.max(kargo.nextAt() ?? until, now + 1), until))
      await kargo.reconcile(now);
    await kargo.reconcile(now);
  };
  return {
    outside,
    kargo,
    runTo,
    push: (digest: string) => outside.image(`${repo}:1`, digest),
    adopted: (name = 'last') =>
      kargo.promotions(name).map(({ freight, createdAt }) => [freight.images[0]?.digest, createdAt / day]),
  };
}

test('what stays for the soak time is taken when it is over, not before', async () => {
  const { push, runTo, adopted } = soaking();
  push('A');
  await runTo(7 * day - 1);
  expect(adopted()).toEqual([]);
  await runTo(7 * day + hour);
  expect(adopted()).toEqual([['A', 7]]);
});

test('a base that is pushed every three days never passes a soak of seven', async () => {
  const { push, runTo, adopted } = soaking();
  for (let at = 0; at < 60; at += 3) {
    push(`D${at}`);
    await runTo((at + 3) * day - 1);
  }
  expect(adopted('first')).toHaveLength(20);
  expect(adopted()).toEqual([]);
});

test('a digest that goes and comes back does not add its times up, and is not used again anyway', async () => {
  const { push, runTo, adopted } = soaking();
  push('A');
  await runTo(4 * day - 1);
  push('B');
  await runTo(6 * day - 1);
  push('A');
  await runTo(60 * day);
  // The tag says A since day 6. B is the newest Freight for ever, so that it is what soaks: a withdrawn one.
  expect(adopted()).toEqual([['B', 11]]);
});

test('what was used for long enough once stays available when another one has come', async () => {
  const { push, runTo, kargo, adopted } = soaking();
  push('A');
  await runTo(8 * day - 1);
  push('B');
  await runTo(9 * day);
  const [a] = kargo.freight;
  expect([a?.usedIn.has('first'), (a?.longestUse.get('first') ?? 0) / day]).toEqual([false, 8]);
  expect(adopted()).toEqual([['A', 7]]);
});

test('All asks for the time in every Stage', async () => {
  const { push, runTo, adopted } = soaking({ availabilityStrategy: 'All' });
  push('A');
  await runTo(20 * day);
  expect(adopted()).toEqual([]);
});

test('what was not verified does not soak', async () => {
  const { push, runTo, outside, adopted } = soaking();
  outside.phase = () => 'Failed';
  push('A');
  await runTo(20 * day);
  expect(adopted()).toEqual([]);
});
