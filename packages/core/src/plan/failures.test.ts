import { baseWith, builtOn, days, planInput, type PlanParts } from '@image-factory/testing/plan-input.ts';
import { digest, enrolment, imageRecord, rebuild } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { Rebuild } from '../state/types.ts';
import { day, hour, minute } from '../time.ts';
import { breakerOf, outcomesOf, startsOfTheDay } from './failures.ts';
import { planOf } from './plan.ts';

const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('new') }];
const other = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('newer') }];

function ended(outcome: Rebuild['outcome'], at: number, more: Partial<Rebuild> = {}): Rebuild {
  return rebuild({
    outcome,
    endedAt: days(at),
    startedAt: days(at) - hour,
    pins,
    error: `${outcome} at ${at}`,
    ...more,
  });
}

function breaker(
  rebuilds: readonly Rebuild[],
  wanted = pins,
  clearedAt?: number,
): ReturnType<typeof breakerOf> {
  return breakerOf(
    imageRecord({ rebuilds, ...(clearedAt === undefined ? {} : { clearedAt: days(clearedAt) }) }),
    wanted,
  );
}

describe('failures in a row', () => {
  it('make pauses that grow', () => {
    expect(breaker([])).toEqual({ kind: 'closed' });
    expect(breaker([ended('failure', 1)])).toEqual({
      kind: 'back-off',
      failures: 1,
      until: days(1) + 15 * minute,
    });
    const two = [ended('failure', 1), ended('failure', 2)];
    expect(breaker(two)).toEqual({ kind: 'back-off', failures: 2, until: days(2) + hour });
  });

  it('stop the image after three', () => {
    const three = [1, 2, 3].map((at) => ended('failure', at));
    expect(breaker(three)).toEqual({ kind: 'stopped', failures: 3, error: 'failure at 3' });
  });

  it.each(['cancelled', 'superseded'] as const)('do not count %s, nor end with it', (outcome) => {
    expect(breaker([ended(outcome, 1)])).toEqual({ kind: 'closed' });
    const mixed = [
      ended('failure', 1),
      ended(outcome, 2),
      ended('failure', 3),
      ended(outcome, 4),
      ended('failure', 5),
    ];
    expect(breaker(mixed)).toMatchObject({ kind: 'stopped', failures: 3 });
  });

  it('end with a success, a new candidate, or a person', () => {
    const three = [1, 2, 3].map((at) => ended('failure', at));
    expect(breaker([...three, ended('success', 4)])).toEqual({ kind: 'closed' });
    expect(breaker(three, other)).toEqual({ kind: 'closed' });
    expect(breaker(three, pins, 3)).toEqual({ kind: 'closed' });
    expect(breaker([...three, ended('failure', 5)], pins, 3)).toMatchObject({
      kind: 'back-off',
      failures: 1,
    });
    expect(breaker([...three, ended('failure', 5, { pins: other })], other)).toMatchObject({ failures: 1 });
  });
});

describe('drift', () => {
  it('stops at once, whatever the pins, until a person clears it', () => {
    expect(breaker([ended('base-drift', 1)])).toEqual({ kind: 'drift', error: 'base-drift at 1' });
    expect(breaker([ended('base-drift', 1)], other)).toMatchObject({ kind: 'drift' });
    expect(breaker([ended('base-drift', 1)], pins, 1)).toEqual({ kind: 'closed' });
  });

  it('is not hidden by what failed after it', () => {
    expect(breaker([ended('base-drift', 1), ended('failure', 2, { pins: other })])).toMatchObject({
      kind: 'drift',
    });
    expect(breaker([ended('base-drift', 1), ended('failure', 2), ended('cancelled', 3)])).toMatchObject({
      kind: 'drift',
    });
  });
});

describe('in the plan', () => {
  const node = baseWith([
    [-100, 'old'],
    [0, 'new'],
  ]);
  const decide = (rebuilds: readonly Rebuild[], at: number, more: Partial<PlanParts> = {}) => {
    const image = builtOn([node], ['old'], -50, { name: 'app' });
    const images = [{ ...image, rebuilds: [...image.rebuilds, ...rebuilds] }];
    return planOf(planInput({ enrolments: [enrolment({ name: 'app' })], images, bases: [node], at, ...more }))
      .decisions[0];
  };

  it('a pause has an end, and a new attempt has the next number of the same key', () => {
    const first = decide([], 9);
    const failed = ended('failure', 9, first?.key === undefined ? {} : { key: first.key });
    expect(decide([failed], 9.001)).toMatchObject({
      action: 'wait',
      at: days(9) + 15 * minute,
      key: first?.key,
      attempt: 2,
    });
    expect(decide([failed], 9.02)).toMatchObject({ action: 'start', key: first?.key, attempt: 2 });
  });

  it('three failures block, and say what the last one was', () => {
    const decision = decide(
      [8, 8.1, 8.2].map((at) => ended('failure', at)),
      9,
    );
    expect(decision?.action).toBe('blocked');
    expect(decision?.notes).toContainEqual({
      code: 'stopped-after-failures',
      detail: '3 failures; last: failure at 8.2',
    });
  });

  it('drift blocks at once', () => {
    const decision = decide([ended('base-drift', 8)], 9);
    expect(decision?.action).toBe('blocked');
    expect(decision?.notes).toContainEqual({ code: 'base-drift', detail: 'base-drift at 8' });
  });

  it('a key that succeeded is not built again, though nothing proves what came out', () => {
    const key = decide([], 9)?.key ?? '';
    const { digest: _digest, ...made } = ended('success', 9, { key });
    const decision = decide([made], 9.5);
    expect(decision?.action).toBe('blocked');
    expect(decision?.notes).toContainEqual({ code: 'already-built' });
  });
});

describe('the measure of a wave', () => {
  const change = `node-22@${digest('new')}`;
  const measure = (images: Parameters<typeof imageRecord>[0][]) =>
    outcomesOf(new Set([change]), images.map(imageRecord)).get(change);

  it('counts each image once: it speaks for the change if it ever succeeded with it', () => {
    expect(
      measure([
        { name: 'a', rebuilds: [ended('failure', 1), ended('success', 2)] },
        { name: 'b', rebuilds: [ended('success', 1), ended('failure', 2)] },
        { name: 'c', rebuilds: [ended('failure', 1), ended('failure', 2)] },
        { name: 'd', rebuilds: [ended('base-drift', 1)] },
        { name: 'e', rebuilds: [ended('cancelled', 1), ended('superseded', 1)] },
        { name: 'f', rebuilds: [ended('failure', 1, { pins: other })] },
      ]),
    ).toEqual({ succeeded: 2, failed: 2 });
  });

  it('forgets what a person cleared', () => {
    expect(measure([{ rebuilds: [ended('failure', 1)], clearedAt: days(1) }])).toBeUndefined();
  });
});

it('counts the starts of a day without those a person asked for', () => {
  const rebuilds = [0.5, 1.2, 1.4, 1.9].map((at) => ended('success', at, { startedAt: days(at) }));
  const asked = ended('success', 1.5, { startedAt: days(1.5), requestedBy: 'kim' });
  expect(startsOfTheDay(imageRecord({ rebuilds: [...rebuilds, asked] }), days(2.2))).toEqual([
    days(1.4),
    days(1.9),
  ]);
  expect(startsOfTheDay(imageRecord({ rebuilds }), days(1.2) + day)).toHaveLength(2);
  const unstarted = ended('cancelled', 1.5, { startedAt: days(1.5) });
  expect(startsOfTheDay(imageRecord({ rebuilds: [unstarted] }), days(2))).toEqual([]);
  expect(startsOfTheDay(imageRecord({ rebuilds: [{ ...unstarted, run: '1' }] }), days(2))).toHaveLength(1);
});
