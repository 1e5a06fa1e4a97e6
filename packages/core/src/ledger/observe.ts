import type { Digest } from '../reference/types.ts';
import type { LedgerEntry, PlatformContent } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';

/** One successful look at a tag. */
export interface Observation {
  readonly digest: Digest;
  readonly at: Instant;
  /** Set for external images, whose ledger holds several tags. */
  readonly tag?: string;
  /** The last earlier look that saw the standing digest; looks without news are not kept in git, so it may be unknown. */
  readonly lastLook?: Instant;
  /**
   * Write down that the standing digest was seen again after this time: where nobody keeps the time of looks without
   * news, this is what proves later that it stood so long.
   */
  readonly noteStanding?: Duration;
  /** We pushed this digest ourselves and know that it stays: no follow-up look is needed. */
  readonly ownBuild?: boolean;
}

export type ObservationNews = 'none' | 'baseline' | 'settled' | 'stood' | 'moved' | 'went-back' | 'returned';

export interface Observed {
  /** The same array where there is no news, so that nothing is written. */
  readonly ledger: readonly LedgerEntry[];
  readonly news: ObservationNews;
}

/** The entry that stands under the tag now. */
export function standing(ledger: readonly LedgerEntry[], tag?: string): LedgerEntry | undefined {
  return ledger.findLast((entry) => entry.replacedAt === undefined && entry.tag === tag);
}

/**
 * Enters one look into the ledger of a tag (brief 4.2, rules 1, 2 and 4).
 *
 * A tag that goes back to an older digest withdraws the one it left. A withdrawn digest that returns starts a new
 * timer, and is then an ordinary push: the digest that it replaces is not withdrawn by it.
 */
export function observe(ledger: readonly LedgerEntry[], look: Observation, settle: Duration): Observed {
  const at = ledger.reduce((latest, entry) => Math.max(latest, entry.appeared), look.at);
  const tagged = look.tag === undefined ? {} : { tag: look.tag };
  const settled = look.ownBuild ? { settledAt: at } : {};
  const current = standing(ledger, look.tag);
  if (!current) {
    // A tag that joins the selection later is news; only what was there at the first look is a starting point.
    const first = ledger.every((entry) => entry.appeared === at);
    const entry: LedgerEntry = { digest: look.digest, ...tagged, firstSeen: at, appeared: at, ...settled };
    return first
      ? { ledger: [...ledger, { ...entry, baseline: true }], news: 'baseline' }
      : { ledger: [...ledger, entry], news: 'moved' };
  }

  if (current.digest === look.digest) {
    if (current.settledAt !== undefined && isUnproved(current, at, look.noteStanding)) {
      const stood = at - current.appeared;
      return { ledger: replace(ledger, current, { ...current, stood }), news: 'stood' };
    }
    if (current.settledAt !== undefined || (!look.ownBuild && at < current.appeared + settle))
      return { ledger, news: 'none' };
    return { ledger: replace(ledger, current, { ...current, settledAt: at }), news: 'settled' };
  }

  const lastSeenAt = Math.min(at, Math.max(look.lastLook ?? 0, current.settledAt ?? 0, current.appeared));
  const left: LedgerEntry = {
    ...current,
    lastSeenAt,
    replacedAt: at,
    stood: Math.max(current.stood ?? 0, lastSeenAt - current.appeared),
  };
  const known = ledger.find((entry) => entry.digest === look.digest && entry.tag === look.tag);
  const others = ledger.filter((entry) => entry !== known);
  if (!known) {
    const retagged = look.tag === undefined ? {} : { retagged: true as const };
    const fresh: LedgerEntry = {
      digest: look.digest,
      ...tagged,
      firstSeen: at,
      appeared: at,
      previousLastSeenAt: lastSeenAt,
      ...settled,
      ...retagged,
    };
    return { ledger: [...replace(others, current, left), fresh], news: 'moved' };
  }

  // What stands under the tag is served, whatever was found earlier.
  const { lastSeenAt: _lastSeenAt, replacedAt: _replacedAt, goneAt: _goneAt, ...kept } = known;
  const { withdrawnAt, settledAt, baseline: _baseline, stood: _stood, ...returning } = kept;
  if (withdrawnAt !== undefined) {
    const returned: LedgerEntry = {
      ...returning,
      firstSeen: at,
      appeared: at,
      previousLastSeenAt: lastSeenAt,
      ...settled,
    };
    return { ledger: [...replace(others, current, left), returned], news: 'returned' };
  }
  const again: LedgerEntry = {
    ...kept,
    appeared: at,
    ...(settledAt === undefined ? settled : {}),
  };
  return { ledger: [...replace(others, current, { ...left, withdrawnAt: at }), again], news: 'went-back' };
}

/** When the one follow-up look of a change is due; undefined when nothing is unsettled. */
export function followUpAt(
  ledger: readonly LedgerEntry[],
  settle: Duration,
  tag?: string,
): Instant | undefined {
  const current = standing(ledger, tag);
  return current && current.settledAt === undefined ? current.appeared + settle : undefined;
}

/** When a look would show that the standing digest stood for so long; undefined when that is known, or needs no proof. */
export function standingCheckAt(
  ledger: readonly LedgerEntry[],
  minStanding: Duration,
  tag?: string,
): Instant | undefined {
  const current = standing(ledger, tag);
  return current && isUnproved(current, Number.POSITIVE_INFINITY, minStanding)
    ? current.appeared + minStanding
    : undefined;
}

function isUnproved(entry: LedgerEntry, at: Instant, minStanding: Duration | undefined): boolean {
  if (minStanding === undefined || entry.baseline) return false;
  return (entry.stood ?? 0) < minStanding && at >= entry.appeared + minStanding;
}

/** Enters what a digest holds, and to which earlier digest it is equal (brief 4.3.6). */
export function describeEntry(
  ledger: readonly LedgerEntry[],
  digest: Digest,
  platforms: Readonly<Record<string, PlatformContent>>,
  publishedAt?: Instant,
): readonly LedgerEntry[] {
  return ledger.map((entry, index) => {
    if (entry.digest !== digest || entry.platforms !== undefined) return entry;
    const twin = ledger
      .slice(0, index)
      .find((earlier) => earlier.platforms && sameContent(earlier.platforms, platforms));
    const equalTo = twin && twin.digest !== digest ? (twin.equalTo ?? twin.digest) : undefined;
    return {
      ...entry,
      platforms,
      ...(publishedAt === undefined ? {} : { publishedAt }),
      ...(equalTo === undefined ? {} : { equalTo }),
    };
  });
}

/** Same diff ids on every platform and the same config apart from created, history and labels. */
export function sameContent(
  a: Readonly<Record<string, PlatformContent>>,
  b: Readonly<Record<string, PlatformContent>>,
): boolean {
  const names = Object.keys(a);
  return (
    names.length > 0 &&
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const left = a[name];
      const right = b[name];
      return (
        left !== undefined &&
        right !== undefined &&
        left.config === right.config &&
        left.diffIds.length === right.diffIds.length &&
        left.diffIds.every((diffId, index) => diffId === right.diffIds[index])
      );
    })
  );
}

/** Changes one digest's entries: gone from the registry, refused by verification. */
export function annotate(
  ledger: readonly LedgerEntry[],
  digest: Digest,
  change: { readonly goneAt?: Instant; readonly refused?: string },
): readonly LedgerEntry[] {
  if (!ledger.some((entry) => entry.digest === digest)) return ledger;
  return ledger.map((entry) => (entry.digest === digest ? { ...entry, ...change } : entry));
}

function replace(ledger: readonly LedgerEntry[], from: LedgerEntry, to: LedgerEntry): LedgerEntry[] {
  return ledger.map((entry) => (entry === from ? to : entry));
}
