import type { Digest, PlatformName } from '../reference/types.ts';
import type { LedgerEntry, PlatformContent } from '../state/types.ts';

type Platforms = Readonly<Record<PlatformName, PlatformContent>>;

/**
 * Do the image's layers begin with the base's, on every platform of the image? Undefined where it cannot be told: the
 * base has no layers of its own, or its platforms are not known. Diff ids are hashes of content, so a match is proof.
 */
export function startsWith(image: Platforms, base: Platforms | undefined): boolean | undefined {
  const names = Object.keys(image) as PlatformName[];
  if (!base || names.length === 0) return undefined;
  let told = false;
  for (const name of names) {
    const below = base[name];
    const above = image[name];
    if (!below || !above) return undefined;
    if (below.diffIds.length === 0) continue;
    told = true;
    if (!below.diffIds.every((diffId, index) => above.diffIds[index] === diffId)) return false;
  }
  return told ? true : undefined;
}

/**
 * The ledger entries whose layers the image stands on: the longest match. There are several where digests differ in
 * their config alone, which layers cannot tell apart; the latest to appear comes first.
 */
export function provenByLayers(image: Platforms, ledger: readonly LedgerEntry[]): readonly Digest[] {
  let longest = 0;
  let matches: LedgerEntry[] = [];
  for (const entry of ledger) {
    if (startsWith(image, entry.platforms) !== true) continue;
    const length = layersOn(image, entry.platforms);
    if (length < longest) continue;
    if (length > longest) matches = [];
    longest = length;
    matches.push(entry);
  }
  return matches.toSorted((a, b) => b.appeared - a.appeared).map(({ digest }) => digest);
}

/** Only platforms of the image count: an index that gained another one is no longer match. */
function layersOn(image: Platforms, base: Platforms | undefined): number {
  const names = Object.keys(image) as PlatformName[];
  return names.reduce((sum, name) => sum + (base?.[name]?.diffIds.length ?? 0), 0);
}
