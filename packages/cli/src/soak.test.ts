import { day, hour } from '@image-factory/core/time.ts';
import { dispatchable } from '@image-factory/engine/test-kargo.ts';
import { KargoInterpreter } from '@image-factory/kargo/interpreter/interpreter.ts';
import { digestOf, policies, stage, warehouse } from '@image-factory/kargo/interpreter/test-manifests.ts';
import { TestOutside } from '@image-factory/kargo/interpreter/test-outside.ts';
import { kargoDuration } from '@image-factory/kargo/manifests/duration.ts';
import type { PromotionStep } from '@image-factory/kargo/manifests/step.ts';
import { expect, test } from 'vitest';
import { DrivenFactory, type Timeline } from './testing/test-agreement.ts';

const days = 60;
const base = 'docker.io/library/debian';

function everyThreeDays(): Timeline['pushes'] {
  return Array.from({ length: days / 3 }, (_, index) => ({
    at: index * 3 * day,
    tag: `${base}:12`,
    layer: `debian-${index}`,
  }));
}

/** What one would write without a core: a Stage in which a base stays for seven days before it is built on. */
async function builtAfterSoak(pushes: Timeline['pushes']): Promise<readonly number[]> {
  const say: PromotionStep = { uses: 'compose-output', as: 'say', config: { x: 'y' } };
  const outside = new TestOutside();
  const kargo = new KargoInterpreter(outside);
  kargo.apply([
    warehouse('debian', [digestOf(base, '12')], hour),
    stage('soak', { from: ['debian'], steps: [say] }),
    stage('rebuild', {
      from: ['debian'],
      steps: [say],
      sources: { stages: ['soak'], requiredSoakTime: kargoDuration(7 * day) },
    }),
    policies('soak', 'rebuild'),
  ]);
  const ends = [...pushes.slice(1).map(({ at }) => at), days * day];
  for (const [index, { at, layer }] of pushes.entries()) {
    outside.image(`${base}:12`, layer);
    const end = ends[index] ?? at;
    for (let now = at; now < end; now = Math.max(kargo.nextAt() ?? end, now + 1)) await kargo.reconcile(now);
  }
  return kargo.promotions('rebuild').map(({ createdAt }) => createdAt / day);
}

test('a base that is pushed every three days never passes a soak of seven; the gate of the core lets it through', async () => {
  expect(await builtAfterSoak(everyThreeDays())).toEqual([]);
  // It is not that the soak lets nothing through.
  expect(await builtAfterSoak(everyThreeDays().slice(0, 3))).toEqual([13]);

  const factory = new DrivenFactory(
    { images: [dispatchable('app')], dockerfiles: { app: 'FROM debian:12\n' }, pushes: everyThreeDays() },
    'embedded',
  );
  await factory.runTo(days);
  const { adopted, steps } = factory.outcome();
  // Every push is built on in its turn, once it is seven days old and has stood, and none earlier.
  expect(adopted['app']).toEqual(
    everyThreeDays()
      .slice(0, 18)
      .map(({ layer }) => layer),
  );
  const ages = (steps['app'] ?? []).map((step, index) => (step * 2) / 24 - index * 3).slice(1);
  expect(ages).toHaveLength(17);
  for (const age of ages) expect([age >= 7, age < 7.5]).toEqual([true, true]);
});
