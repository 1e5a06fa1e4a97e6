import { digest, intent, stateOf } from '@image-factory/testing/records.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunReport } from '../state/types.ts';
import { concernsOpen, intentOfKey, withReport } from './reported.ts';
import { withIntent } from './intents.ts';

const open = stateOf({ intents: [intent({ image: 'app', key: 'k', attempt: 2 })] });

function report(status: RunReport['status'], run = `run of ${status}`): RunReport {
  return {
    at: 1000,
    status,
    run,
    ...(status === 'success' ? { digest: digest('made') } : { error: `it was ${status}` }),
  };
}

const reports = (['success', 'failure', 'cancelled', 'superseded'] as const).map((status) => report(status));

describe('what a run is said to have come to', () => {
  it('is kept in its open intent', () => {
    expect(withReport(open, 'k', 2, report('failure')).intents.get('app')).toEqual({
      ...open.intents.get('app'),
      reported: report('failure'),
    });
  });

  it('changes nothing where that attempt is not open', () => {
    for (const [key, attempt] of [
      ['other', 2],
      ['k', 1],
      ['k', 3],
    ] as const) {
      expect(withReport(open, key, attempt, report('success'))).toBe(open);
    }
  });

  it('is the same however often and in which order it is told', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...reports), { minLength: 1 }),
        fc.array(fc.nat(3)),
        fc.infiniteStream(fc.nat()),
        (told, again, chance) => {
          const doubled = [...told, ...again.flatMap((index) => told[index] ?? [])];
          const shuffled = doubled
            .map((each) => ({ each, by: chance.next().value }))
            .toSorted((a, b) => a.by - b.by)
            .map(({ each }) => each);
          const enter = (all: readonly RunReport[]) =>
            all.reduce((state, each) => withReport(state, 'k', 2, each), open);
          expect(enter(shuffled)).toEqual(enter(told));
        },
      ),
    );
  });

  it('is of the run that built, not of the one that lost the claim', () => {
    const lost = withReport(open, 'k', 2, report('superseded'));
    expect(withReport(lost, 'k', 2, report('failure')).intents.get('app')?.reported?.status).toBe('failure');
  });

  it('is nothing where the run is run again: it may be about the end that it had before', () => {
    const [intent] = open.intents.values();
    if (!intent) throw new Error('none is open');
    const again = withIntent(open, { ...intent, retry: { by: 'kim', tries: 2, after: '1' } });
    expect(withReport(again, 'k', 2, report('failure'))).toBe(again);
  });

  it('is the first word where two say the same', () => {
    const first = withReport(open, 'k', 2, report('failure', 'first'));
    expect(withReport(first, 'k', 2, report('failure', 'second'))).toBe(first);
  });
});

it('finds the intent of a key by its attempt', () => {
  expect(intentOfKey(open, 'k', 2)?.image).toBe('app');
  expect(intentOfKey(open, 'k', 1)).toBeUndefined();
});

it.each([
  ['of an open run', 'github', '7', true],
  ['of another run', 'github', '8', false],
  ['without a run', 'github', undefined, true],
  ['of another provider', 'gitlab', '7', false],
  ['of what may be a run that nobody wrote down yet', 'gitea', '9', true],
] as const)('news %s', (_what, provider, run, expected) => {
  const { intents } = stateOf({
    intents: [
      intent({ image: 'app', provider: 'github', run: { id: '7', startedAt: 0 } }),
      intent({ image: 'other', provider: 'gitea' }),
    ],
  });
  expect(concernsOpen(intents, provider, run)).toBe(expected);
});
