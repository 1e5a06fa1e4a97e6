import type { Digest, PlatformName } from '../reference/types.ts';
import type { LedgerEntry, PlatformContent } from '../state/types.ts';

type Platforms = Readonly<Record<PlatformName, PlatformContent>>;

/**
 * Do the image's layers begin with the base's, on every platform of the image? Undefined where it cannot be told: the
 * base has no layers of its own, or its platforms are not known. Diff ids are hashes of content, so a match is proof.
 */
export function startsWith(image: Platforms, base: Platforms | undefined): boolean | undefined {
  return base && standsOn(image, Object.keys(image) as PlatformName[], base);
}

function standsOn(image: Platforms, names: readonly PlatformName[], base: Platforms): boolean | undefined {
  let told = false;
  for (const name of names) {
    const below = base[name];
    const above = image[name];
    if (!below || !above) return undefined;
    if (below.diffIds.length === 0) continue;
    told = true;
    for (let index = 0; index < below.diffIds.length; index++) {
      if (above.diffIds[index] !== below.diffIds[index]) return false;
    }
  }
  return told ? true : undefined;
}

/**
 * The ledger entries whose layers the image stands on: the longest match. There are several where digests differ in
 * their config alone, which layers cannot tell apart; the latest to appear comes first.
 */
export function provenByLayers(image: Platforms, ledger: readonly LedgerEntry[]): readonly Digest[] {
  const names = Object.keys(image) as PlatformName[];
  let longest = 0;
  let matches: LedgerEntry[] = [];
  for (const entry of ledger) {
    if (!entry.platforms || standsOn(image, names, entry.platforms) !== true) continue;
    const length = layersOn(names, entry.platforms);
    if (length < longest) continue;
    if (length > longest) matches = [];
    longest = length;
    matches.push(entry);
  }
  return matches.toSorted((a, b) => b.appeared - a.appeared).map(({ digest }) => digest);
}

/** Only platforms of the image count: an index that gained another one is no longer match. */
function layersOn(names: readonly PlatformName[], base: Platforms): number {
  let sum = 0;
  for (const name of names) sum += base[name]?.diffIds.length ?? 0;
  return sum;
}
