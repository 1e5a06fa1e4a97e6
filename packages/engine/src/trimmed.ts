import type { Digest } from '@image-factory/core/reference/types.ts';
import { digestsInUse, keptEntries, trimRebuilds, trimState } from '@image-factory/core/state/trim.ts';
import type { FactoryState, LedgerEntry } from '@image-factory/core/state/types.ts';
import { day, type Duration } from '@image-factory/core/time.ts';

/** The delay that an image's bases, or an external image's own tags, have to prove themselves for. */
export type DelayOf = (image: string) => Duration | undefined;

/**
 * Takes old ledger entries and rebuilds out of the records, for the archive, where there are too many.
 *
 * On a busy tag the hundred newest entries may be days old while the delay is weeks. A digest may become the candidate
 * until twice its delay is over (`busy-tag`, brief 4.3.1), and the run of short-lived digests that this is counted from
 * has to be remembered as long; a day on top for what is not looked at every minute. So nothing that appeared later
 * than that before the newest goes, for the longest delay of the images that use the base.
 */
export function trimmed(state: FactoryState, delayOf: DelayOf | undefined): FactoryState {
  const crowded =
    state.bases.values().some(({ ledger }) => ledger.length > keptEntries) ||
    state.images.values().some((image) => image.ledger.length > keptEntries || trimRebuilds(image) !== image);
  if (!crowded) return state;
  const inUse = digestsInUse(state);
  const delays = delayOf && delaysOfBases(state, delayOf);
  const youngOfBase = remembered((name) => young(state.bases.get(name)?.ledger ?? [], delays?.get(name)));
  const youngOfImage = remembered((name) => young(state.images.get(name)?.ledger ?? [], delayOf?.(name)));
  return trimState(
    state,
    (base, digest) => inUse(base, digest) || youngOfBase(base).has(digest),
    (image, digest) => youngOfImage(image).has(digest),
  );
}

function delaysOfBases(state: FactoryState, delayOf: DelayOf): ReadonlyMap<string, Duration> {
  const longest = new Map<string, Duration>();
  for (const image of state.images.values()) {
    // An image that nobody enrols any more while its run is open has no delay that could be known.
    const delay = delayOf(image.name) ?? Number.POSITIVE_INFINITY;
    for (const base of image.baseImages) longest.set(base, Math.max(delay, longest.get(base) ?? 0));
  }
  return longest;
}

function young(ledger: readonly LedgerEntry[], delay = Number.POSITIVE_INFINITY): ReadonlySet<Digest> {
  const since = (ledger.at(-1)?.appeared ?? 0) - 2 * delay - day;
  return new Set(ledger.filter(({ appeared }) => appeared >= since).map(({ digest }) => digest));
}

function remembered<T>(find: (name: string) => T): (name: string) => T {
  const found = new Map<string, T>();
  return (name) => {
    if (!found.has(name)) found.set(name, find(name));
    return found.get(name) as T;
  };
}
