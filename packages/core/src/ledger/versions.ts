import type { Digest, PlatformName } from '../reference/types.ts';
import type { LedgerEntry } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';

/**
 * What a base was for the platforms that one image builds: ledger entries whose platform manifests are the same are
 * one version, because an index that changed only elsewhere, or only in its attestations, is no update (brief 4.2.3).
 */
export interface Version {
  /** Oldest first; all hold the same manifests on the platforms in question. */
  readonly entries: readonly LedgerEntry[];
  /** When its timer started. */
  readonly firstSeen: Instant;
  readonly appeared: Instant;
  readonly settledAt: Instant | undefined;
  readonly previousLastSeenAt: Instant | undefined;
  /** Undefined while it stands under the tag. */
  readonly replacedAt: Instant | undefined;
  /** The longest time that looks prove it to have stood; meaningless while it stands. */
  readonly stood: Duration;
  readonly withdrawnAt: Instant | undefined;
  readonly baseline: boolean;
  /** Every platform is there; undefined where the manifest has not been read yet. */
  readonly complete: boolean | undefined;
  readonly missing: readonly PlatformName[];
  readonly publishedAt: Instant | undefined;
}

/** The versions of one tag for these platforms, by latest appearance. */
export function versionsOf(
  ledger: readonly LedgerEntry[],
  platforms: readonly PlatformName[],
): readonly Version[] {
  const versions = new Map<string, Version>();
  let last: string | undefined;
  for (const entry of ledger.toSorted((a, b) => a.appeared - b.appeared)) {
    const identity = identityOf(entry, platforms);
    const known = versions.get(identity);
    if (!known) versions.set(identity, single(entry, platforms));
    else if (last === identity) versions.set(identity, extend(known, entry, platforms, true));
    else {
      const left = last === undefined ? undefined : versions.get(last);
      if (last !== undefined && left && left.withdrawnAt === undefined && known.withdrawnAt === undefined) {
        versions.set(last, { ...left, withdrawnAt: entry.appeared });
      }
      // A map keeps the order of insertion: taken out and put in again, it is the latest.
      versions.delete(identity);
      versions.set(identity, extend(known, entry, platforms, false));
    }
    last = identity;
  }
  return [...versions.values()];
}

/** Does the version hold this digest, or one with equal content? */
function holds(version: Version, digest: Digest): boolean {
  return version.entries.some((entry) => entry.digest === digest || entry.equalTo === digest);
}

/** Position of the version that contains a digest, newest match first; -1 if the ledger does not know it. */
export function positionOf(versions: readonly Version[], digest: Digest): number {
  const exact = versions.findLastIndex((version) => version.entries.some((entry) => entry.digest === digest));
  return exact >= 0 ? exact : versions.findLastIndex((version) => holds(version, digest));
}

/** Is the content of two versions the same, so that a rebuild would change nothing? */
export function equalContent(a: Version, b: Version): boolean {
  const roots = new Set(a.entries.map(root));
  return b.entries.some((entry) => roots.has(root(entry)));
}

function root(entry: LedgerEntry): Digest {
  return entry.equalTo ?? entry.digest;
}

function identityOf(entry: LedgerEntry, platforms: readonly PlatformName[]): string {
  const known = entry.platforms;
  if (!known || platforms.length === 0) return entry.digest;
  const digests = platforms.map((platform) => known[platform]?.digest ?? 'missing');
  return digests.every((digest) => digest === 'missing') ? entry.digest : digests.join(' ');
}

function single(entry: LedgerEntry, platforms: readonly PlatformName[]): Version {
  const known = entry.platforms;
  const missing = known ? platforms.filter((platform) => known[platform] === undefined) : [];
  return {
    entries: [entry],
    firstSeen: entry.firstSeen,
    appeared: entry.appeared,
    settledAt: entry.settledAt,
    previousLastSeenAt: entry.previousLastSeenAt,
    replacedAt: entry.replacedAt,
    stood: entry.stood ?? 0,
    withdrawnAt: entry.withdrawnAt,
    baseline: entry.baseline ?? false,
    complete: known ? missing.length === 0 : undefined,
    missing,
    publishedAt: entry.publishedAt,
  };
}

function extend(
  version: Version,
  entry: LedgerEntry,
  platforms: readonly PlatformName[],
  unbroken: boolean,
): Version {
  const entries = [...version.entries, entry];
  // A withdrawn version that returns starts afresh: its timer, its standing, and it is no starting point any more.
  if (version.withdrawnAt !== undefined && entry.withdrawnAt === undefined)
    return { ...single(entry, platforms), entries };
  const together = unbroken && entry.lastSeenAt !== undefined ? entry.lastSeenAt - version.appeared : 0;
  return {
    ...version,
    entries,
    firstSeen: Math.min(version.firstSeen, entry.firstSeen),
    appeared: unbroken ? version.appeared : entry.appeared,
    settledAt: version.settledAt ?? entry.settledAt,
    replacedAt: entry.replacedAt,
    stood: Math.max(version.stood, entry.stood ?? 0, together),
    withdrawnAt: entry.withdrawnAt,
  };
}
