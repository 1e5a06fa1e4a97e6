import { amd64, digest, epoch, ledgerEntry, platformContent } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../reference/types.ts';
import type { LedgerEntry } from '../state/types.ts';
import { day, hour, minute } from '../time.ts';
import { baselinePin, candidateOf, firstPin, type Gate } from './candidate.ts';
import { versionsOf } from './versions.ts';

function gate(days: number, more: Partial<Gate> = {}): Gate {
  return {
    now: epoch + days * day,
    delay: 7 * day,
    minStanding: 12 * hour,
    held: new Map(),
    gone: new Set(),
    ...more,
  };
}

function pushed(name: string, days: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  const firstSeen = epoch + days * day;
  return ledgerEntry({
    digest: digest(name),
    firstSeen,
    settledAt: firstSeen + 30 * minute,
    platforms: { [amd64]: platformContent([name]) },
    ...more,
  });
}

/** Each of these replaces the one before it, after having stood until the next but `gap` hours. */
function replaced(entries: readonly LedgerEntry[]): LedgerEntry[] {
  return entries.map((entry, index) => {
    const next = entries[index + 1];
    if (!next) return entry;
    return {
      ...entry,
      lastSeenAt: next.appeared,
      replacedAt: next.appeared,
      stood: next.appeared - entry.appeared,
    };
  });
}

function judge(
  entries: readonly LedgerEntry[],
  at: Gate,
): { chosen: Digest | undefined; busyTag: boolean; newest: Digest | undefined } {
  const candidate = candidateOf(versionsOf(entries, [amd64]), at);
  return {
    chosen: candidate.judged[candidate.chosen]?.digest,
    busyTag: candidate.busyTag,
    newest: candidate.judged[candidate.newestAcceptable]?.digest,
  };
}

const old = pushed('old', -100, { baseline: true });

describe('the newest that has proved itself', () => {
  it('matures to the millisecond, and a newer push does not restart the timer', () => {
    const entries = replaced([old, pushed('x', 0), pushed('y', 6)]);
    expect(judge(entries, gate(7, { now: epoch + 7 * day - 1 })).chosen).toBe(old.digest);
    expect(judge(entries, gate(7)).chosen).toBe(digest('x'));
    expect(judge(entries, gate(13)).chosen).toBe(digest('y'));
  });

  it.each<[string, Partial<LedgerEntry>, Partial<Gate>]>([
    ['not settled', { settledAt: undefined as never }, {}],
    ['withdrawn', { withdrawnAt: epoch + day }, {}],
    ['refused', { refused: 'no signature' }, {}],
    ['gone by record', { goneAt: epoch + day }, {}],
    ['gone by look', {}, { gone: new Set([digest('x')]) }],
    ['held', {}, { held: new Map([[digest('x'), { reason: 'breaks TLS', since: 0 }]]) }],
    ['not described', { platforms: undefined as never }, {}],
    ['without the platform', { platforms: { ['linux/s390x']: platformContent(['x']) } as never }, {}],
  ])('is not one that is %s', (_, entry, more) => {
    const entries = replaced([old, pushed('x', 0, entry)]);
    expect(judge(entries, gate(8)).chosen).toBe(Object.keys(entry).length > 0 ? old.digest : digest('x'));
    expect(judge(entries, gate(8, more)).chosen).toBe(old.digest);
    expect(judge(entries, gate(8, more)).newest).toBe(old.digest);
  });

  it('names each obstacle', () => {
    const entries = replaced([old, pushed('x', 6, { settledAt: undefined as never, refused: 'no' })]);
    const { judged } = candidateOf(versionsOf(entries, [amd64]), gate(7));
    expect(judged.at(-1)?.obstacles).toEqual(['not-settled', 'not-matured', 'refused']);
    expect(judged.at(-1)?.matureAt).toBe(epoch + 13 * day);
  });

  it('takes another index of the same version when one is held', () => {
    const twin = { ...pushed('x', 1), digest: digest('x, attested') };
    const entries = replaced([old, pushed('x', 0), twin]);
    expect(judge(entries, gate(9)).chosen).toBe(twin.digest);
    expect(
      judge(entries, gate(9, { held: new Map([[twin.digest, { reason: 'no', since: 0 }]]) })).chosen,
    ).toBe(digest('x'));
  });
});

describe("a publisher's own date", () => {
  it('only delays, and by one delay at most', () => {
    const at = (publishedAt: number): number | undefined =>
      candidateOf(versionsOf([old, pushed('x', 0, { publishedAt })], [amd64]), gate(1)).judged.at(-1)
        ?.matureAt;
    expect(at(epoch - 50 * day)).toBe(epoch + 7 * day);
    expect(at(epoch + 2 * day)).toBe(epoch + 9 * day);
    expect(at(epoch + 1000 * day)).toBe(epoch + 14 * day);
  });
});

describe('a digest that was replaced', () => {
  it.each([
    ['12 h under the default delay', 7 * day, 12 * hour, true],
    ['a minute less', 7 * day, 12 * hour - minute, false],
    ['a fourteenth of a shorter delay', day, day / 14, true],
    ['less than that', day, day / 14 - minute, false],
    ['12 h under a longer delay', 30 * day, 12 * hour, true],
  ])('has to have stood: %s', (_, delay, stood, counts) => {
    const x = pushed('x', 0, { stood, lastSeenAt: epoch + stood, replacedAt: epoch + day });
    const at = gate(0, { delay, now: epoch + delay + hour });
    expect(judge([old, x, pushed('y', 1)], at).chosen).toBe(counts ? x.digest : old.digest);
  });

  it('never counts when it is a bad push that is fixed forward, even for the hours before the fix matures', () => {
    const entries = replaced([old, pushed('bad', 0), pushed('fix', 1 / 24)]);
    expect(judge(entries, gate(7))).toMatchObject({ chosen: old.digest, busyTag: false });
    expect(judge(entries, gate(7 + 1 / 24))).toMatchObject({ chosen: digest('fix'), busyTag: false });
  });

  it('has no standing to prove as long as it stands', () => {
    expect(judge(replaced([old, pushed('x', 0)]), gate(7)).chosen).toBe(digest('x'));
  });
});

describe('a busy tag', () => {
  const hourly = Array.from({ length: 40 * 24 }, (_, index) => pushed(`h${index}`, index / 24));
  const seenBy = (days: number): LedgerEntry[] =>
    replaced([old, ...hourly.filter(({ appeared }) => appeared <= epoch + days * day)]);

  it('is given twice the delay, then its newest matured digest is taken', () => {
    expect(judge(seenBy(13.9), gate(13.9))).toMatchObject({ chosen: old.digest, busyTag: false });
    const entries = seenBy(14);
    expect(judge(entries, gate(14))).toMatchObject({ chosen: digest(`h${7 * 24}`), busyTag: true });
  });

  it('says beforehand when that will be', () => {
    const candidate = candidateOf(versionsOf(seenBy(10), [amd64]), gate(10));
    expect(candidate.judged[1]?.takenAt).toBe(epoch + 14 * day);
    expect(candidate.judged[0]?.takenAt).toBeUndefined();
    expect(candidate.judged.at(-1)?.takenAt).toBeUndefined();
  });

  it('is no longer busy once a digest stands', () => {
    const entries = replaced([...seenBy(20), pushed('release', 20.1)]);
    expect(judge(entries, gate(27))).toMatchObject({ busyTag: true });
    expect(judge(entries, gate(27.1))).toMatchObject({ chosen: digest('release'), busyTag: false });
  });

  it('is counted from the first of an unbroken run: a digest that stood between ends it', () => {
    const entries = replaced([
      old,
      pushed('short', 0),
      pushed('refused', 0.1, { refused: 'no signature' }),
      pushed('bad', 60),
      pushed('fix', 60.1),
    ]);
    expect(judge(entries, gate(67.05))).toMatchObject({ chosen: digest('short'), busyTag: true });
    expect(judge(entries, gate(67.1))).toMatchObject({ chosen: digest('fix'), busyTag: false });
  });

  it('does not take a digest that was never settled or is withdrawn', () => {
    const entries = replaced([
      old,
      ...Array.from({ length: 400 }, (_, index) =>
        pushed(`h${index}`, index / 24, index === 5 ? {} : { settledAt: undefined as never }),
      ),
    ]);
    expect(judge(entries, gate(15))).toMatchObject({ chosen: digest('h5'), busyTag: true });
  });
});

describe('a pin before anything has matured', () => {
  const candidate = (...entries: LedgerEntry[]): ReturnType<typeof candidateOf> =>
    candidateOf(versionsOf(replaced(entries), [amd64]), gate(1));
  const base = pushed('base', 0, { baseline: true });

  it('is the baseline, settled or not, replaced or not', () => {
    const unsettled = { ...base, settledAt: undefined as never };
    expect(firstPin(candidate(unsettled))?.digest).toBe(base.digest);
    expect(firstPin(candidate(base, pushed('x', 0.5)))?.digest).toBe(base.digest);
    expect(baselinePin(candidate(base, pushed('x', 0.5)))?.digest).toBe(base.digest);
  });

  it('is the oldest settled digest when the baseline cannot be used', () => {
    const gone = { ...base, goneAt: epoch };
    const both = candidate(
      gone,
      pushed('x', 0.1, { settledAt: undefined as never }),
      pushed('y', 0.5),
      pushed('z', 0.8),
    );
    expect(firstPin(both)?.digest).toBe(digest('y'));
    expect(baselinePin(both)).toBeUndefined();
  });

  it('is what has matured as soon as something has', () => {
    expect(firstPin(candidate(pushed('ripe', -8), base))?.digest).toBe(digest('ripe'));
  });

  it('is nothing when everything is refused', () => {
    expect(firstPin(candidate({ ...base, refused: 'no signature' }))).toBeUndefined();
  });
});
