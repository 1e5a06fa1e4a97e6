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

/** The ledger entry whose layers the image stands on: the longest match, and of equal ones the latest to appear. */
export function provenByLayers(image: Platforms, ledger: readonly LedgerEntry[]): Digest | undefined {
  let best: { digest: Digest; length: number; appeared: number } | undefined;
  for (const entry of ledger) {
    if (startsWith(image, entry.platforms) !== true) continue;
    const length = Object.values(entry.platforms ?? {}).reduce((sum, { diffIds }) => sum + diffIds.length, 0);
    const better = !best || length > best.length || (length === best.length && entry.appeared >= best.appeared);
    if (better) best = { digest: entry.digest, length, appeared: entry.appeared };
  }
  return best?.digest;
}
