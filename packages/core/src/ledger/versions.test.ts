import { amd64, arm64, digest, epoch, ledgerEntry, platformContent } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../state/types.ts';
import { day, hour } from '../time.ts';
import { equalContent, positionOf, versionsOf } from './versions.ts';

/** An entry of an index on day `on` whose platforms hold the named contents. */
function index(
  name: string,
  on: number,
  amd: string,
  arm?: string,
  more: Partial<LedgerEntry> = {},
): LedgerEntry {
  return ledgerEntry({
    digest: digest(name),
    firstSeen: epoch + on * day,
    platforms: {
      [amd64]: platformContent([amd]),
      ...(arm === undefined ? {} : { [arm64]: platformContent([arm]) }),
    },
    ...more,
  });
}

function names(ledger: readonly LedgerEntry[], platforms = [amd64]): string[][] {
  const known = new Map(['i1', 'i2', 'i3', 'i4'].map((name) => [digest(name), name]));
  return versionsOf(ledger, platforms).map(({ entries }) =>
    entries.map((entry) => known.get(entry.digest) ?? '?'),
  );
}

describe('the tuple of platform manifests', () => {
  it('makes one version of indexes that differ only elsewhere or in attestations', () => {
    const ledger = [
      index('i1', 0, 'amd', 'arm'),
      index('i2', 3, 'amd', 'arm'),
      index('i3', 5, 'amd', 'newer arm'),
    ];
    expect(names(ledger)).toEqual([['i1', 'i2', 'i3']]);
    expect(names(ledger, [arm64])).toEqual([['i1', 'i2'], ['i3']]);
    expect(names(ledger, [amd64, arm64])).toEqual([['i1', 'i2'], ['i3']]);
  });

  it('counts from the first sight of the tuple, and stands as long as it does', () => {
    const [version] = versionsOf(
      [
        index('i1', 0, 'amd', 'arm', {
          lastSeenAt: epoch + 10 * hour,
          replacedAt: epoch + 11 * hour,
          stood: 10 * hour,
        }),
        index('i2', 1, 'amd', 'newer', {
          lastSeenAt: epoch + 40 * hour,
          replacedAt: epoch + 41 * hour,
          stood: 16 * hour,
        }),
      ],
      [amd64],
    );
    expect(version).toMatchObject({
      firstSeen: epoch,
      appeared: epoch,
      stood: 40 * hour,
      replacedAt: epoch + 41 * hour,
    });
  });

  it('takes architectures that land apart for one version each', () => {
    const ledger = [
      index('i1', 0, 'amd', 'arm'),
      index('i2', 1, 'amd2', 'arm'),
      index('i3', 2, 'amd2', 'arm2'),
    ];
    expect(names(ledger, [amd64, arm64])).toEqual([['i1'], ['i2'], ['i3']]);
    expect(names(ledger, [amd64])).toEqual([['i1'], ['i2', 'i3']]);
  });

  it('knows what lacks a platform, and what was not read yet', () => {
    const ledger = [index('i1', 0, 'amd'), ledgerEntry({ digest: digest('i2'), firstSeen: epoch + day })];
    const [lacking, unread] = versionsOf(ledger, [amd64, arm64]);
    expect(lacking).toMatchObject({ complete: false, missing: [arm64] });
    expect(unread).toMatchObject({ complete: undefined, missing: [] });
  });
});

describe('going back by content', () => {
  it('withdraws the version that a new index leaves for an older content', () => {
    const versions = versionsOf(
      [index('i1', 0, 'good'), index('i2', 5, 'bad'), index('i3', 6, 'good')],
      [amd64],
    );
    expect(names([index('i1', 0, 'good'), index('i2', 5, 'bad'), index('i3', 6, 'good')])).toEqual([
      ['i2'],
      ['i1', 'i3'],
    ]);
    expect(versions[0]?.withdrawnAt).toBe(epoch + 6 * day);
    expect(versions[1]).toMatchObject({
      firstSeen: epoch,
      appeared: epoch + 6 * day,
      withdrawnAt: undefined,
    });
  });

  it('starts afresh when withdrawn content returns under another index', () => {
    const versions = versionsOf(
      [
        index('i1', 0, 'good'),
        index('i2', 5, 'bad', undefined, { stood: 20 * hour, replacedAt: epoch + 6 * day }),
        index('i3', 6, 'good'),
        index('i4', 9, 'bad', undefined, {
          settledAt: epoch + 10 * day,
          previousLastSeenAt: epoch + 8 * day,
        }),
      ],
      [amd64],
    );
    expect(versions.map(({ withdrawnAt }) => withdrawnAt)).toEqual([undefined, undefined]);
    expect(versions[1]).toMatchObject({
      firstSeen: epoch + 9 * day,
      settledAt: epoch + 10 * day,
      previousLastSeenAt: epoch + 8 * day,
      stood: 0,
      baseline: false,
    });
  });

  it('does not start a content afresh whose second index alone was withdrawn', () => {
    const ledger = [
      index('i2', 3, 'same', undefined, { withdrawnAt: epoch + 4 * day, replacedAt: epoch + 4 * day }),
      index('i1', 0, 'same', undefined, { appeared: epoch + 4 * day }),
    ];
    expect(versionsOf(ledger, [amd64])).toMatchObject([{ firstSeen: epoch, withdrawnAt: undefined }]);
  });
});

describe('where a digest stands', () => {
  const ledger = [
    index('i1', 0, 'x'),
    index('i2', 1, 'y'),
    { ...index('i3', 2, 'z'), equalTo: digest('i1') },
  ];
  const versions = versionsOf(ledger, [amd64]);

  it('is found exactly before it is found by equal content', () => {
    expect(positionOf(versions, digest('i1'))).toBe(0);
    expect(positionOf(versions.slice(1), digest('i1'))).toBe(1);
    expect(positionOf(versions, digest('unknown'))).toBe(-1);
  });

  it('compares content by the earliest equal digest', () => {
    const [first, second, third] = versions;
    if (!first || !second || !third) throw new Error('three versions');
    expect(equalContent(first, third)).toBe(true);
    expect(equalContent(third, first)).toBe(true);
    expect(equalContent(first, second)).toBe(false);
  });
});
