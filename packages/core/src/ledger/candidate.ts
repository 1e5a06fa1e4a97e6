import type { Digest } from '../reference/types.ts';
import type { Hold } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';
import type { Version } from './versions.ts';

/** What decides which digest a build would use. */
export interface Gate {
  readonly now: Instant;
  readonly delay: Duration;
  readonly minStanding: Duration;
  /** Digests that a person holds. */
  readonly held: ReadonlyMap<Digest, Hold>;
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
  /** The hold that stands in its way. */
  readonly hold: Hold | undefined;
  /** It did not stand long enough, and this is when it is taken nevertheless unless something better comes. */
  readonly takenAt: Instant | undefined;
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
  const plain = versions.map((version) => judge(version, gate, minStanding));
  const proven = plain.findLastIndex(({ obstacles }) => obstacles.length === 0);
  const judged = withBusyTimes(plain, proven, 2 * gate.delay);
  const busy = judged.findLastIndex(({ takenAt }) => takenAt !== undefined && takenAt <= gate.now);
  const newestAcceptable = judged.findLastIndex(({ obstacles }) =>
    obstacles.every((obstacle) => obstacle === 'not-matured' || obstacle === 'short-lived'),
  );
  return { judged, chosen: Math.max(proven, busy), busyTag: busy > proven, newestAcceptable };
}

/**
 * A tag is busy when, for twice the delay, nothing stood long enough on it. That time is counted from the first of an
 * unbroken run of short-lived digests, so a bad push on a quiet tag never counts as one: its fix matures before.
 */
function withBusyTimes(judged: readonly Judged[], proven: number, patience: Duration): readonly Judged[] {
  let runSince: Instant | undefined;
  return judged.map((each, index) => {
    if (index <= proven || !each.obstacles.includes('short-lived')) {
      runSince = undefined;
      return each;
    }
    runSince ??= each.version.firstSeen;
    const usable = each.obstacles.every(
      (obstacle) => obstacle === 'short-lived' || obstacle === 'not-matured',
    );
    return usable ? { ...each, takenAt: Math.max(each.matureAt, runSince + patience) } : each;
  });
}

const onlyYoung: readonly Obstacle[] = ['not-settled', 'not-matured', 'short-lived'];

function acceptableBaseline({ version, obstacles }: Judged): boolean {
  return version.baseline && obstacles.every((obstacle) => onlyYoung.includes(obstacle));
}

/** The starting point, as long as nothing has matured and it can still be used; it may be replaced already. */
export function baselinePin(candidate: Candidate): Judged | undefined {
  return candidate.judged.find(acceptableBaseline);
}

/** For an image that was never built the baseline may be pinned at once (brief 4.2.2), else the oldest settled digest. */
export function firstPin(candidate: Candidate): Judged | undefined {
  const settled = candidate.judged.find(
    ({ version, obstacles }) =>
      version.settledAt !== undefined && obstacles.every((obstacle) => onlyYoung.includes(obstacle)),
  );
  return candidate.judged[candidate.chosen] ?? baselinePin(candidate) ?? settled;
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
  const hold = usable ? undefined : holdOf(version, gate);
  if (!usable) obstacles.push(whyUnusable(version, hold));
  if (version.replacedAt !== undefined && version.stood < minStanding) obstacles.push('short-lived');
  return { version, obstacles, matureAt, digest: usable?.digest, hold, takenAt: undefined };
}

/** A publisher's date can only make the gate stricter, and by one delay at most: a forged date never blocks for ever. */
function maturity(version: Version, delay: Duration): Instant {
  const start = Math.max(version.firstSeen, Math.min(version.publishedAt ?? 0, version.firstSeen + delay));
  return start + delay;
}

function holdOf(version: Version, gate: Gate): Hold | undefined {
  const entry = version.entries.findLast(({ digest }) => gate.held.has(digest));
  return entry && gate.held.get(entry.digest);
}

function whyUnusable(version: Version, hold: Hold | undefined): Obstacle {
  if (version.entries.some((entry) => entry.refused !== undefined)) return 'refused';
  return hold ? 'held' : 'gone';
}
