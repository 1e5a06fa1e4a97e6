import { days, planInput } from '@image-factory/testing/plan-input.ts';
import {
  amd64,
  digest,
  externalEnrolment,
  imageRecord,
  ledgerEntry,
  platformContent,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { ExternalEnrolment } from '../enrolment/types.ts';
import type { ImageRecord, LedgerEntry } from '../state/types.ts';
import { minute } from '../time.ts';
import { planOf } from './plan.ts';
import type { Decision, ReasonCode } from './types.ts';

function seen(tag: string, name: string, at: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  const firstSeen = days(at);
  return ledgerEntry({
    digest: digest(name),
    tag,
    firstSeen,
    settledAt: firstSeen + 30 * minute,
    platforms: { [amd64]: platformContent([name]) },
    ...more,
  });
}

function decide(
  ledger: readonly LedgerEntry[],
  at: number,
  more: Partial<ImageRecord> = {},
  of: Partial<ExternalEnrolment> = {},
): Decision {
  const { source: _source, kind: _kind, ...rest } = { source: 0, kind: 0, ...of };
  const [decision] = planOf(
    planInput({
      enrolments: [externalEnrolment(rest)],
      images: [imageRecord({ name: 'postgres', ledger, ...more })],
      at,
    }),
  ).decisions;
  if (!decision) throw new Error('no decision');
  return decision;
}

function codes(decision: Decision): ReasonCode[] {
  return decision.notes.map(({ code }) => code);
}

const approved = (tag: string, name: string): Partial<ImageRecord> => ({
  approved: { tag, digest: digest(name) },
});
const first = [seen('16.1', 'v1', 0, { baseline: true }), seen('16.2', 'v2', 0, { baseline: true })];

describe('an external image', () => {
  it('is approved at its highest baseline at enrolment', () => {
    expect(decide(first, 0)).toMatchObject({
      kind: 'external',
      action: 'none',
      approved: { tag: '16.2', digest: digest('v2') },
      newest: { tag: '16.2', digest: digest('v2') },
    });
  });

  it('does not take for a baseline what joined later, or cannot be used', () => {
    expect(decide([...first, seen('16.3', 'v3', 1)], 2).approved?.tag).toBe('16.2');
    const refused = first.map((entry) =>
      entry.tag === '16.2' ? { ...entry, refused: 'no signature' } : entry,
    );
    expect(decide(refused, 0).approved?.tag).toBe('16.1');
  });

  it('shows what is approved beside what is newest, which waits for its delay', () => {
    const ledger = [...first, seen('16.10', 'v10', 1)];
    const waiting = decide(ledger, 5, approved('16.2', 'v2'));
    expect(waiting).toMatchObject({ approved: { tag: '16.2' }, newest: { tag: '16.10' } });
    expect(waiting.notes).toContainEqual({
      code: 'not-matured',
      detail: '16.10',
      to: digest('v10'),
      until: days(8),
    });
    expect(decide(ledger, 8, approved('16.2', 'v2'))).toMatchObject({
      approved: { tag: '16.10', digest: digest('v10') },
    });
  });

  it('compares versions without the suffix that the expression fixes', () => {
    const ledger = [seen('16.9-alpine', 'v9', -50), seen('16.10-alpine', 'v10', -20)];
    const decision = decide(ledger, 1, approved('16.9-alpine', 'v9'), { allowTags: '^16[.0-9]*-alpine$' });
    expect(decision.approved?.tag).toBe('16.10-alpine');
  });

  it('never goes down to a lower version that matures later', () => {
    const ledger = [...first, seen('16.1.5', 'v15', 1)];
    expect(decide(ledger, 30, approved('16.2', 'v2')).approved?.tag).toBe('16.2');
  });

  it('goes back only from what was withdrawn or refused, and raises the alarm', () => {
    for (const more of [{ withdrawnAt: days(30) }, { refused: 'no signature' }]) {
      const ledger = [seen('16.1', 'v1', 0), seen('16.2', 'v2', 0, more)];
      const decision = decide(ledger, 31, approved('16.2', 'v2'));
      expect(decision.approved?.tag).toBe('16.1');
      expect(codes(decision)).toContain('contains-withdrawn');
    }
  });

  it('is retagged when a version was pushed again: the new content goes through the gate', () => {
    const ledger = [
      seen('16.2', 'v2', 0, { replacedAt: days(20), lastSeenAt: days(20), stood: days(20) - days(0) }),
      seen('16.2', 'v2 again', 20, { retagged: true }),
    ];
    const decision = decide(ledger, 21, approved('16.2', 'v2'));
    expect(decision.notes).toContainEqual({ code: 'retagged', to: digest('v2 again'), detail: '16.2' });
    expect(decision.approved?.digest).toBe(digest('v2'));
    expect(decide(ledger, 27, approved('16.2', 'v2')).approved?.digest).toBe(digest('v2 again'));
  });

  it('stays where it is while held, and leaves out a held digest', () => {
    const ledger = [...first, seen('16.3', 'v3', 1)];
    const hold = { reason: 'migration', since: 0, until: days(50) };
    expect(decide(ledger, 30, { ...approved('16.2', 'v2'), hold }).approved?.tag).toBe('16.2');
    expect(decide(ledger, 50, { ...approved('16.2', 'v2'), hold }).approved?.tag).toBe('16.3');
    const one = decide(ledger, 30, { ...approved('16.2', 'v2'), hold: { ...hold, digest: digest('v3') } });
    expect(one.approved?.tag).toBe('16.2');
    expect(codes(one)).toContain('held-digest');
  });

  it('forgets tags that the selection no longer covers', () => {
    const ledger = [...first, seen('17.1', 'v17', -50)];
    const decision = decide(ledger, 30, approved('16.2', 'v2'));
    expect(decision).toMatchObject({ approved: { tag: '16.2' }, newest: { tag: '16.2' } });
  });

  it.each<[ReasonCode, Partial<LedgerEntry>]>([
    ['not-settled', { settledAt: undefined as never }],
    ['withdrawn', { withdrawnAt: days(2) }],
    ['refused', { refused: 'x' }],
    ['gone', { goneAt: days(2) }],
    ['not-described', { platforms: undefined as never }],
  ])('says why a newer one is not approved: %s', (code, more) => {
    const decision = decide([...first, seen('16.3', 'v3', 1, more)], 30, approved('16.2', 'v2'));
    expect(decision.approved?.tag).toBe('16.2');
    expect(codes(decision)).toContain(code);
  });

  it('says platform-missing for the platforms of its enrolment', () => {
    const decision = decide([...first, seen('16.3', 'v3', 1)], 30, approved('16.2', 'v2'), {
      platforms: ['linux/arm64'] as never,
    });
    expect(codes(decision)).toContain('platform-missing');
  });

  it('is unobserved before the first look', () => {
    expect(decide([], 0).notes).toEqual([{ code: 'unobserved' }]);
    expect(decide([seen('17.1', 'v17', 0)], 0).notes).toEqual([{ code: 'unobserved' }]);
  });
});

describe('other strategies', () => {
  const ledger = [
    seen('16.b', 'b', -30, { publishedAt: days(-40) }),
    seen('16.a', 'a', -20, { publishedAt: days(-100) }),
    seen('16.c', 'c', -50, { publishedAt: days(-60) }),
  ];
  const all = { allowTags: '^16' };

  it('order by letters, by date, by appearance', () => {
    const newest = (
      imageSelectionStrategy: ExternalEnrolment['imageSelectionStrategy'],
    ): string | undefined =>
      decide(ledger, 1, approved('16.c', 'c'), { ...all, imageSelectionStrategy }).newest?.tag;
    expect(newest('Lexical')).toBe('16.c');
    expect(newest('NewestBuild')).toBe('16.b');
    expect(newest('Digest')).toBe('16.a');
  });

  it("mark NewestBuild as the publisher's word", () => {
    expect(codes(decide(ledger, 1, {}, { ...all, imageSelectionStrategy: 'NewestBuild' }))).toContain(
      'publishers-word',
    );
    expect(codes(decide(ledger, 1, {}, { ...all, imageSelectionStrategy: 'Lexical' }))).not.toContain(
      'publishers-word',
    );
  });
});
