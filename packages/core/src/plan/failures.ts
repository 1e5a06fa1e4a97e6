import type { ImageRecord, Pin, Rebuild } from '../state/types.ts';
import { day, hour, minute, type Duration, type Instant } from '../time.ts';

const firstPause = 15 * minute;
const longestPause = 12 * hour;
/** Failures in a row after which only a person or a new candidate starts another attempt (brief 4.3.9). */
const strikes = 3;

export type Breaker =
  | { readonly kind: 'closed' }
  | { readonly kind: 'back-off'; readonly until: Instant; readonly failures: number }
  | { readonly kind: 'stopped'; readonly failures: number; readonly error: string | undefined }
  | { readonly kind: 'drift'; readonly error: string | undefined };

/** What earlier attempts mean for the next one. Failures count as long as the pins would be the same. */
export function breakerOf(image: ImageRecord, pins: readonly Pin[]): Breaker {
  const cleared = image.clearedAt ?? 0;
  let wanted: string | undefined;
  let failures = 0;
  let last: Rebuild | undefined;
  let counting = true;
  for (let index = image.rebuilds.length - 1; index >= 0; index--) {
    const rebuild = image.rebuilds[index];
    if (!rebuild || rebuild.endedAt <= cleared || rebuild.outcome === 'success') break;
    // Drift has no excuse in the pins: a later failure, as of a person's request, does not hide it.
    if (rebuild.outcome === 'base-drift') return { kind: 'drift', error: rebuild.error };
    if (rebuild.outcome !== 'failure' || !counting) continue;
    wanted ??= pinsText(pins);
    if (pinsText(rebuild.pins) !== wanted) {
      counting = false;
      continue;
    }
    last ??= rebuild;
    failures++;
  }
  if (!last) return { kind: 'closed' };
  if (failures >= strikes) return { kind: 'stopped', failures, error: last.error };
  return { kind: 'back-off', until: last.endedAt + pauseAfter(failures), failures };
}

function pauseAfter(failures: number): Duration {
  return Math.min(longestPause, firstPause * 4 ** (failures - 1));
}

function pinsText(pins: readonly Pin[]): string {
  return pins
    .map((pin) => `${pin.base}@${pin.digest}`)
    .toSorted()
    .join(' ');
}

/**
 * A run whose time was over before it had ended, until as much time has passed again: it may still push its image, and a
 * second build beside it would be a double.
 */
export function overdueRun(
  image: ImageRecord,
  runTimeout: Duration,
  now: Instant,
): { readonly rebuild: Rebuild; readonly until: Instant } | undefined {
  const rebuild = image.rebuilds.findLast(({ overdue }) => overdue);
  const until = (rebuild?.endedAt ?? 0) + runTimeout;
  return rebuild && until > now ? { rebuild, until } : undefined;
}

/** Starts of the last 24 hours that were not a person's wish, oldest first; what ended before it had a run was none. */
export function startsOfTheDay(image: ImageRecord, now: Instant): readonly Instant[] {
  return image.rebuilds
    .filter((rebuild) => rebuild.startedAt > now - day && rebuild.requestedBy === undefined)
    .filter(({ outcome, run }) => outcome !== 'cancelled' || run !== undefined)
    .map((rebuild) => rebuild.startedAt);
}

export interface ChangeRecord {
  readonly succeeded: number;
  readonly failed: number;
}

/**
 * How the builds of each change (`base@digest`) have ended, over all images: the measure for waves. An image that ever
 * succeeded with it speaks for the change, whatever failed later for other reasons; what a person cleared is forgotten.
 */
export function outcomesOf(
  changes: ReadonlySet<string>,
  images: Iterable<ImageRecord>,
): ReadonlyMap<string, ChangeRecord> {
  const outcomes = new Map<string, { succeeded: number; failed: number }>();
  if (changes.size === 0) return outcomes;
  const digests = new Set([...changes].map((change) => change.slice(change.indexOf('@') + 1)));
  for (const image of images) {
    const ended = new Map<string, boolean>();
    for (const rebuild of image.rebuilds) {
      const good = rebuild.outcome === 'success';
      const bad = rebuild.outcome === 'failure' || rebuild.outcome === 'base-drift';
      if (!good && (!bad || rebuild.endedAt <= (image.clearedAt ?? 0))) continue;
      for (const pin of rebuild.pins) {
        if (!digests.has(pin.digest)) continue;
        const change = `${pin.base}@${pin.digest}`;
        if (changes.has(change)) ended.set(change, good || ended.get(change) === true);
      }
    }
    for (const [change, good] of ended) {
      const entry = outcomes.get(change) ?? { succeeded: 0, failed: 0 };
      if (good) entry.succeeded++;
      else entry.failed++;
      outcomes.set(change, entry);
    }
  }
  return outcomes;
}
