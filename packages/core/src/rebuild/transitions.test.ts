import { baseWith, builtOn, days, ownBase, planInput, uses } from '@image-factory/testing/plan-input.ts';
import {
  amd64,
  digest,
  enrolment,
  intent,
  platformContent,
  rebuild,
  stateOf,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { planOf } from '../plan/plan.ts';
import type { FactoryState, ImageContent, Intent } from '../state/types.ts';
import { hour, minute } from '../time.ts';
import {
  builtFromOf,
  closeIntent,
  holdOn,
  intentOf,
  isOpen,
  mayOpen,
  takenOver,
  withContent,
  withIntent,
  withIntents,
  type RunEnd,
} from './transitions.ts';

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

function made(layers: readonly string[], name = 'made'): ImageContent {
  return { digest: digest(name), firstSeen: days(9), platforms: { [amd64]: platformContent(layers) } };
}

function close(state: FactoryState, open: Intent, end: RunEnd, of = app): FactoryState {
  return closeIntent(state, of, open, end, days(9) + hour, 30 * minute);
}

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

describe('an attempt that is open again', () => {
  const first = intent({ key: 'k', createdAt: days(9), run: { id: '17', startedAt: days(9) } });
  const again: Intent = { ...first, createdAt: days(10), retry: { by: 'kim', tries: 2, after: '1' } };
  const failure: RunEnd = { outcome: 'failure', run: '17' };

  it('is not ended by who still follows what was open before', () => {
    const failed = close(withIntent(stateOf({ images: [image] }), first), first, failure);
    const state = withIntent(failed, again);
    expect(close(state, first, failure)).toBe(state);
    expect(isOpen(state, first)).toBe(false);
    expect(mayOpen(state, { ...first, attempt: 2 })).toBe(false);
    const ended = close(state, again, { outcome: 'success', run: '17', content: made(['new', 'app']) });
    expect(ended.intents.size).toBe(0);
    expect(ended.images.get('app')?.rebuilds.slice(image.rebuilds.length)).toMatchObject([
      { key: 'k', attempt: 1, run: '17', outcome: 'success', tries: 2 },
    ]);
  });

  it('can be taken over although its run is known', () => {
    const state = withIntent(stateOf({ images: [image] }), again);
    expect(takenOver(state, again, 'w2', days(11))).toMatchObject({ writer: 'w2', retry: again.retry });
  });
});

describe('the end of a run', () => {
  const open = intent({ key: 'k', pins, reason: 'newer-base', createdAt: days(9) });
  const state = withIntent(stateOf({ images: [image], bases: [node] }), open);

  it('records the success, the content, and what is proved to be inside', () => {
    const after = close(state, open, { outcome: 'success', run: '17', content: made(['new', 'app']) });
    const record = after.images.get('app');
    expect(after.intents.size).toBe(0);
    expect(record?.rebuilds.at(-1)).toEqual({
      key: 'k',
      attempt: 1,
      reason: 'newer-base',
      startedAt: days(9),
      endedAt: days(9) + hour,
      outcome: 'success',
      pins,
      digest: digest('made'),
      run: '17',
    });
    expect(record).toMatchObject({
      currentDigest: digest('made'),
      lastBuilt: days(9) + hour,
      builtFrom: { 'node-22': { digest: digest('new'), evidence: 'layers' } },
    });
  });

  it('is base-drift when the layers are not those of the pin', () => {
    const after = close(state, open, { outcome: 'success', content: made(['old', 'app']) });
    const record = after.images.get('app');
    expect(record?.rebuilds.at(-1)).toMatchObject({
      outcome: 'base-drift',
      error: expect.stringContaining('do not begin') as string,
    });
    expect(record?.builtFrom['node-22']).toEqual({ digest: digest('old'), evidence: 'layers' });
  });

  it('records a failure and keeps the content', () => {
    const after = close(state, open, { outcome: 'failure', error: 'npm ci failed' });
    expect(after.images.get('app')?.rebuilds.at(-1)).toMatchObject({
      outcome: 'failure',
      error: 'npm ci failed',
    });
    expect(after.images.get('app')?.content).toEqual(image.content);
    expect(after.intents.size).toBe(0);
  });

  it('changes nothing when another attempt is open', () => {
    expect(close(state, { ...open, attempt: 2 }, { outcome: 'failure' })).toBe(state);
    expect(close(state, { ...open, key: 'other' }, { outcome: 'failure' })).toBe(state);
    expect(close(stateOf({ images: [image] }), open, { outcome: 'failure' }).intents.size).toBe(0);
  });

  it('moves its tags: children see the digest at once and settled, and learn of equal content', () => {
    const own = ownBase('app', [[-50, 'app0', { platforms: { [amd64]: platformContent(['new', 'app']) } }]]);
    const before = withIntent(
      stateOf({ images: [image], bases: [node, own, { ...own, name: 'other', tag: '1' }] }),
      open,
    );
    const after = close(before, open, { outcome: 'success', content: made(['new', 'app']) });
    expect(after.bases.get('acme-app-latest')).toMatchObject({ currentDigest: digest('made') });
    expect(after.bases.get('acme-app-latest')?.ledger.at(-1)).toMatchObject({
      digest: digest('made'),
      firstSeen: days(9) + hour,
      settledAt: days(9) + hour,
      equalTo: digest('app0'),
    });
    expect(after.bases.get('other')?.ledger).toHaveLength(1);
  });
});

describe('what is inside', () => {
  it('leaves out bases of which nothing is known', () => {
    const other = baseWith([[-100, 'alp']], { repository: 'library/alpine', tag: '3' });
    const both = uses([node, other], { name: 'app', content: made(['old', 'x']) });
    const bases = new Map([node, other].map((base) => [base.name, base]));
    expect(builtFromOf(both, bases, [])).toEqual({
      'node-22': { digest: digest('old'), evidence: 'layers' },
    });
  });

  it('is found again for a content that was not built by us', () => {
    const after = withContent(
      stateOf({ images: [image], bases: [node] }),
      'app',
      made(['new', 'by hand'], 'hand'),
      [],
    );
    expect(after.images.get('app')).toMatchObject({
      currentDigest: digest('hand'),
      builtFrom: { 'node-22': { digest: digest('new'), evidence: 'layers' } },
    });
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

it('ends an intent with the start of its run, though whoever ends it saw it before that was known', () => {
  const open = intent({ pins });
  const run = { id: 'r', startedAt: days(8) };
  const state = withIntents(stateOf({ images: [image], bases: [node] }), [{ ...open, run }]);
  expect(close(state, open, { outcome: 'failure' }).images.get('app')?.rebuilds.at(-1)?.startedAt).toBe(
    days(8),
  );
});
