import type { Digest } from '../reference/types.ts';
import type { Duration, Instant } from '../time.ts';
import type { Version } from './versions.ts';

/** What decides which digest a build would use. */
export interface Gate {
  readonly now: Instant;
  readonly delay: Duration;
  readonly minStanding: Duration;
  /** Digests that a person holds, with the reason. */
  readonly held: ReadonlyMap<Digest, string>;
  /** Digests that the registry was asked for and no longer serves. */
  readonly gone: ReadonlySet<Digest>;
}

export type Obstacle =
  | 'not-settled'
  | 'not-matured'
  | 'platform-missing'
  | 'not-described'
  | 'withdrawn'
  | 'held'
  | 'refused'
  | 'gone'
  | 'short-lived';

export interface Judged {
  readonly version: Version;
  readonly obstacles: readonly Obstacle[];
  /** When its delay is over. */
  readonly matureAt: Instant;
  /** The digest of the version to pin: its newest that may be used. */
  readonly digest: Digest | undefined;
}

export interface Candidate {
  /** Oldest first, each with what speaks against it. */
  readonly judged: readonly Judged[];
  /** Position in `judged` of what a build would use now; -1: nothing. */
  readonly chosen: number;
  /** Nothing stood long enough for twice the delay, so the newest matured digest was taken. */
  readonly busyTag: boolean;
  /** Position of the newest that a proved emergency may use: settled, complete, served, not withdrawn, held or refused. */
  readonly newestAcceptable: number;
}

/** Picks the newest digest that has proved itself (brief 4.3.1). A newer push never restarts an older one's timer. */
export function candidateOf(versions: readonly Version[], gate: Gate): Candidate {
  const minStanding = Math.min(gate.minStanding, gate.delay / 14);
  const judged = versions.map((version) => judge(version, gate, minStanding));
  const chosen = judged.findLastIndex(({ obstacles }) => obstacles.length === 0);
  const newestAcceptable = judged.findLastIndex(({ obstacles }) =>
    obstacles.every((obstacle) => obstacle === 'not-matured' || obstacle === 'short-lived'),
  );
  const busy = judged.findLastIndex(({ obstacles }) => obstacles.every((obstacle) => obstacle === 'short-lived'));
  const nothingSince = chosen >= 0 ? (judged[chosen]?.matureAt ?? 0) : (versions[0]?.firstSeen ?? gate.now);
  const busyTag = busy > chosen && gate.now - nothingSince >= 2 * gate.delay;
  return { judged, chosen: busyTag ? busy : chosen, busyTag, newestAcceptable };
}

/** The baseline may be pinned at once for an image that was never built (brief 4.2.2), settled and matured or not. */
export function firstPin(candidate: Candidate): Judged | undefined {
  const chosen = candidate.judged[candidate.chosen];
  if (chosen) return chosen;
  const tolerable: readonly Obstacle[] = ['not-settled', 'not-matured', 'short-lived'];
  const usable = ({ obstacles }: Judged): boolean => obstacles.every((obstacle) => tolerable.includes(obstacle));
  return (
    candidate.judged.find((judged) => judged.version.baseline && usable(judged)) ??
    candidate.judged.find((judged) => usable(judged) && judged.version.settledAt !== undefined)
  );
}

function judge(version: Version, gate: Gate, minStanding: Duration): Judged {
  const obstacles: Obstacle[] = [];
  const usable = version.entries.findLast(
    ({ digest, refused, goneAt }) =>
      refused === undefined && goneAt === undefined && !gate.held.has(digest) && !gate.gone.has(digest),
  );
  const matureAt = maturity(version, gate.delay);
  if (version.settledAt === undefined) obstacles.push('not-settled');
  if (gate.now < matureAt) obstacles.push('not-matured');
  if (version.complete === undefined) obstacles.push('not-described');
  if (version.complete === false) obstacles.push('platform-missing');
  if (version.withdrawnAt !== undefined) obstacles.push('withdrawn');
  if (!usable) obstacles.push(whyUnusable(version, gate));
  if (version.replacedAt !== undefined && version.stood < minStanding) obstacles.push('short-lived');
  return { version, obstacles, matureAt, digest: usable?.digest };
}

/** A publisher's date can only make the gate stricter, and by one delay at most: a forged date never blocks for ever. */
function maturity(version: Version, delay: Duration): Instant {
  const start = Math.max(version.firstSeen, Math.min(version.publishedAt ?? 0, version.firstSeen + delay));
  return start + delay;
}

function whyUnusable(version: Version, gate: Gate): Obstacle {
  if (version.entries.some((entry) => entry.refused !== undefined)) return 'refused';
  return version.entries.some((entry) => gate.held.has(entry.digest)) ? 'held' : 'gone';
}
