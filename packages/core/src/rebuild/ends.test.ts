import { baseWith, builtOn, days, ownBase } from '@image-factory/testing/plan-input.ts';
import {
  amd64,
  digest,
  enrolment,
  intent,
  platformContent,
  stateOf,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { FactoryState, ImageContent, Intent } from '../state/types.ts';
import { hour, minute } from '../time.ts';
import { closeIntent, type RunEnd } from './ends.ts';
import { isOpen, mayOpen, withIntent, withIntents } from './intents.ts';

const node = baseWith([
  [-100, 'old'],
  [0, 'new'],
]);
const image = builtOn([node], ['old'], -50, { name: 'app' });
const app = enrolment({ name: 'app', source: { provider: 'github' } });
const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('new') }];

function made(layers: readonly string[], name = 'made'): ImageContent {
  return { digest: digest(name), firstSeen: days(9), platforms: { [amd64]: platformContent(layers) } };
}

function close(state: FactoryState, open: Intent, end: RunEnd, of = app): FactoryState {
  return closeIntent(state, of, open, end, days(9) + hour, 30 * minute);
}

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

  it('has the start of its run, though whoever ends it saw it before that was known', () => {
    const open = intent({ pins });
    const run = { id: 'r', startedAt: days(8) };
    const state = withIntents(stateOf({ images: [image], bases: [node] }), [{ ...open, run }]);
    expect(close(state, open, { outcome: 'failure' }).images.get('app')?.rebuilds.at(-1)?.startedAt).toBe(
      days(8),
    );
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
});
