import { arm64, amd64, digest, epoch, ledgerEntry, platformContent } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../reference/types.ts';
import type { LedgerEntry } from '../state/types.ts';
import { day, hour, minute } from '../time.ts';
import { annotate, describeEntry, followUpAt, observe, sameContent, standing } from './observe.ts';

const settle = 30 * minute;
const [a, b, c] = [digest('a'), digest('b'), digest('c')];

/** Looks as `[hours since the epoch, digest]`; every look remembers the one before it. */
function ledgerOf(looks: readonly (readonly [number, Digest])[]): readonly LedgerEntry[] {
  let ledger: readonly LedgerEntry[] = [];
  let lastLook: number | undefined;
  for (const [hours, seen] of looks) {
    const at = epoch + hours * hour;
    ledger = observe(
      ledger,
      { digest: seen, at, ...(lastLook === undefined ? {} : { lastLook }) },
      settle,
    ).ledger;
    lastLook = at;
  }
  return ledger;
}

function entry(ledger: readonly LedgerEntry[], of: Digest): LedgerEntry {
  const found = ledger.find((each) => each.digest === of);
  if (!found) throw new Error('no such entry');
  return found;
}

describe('the first look', () => {
  it('is the baseline, and not settled', () => {
    expect(observe([], { digest: a, at: epoch }, settle)).toEqual({
      news: 'baseline',
      ledger: [{ digest: a, firstSeen: epoch, appeared: epoch, baseline: true }],
    });
  });

  it('makes a baseline of every tag of a selection, and news of a tag that joins later', () => {
    const first = observe([], { digest: a, tag: '16.1', at: epoch }, settle).ledger;
    const both = observe(first, { digest: b, tag: '16.2', at: epoch }, settle);
    expect(both.news).toBe('baseline');
    const later = observe(both.ledger, { digest: c, tag: '16.3', at: epoch + hour }, settle);
    expect(later.news).toBe('moved');
    expect(entry(later.ledger, c).baseline).toBeUndefined();
  });
});

describe('settling', () => {
  it('returns the same array as long as there is no news', () => {
    const ledger = ledgerOf([[0, a]]);
    const early = observe(ledger, { digest: a, at: epoch + settle - 1 }, settle);
    expect(early).toEqual({ ledger, news: 'none' });
    expect(early.ledger).toBe(ledger);
    const settled = observe(ledger, { digest: a, at: epoch + settle }, settle).ledger;
    const again = observe(settled, { digest: a, at: epoch + day }, settle);
    expect(again.ledger).toBe(settled);
  });

  it('happens at the first look after the settle time that still finds the digest', () => {
    const ledger = ledgerOf([
      [0, a],
      [1, a],
    ]);
    expect(entry(ledger, a).settledAt).toBe(epoch + hour);
    expect(followUpAt(ledger, settle)).toBeUndefined();
    expect(followUpAt(ledgerOf([[0, a]]), settle)).toBe(epoch + settle);
  });

  it('needs no second look for our own build', () => {
    const { ledger } = observe([], { digest: a, at: epoch, ownBuild: true }, settle);
    expect(entry(ledger, a).settledAt).toBe(epoch);
    const moved = observe(ledger, { digest: b, at: epoch + hour, ownBuild: true }, settle).ledger;
    expect(entry(moved, b).settledAt).toBe(epoch + hour);
  });

  it('does not happen to a digest that the follow-up does not find', () => {
    expect(
      entry(
        ledgerOf([
          [0, a],
          [1, a],
          [2, b],
          [2.5, c],
          [9, c],
        ]),
        b,
      ).settledAt,
    ).toBeUndefined();
  });
});

describe('a tag that moves', () => {
  it('keeps when the one before was last seen, and how long looks prove it to have stood', () => {
    const ledger = ledgerOf([
      [0, a],
      [1, a],
      [5, a],
      [9, b],
    ]);
    expect(entry(ledger, a)).toMatchObject({
      lastSeenAt: epoch + 5 * hour,
      replacedAt: epoch + 9 * hour,
      stood: 5 * hour,
    });
    expect(entry(ledger, b)).toMatchObject({
      firstSeen: epoch + 9 * hour,
      appeared: epoch + 9 * hour,
      previousLastSeenAt: epoch + 5 * hour,
    });
    expect(standing(ledger)?.digest).toBe(b);
  });

  it('proves no more than the follow-up when no look is remembered', () => {
    const settled = ledgerOf([
      [0, a],
      [1, a],
    ]);
    const { ledger } = observe(settled, { digest: b, at: epoch + 30 * hour }, settle);
    expect(entry(ledger, a).stood).toBe(hour);
    expect(entry(ledger, b).previousLastSeenAt).toBe(epoch + hour);
  });

  it('marks a version tag that was pushed again', () => {
    const first = observe([], { digest: a, tag: '16.1', at: epoch }, settle).ledger;
    const { ledger } = observe(first, { digest: b, tag: '16.1', at: epoch + hour }, settle);
    expect(entry(ledger, b).retagged).toBe(true);
    expect(entry(ledger, a).retagged).toBeUndefined();
  });
});

describe('a tag that goes back', () => {
  it('withdraws the digest it left, and orders by latest appearance', () => {
    const ledger = ledgerOf([
      [0, a],
      [1, a],
      [24, b],
      [25, b],
      [48, a],
    ]);
    expect(ledger.map(({ digest: each }) => each)).toEqual([b, a]);
    expect(entry(ledger, b)).toMatchObject({ withdrawnAt: epoch + 48 * hour, replacedAt: epoch + 48 * hour });
    const back = entry(ledger, a);
    expect(back).toMatchObject({
      firstSeen: epoch,
      appeared: epoch + 48 * hour,
      settledAt: epoch + hour,
      baseline: true,
    });
    expect(back).not.toHaveProperty('replacedAt');
    expect(back).not.toHaveProperty('lastSeenAt');
  });

  it('withdraws only the one it left, not those before', () => {
    const ledger = ledgerOf([
      [0, a],
      [24, b],
      [48, c],
      [72, a],
    ]);
    expect(entry(ledger, c).withdrawnAt).toBe(epoch + 72 * hour);
    expect(entry(ledger, b).withdrawnAt).toBeUndefined();
  });

  it('starts a new timer when the withdrawn digest returns, and withdraws nothing by that', () => {
    const looks = [
      [0, a],
      [1, a],
      [24, b],
      [45, b],
      [48, a],
      [49, a],
      [96, b],
    ] as const;
    const ledger = ledgerOf(looks);
    expect(observe(ledgerOf(looks.slice(0, -1)), { digest: b, at: epoch + 96 * hour }, settle).news).toBe(
      'returned',
    );
    expect(entry(ledger, b)).toEqual({
      digest: b,
      firstSeen: epoch + 96 * hour,
      appeared: epoch + 96 * hour,
      previousLastSeenAt: epoch + 49 * hour,
    });
    expect(entry(ledger, a).withdrawnAt).toBeUndefined();
    expect(standing(ledger)?.digest).toBe(b);
  });

  it('counts how long the returned digest stands from its return', () => {
    const ledger = ledgerOf([
      [0, a],
      [1, a],
      [24, b],
      [45, b],
      [48, a],
      [49, a],
      [96, b],
      [97, b],
      [98, c],
    ]);
    expect(entry(ledger, b).stood).toBe(hour);
  });

  it('serves again what was gone: it stands under the tag', () => {
    const gone = annotate(
      ledgerOf([
        [0, a],
        [24, b],
      ]),
      a,
      { goneAt: epoch + 30 * hour },
    );
    expect(entry(gone, a).goneAt).toBe(epoch + 30 * hour);
    expect(
      entry(observe(gone, { digest: a, at: epoch + 48 * hour }, settle).ledger, a).goneAt,
    ).toBeUndefined();
  });
});

it('never takes ledger times backwards', () => {
  const ledger = ledgerOf([[10, a]]);
  const moved = observe(ledger, { digest: b, at: epoch }, settle).ledger;
  expect(entry(moved, b).appeared).toBe(epoch + 10 * hour);
  expect(entry(moved, a)).toMatchObject({
    lastSeenAt: epoch + 10 * hour,
    replacedAt: epoch + 10 * hour,
    stood: 0,
  });
});

describe('what a digest holds', () => {
  const same = { [amd64]: platformContent(['x', 'y']) };

  it('is entered once, with the earliest digest of equal content', () => {
    const ledger = [a, b, c].map((each, index) =>
      ledgerEntry({ digest: each, firstSeen: epoch + index * day }),
    );
    const described = [a, b, c].reduce<readonly LedgerEntry[]>(
      (before, each) =>
        describeEntry(before, each, { [amd64]: platformContent(['x', 'y'], { digest: each }) }),
      ledger,
    );
    expect(described.map(({ equalTo }) => equalTo)).toEqual([undefined, a, a]);
    expect(describeEntry(described, a, { [amd64]: platformContent(['z']) })).toEqual(described);
  });

  it('keeps the date that a publisher gives', () => {
    expect(describeEntry([ledgerEntry({ digest: a })], a, same, epoch + 5)[0]?.publishedAt).toBe(epoch + 5);
  });

  it.each([
    [
      'the same on every platform',
      same,
      { [amd64]: platformContent(['x', 'y'], { digest: digest('m2') }) },
      true,
    ],
    ['another layer', same, { [amd64]: platformContent(['x', 'z']) }, false],
    ['one layer more', same, { [amd64]: platformContent(['x', 'y', 'z']) }, false],
    ['another config', same, { [amd64]: platformContent(['x', 'y'], { config: 'other' }) }, false],
    ['one platform more', same, { ...same, [arm64]: platformContent(['x']) }, false],
    ['nothing known', {}, {}, false],
  ])('is equal or not: %s', (_, left, right, equal) => {
    expect(sameContent(left, right)).toBe(equal);
    expect(sameContent(right, left)).toBe(equal);
  });
});

it('changes nothing for a digest that the ledger does not know', () => {
  const ledger = [ledgerEntry({ digest: a })];
  expect(annotate(ledger, b, { refused: 'no signature' })).toBe(ledger);
});
