import { baseWith, builtOn, days, planInput } from '@image-factory/testing/plan-input.ts';
import { digest, enrolment, intent, rebuild, stateOf } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { planOf } from '../plan/plan.ts';
import type { FactoryState } from '../state/types.ts';
import { holdOn, intentOf, isOpen, mayOpen, takenOver, withIntent, withIntents } from './intents.ts';

const node = baseWith([
  [-100, 'old'],
  [0, 'new'],
]);
const image = builtOn([node], ['old'], -50, { name: 'app' });
const app = enrolment({ name: 'app', source: { provider: 'github' } });
const context = {
  now: days(9),
  writer: 'w1',
  epoch: 3,
  commit: 'c0ffee',
  revision: 'r1',
  requestedBy: undefined,
};
const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('new') }];

describe('an intent', () => {
  it('is made of a decision to start', () => {
    const [decision] = planOf(
      planInput({ enrolments: [app], images: [image], bases: [node], at: 9 }),
    ).decisions;
    if (!decision) throw new Error('no decision');
    expect(intentOf(decision, app, context)).toEqual({
      image: 'app',
      key: decision.key,
      attempt: 1,
      createdAt: days(9),
      writer: 'w1',
      epoch: 3,
      provider: 'github',
      reason: 'newer-base',
      pins,
      platforms: [],
      commit: 'c0ffee',
      revision: 'r1',
    });
    expect(intentOf({ ...decision, action: 'wait' }, app, context)).toBeUndefined();
    expect(intentOf({ ...decision, emergency: true }, app, { ...context, requestedBy: 'kim' })).toMatchObject(
      {
        emergency: true,
        requestedBy: 'kim',
      },
    );
  });

  it('may be opened once per image, per key until it succeeds, and only in its epoch', () => {
    const wanted = intent({ key: 'k', attempt: 2, epoch: 3 });
    const state = (
      rebuilds: Parameters<typeof rebuild>[0][],
      more: Partial<FactoryState> = {},
    ): FactoryState => ({
      ...stateOf({
        images: [{ ...image, rebuilds: rebuilds.map((each) => rebuild(each)) }],
        engine: { engine: 'embedded', epoch: 3, version: 1 },
      }),
      ...more,
    });
    expect(mayOpen(state([{ key: 'k', attempt: 1, outcome: 'failure' }]), wanted)).toBe(true);
    expect(mayOpen(state([{ key: 'k', attempt: 1, outcome: 'success' }]), wanted)).toBe(false);
    expect(mayOpen(state([{ key: 'k', attempt: 2, outcome: 'failure' }]), wanted)).toBe(false);
    expect(mayOpen(state([{ key: 'other', attempt: 2 }]), wanted)).toBe(true);
    expect(mayOpen(withIntent(state([]), intent({ key: 'other' })), wanted)).toBe(false);
    expect(mayOpen(state([]), { ...wanted, epoch: 2 })).toBe(false);
  });

  it('is open as exactly this attempt of this writer', () => {
    const open = intent({ key: 'k', writer: 'w1' });
    const state = withIntent(stateOf({ images: [image] }), open);
    expect(isOpen(state, open)).toBe(true);
    for (const other of [{ key: 'l' }, { attempt: 2 }, { writer: 'w2' }, { createdAt: open.createdAt + 1 }])
      expect(isOpen(state, { ...open, ...other })).toBe(false);
  });
});

describe('taking over', () => {
  const open = intent({ writer: 'w1', pins });
  const state = withIntents(stateOf({ images: [image], bases: [node] }), [open]);

  it('succeeds for one of two that saw the same intent, even under the name that it had', () => {
    const first = takenOver(state, open, 'w1', open.createdAt);
    if (!first) throw new Error('not taken over');
    const after = withIntents(state, [first]);
    expect(isOpen(after, open)).toBe(false);
    expect(isOpen(after, first)).toBe(true);
    expect(takenOver(after, open, 'w2', days(9))).toBeUndefined();
    expect(takenOver(after, first, 'w2', days(9))).toMatchObject({ writer: 'w2', takenOverAt: days(9) });
  });

  it('is impossible once the run is known', () => {
    const running = withIntents(state, [{ ...open, run: { id: 'r', startedAt: days(1) } }]);
    expect(takenOver(running, open, 'w2', days(9))).toBeUndefined();
  });

  it('is possible where the run is known and is run again', () => {
    const again = {
      ...open,
      run: { id: '17', startedAt: days(9) },
      retry: { by: 'kim', tries: 2, after: '1' },
    };
    const running = withIntents(state, [again]);
    expect(takenOver(running, again, 'w2', days(11))).toMatchObject({ writer: 'w2', retry: again.retry });
  });

  it.each([
    ['the image', { images: [{ ...image, hold: { reason: 'no', since: 0 } }], bases: [node] }, true],
    ['the base', { images: [image], bases: [{ ...node, holds: [{ reason: 'no', since: 0 }] }] }, true],
    [
      'the digest',
      { images: [image], bases: [{ ...node, holds: [{ reason: 'no', since: 0, digest: digest('new') }] }] },
      true,
    ],
    [
      'another digest',
      { images: [image], bases: [{ ...node, holds: [{ reason: 'no', since: 0, digest: digest('old') }] }] },
      false,
    ],
    [
      'nothing any more',
      { images: [{ ...image, hold: { reason: 'no', since: 0, until: days(8) } }], bases: [node] },
      false,
    ],
  ])('sees a hold on %s', (_what, parts, held) => {
    expect(holdOn(stateOf(parts), open, days(9)) !== undefined).toBe(held);
  });
});
