import type { Digest } from '../reference/types.ts';
import type { BaseRecord, FactoryState, ImageRecord, LedgerEntry } from './types.ts';

/** Entries of a ledger, and rebuilds of an image, that stay in its file. Brief, section 3.1. */
export const keptEntries = 100;
const keptRebuilds = 20;

/** The last hundred entries and every older one that is in use or stands under its tag now, in order. */
function trimLedger(
  ledger: readonly LedgerEntry[],
  inUse: (digest: Digest) => boolean,
): readonly LedgerEntry[] {
  const first = ledger.length - keptEntries;
  if (first <= 0) return ledger;
  const kept = ledger.filter(
    (entry, index) => index >= first || entry.replacedAt === undefined || inUse(entry.digest),
  );
  return kept.length === ledger.length ? ledger : kept;
}

/** The last twenty rebuilds. */
export function trimRebuilds(image: ImageRecord): ImageRecord {
  return image.rebuilds.length > keptRebuilds
    ? { ...image, rebuilds: image.rebuilds.slice(-keptRebuilds) }
    : image;
}

/** Base digests that images contain, pinned in a kept rebuild, or are being built with; by base name. */
export function digestsInUse(state: FactoryState): (base: string, digest: Digest) => boolean {
  const used = new Set<string>();
  for (const image of state.images.values()) {
    for (const [base, { digest }] of Object.entries(image.builtFrom)) used.add(`${base} ${digest}`);
    for (const { pins } of image.rebuilds) for (const pin of pins) used.add(`${pin.base} ${pin.digest}`);
  }
  for (const intent of state.intents.values())
    for (const pin of intent.pins) used.add(`${pin.base} ${pin.digest}`);
  return (base, digest) => used.has(`${base} ${digest}`);
}

/**
 * Takes what is beyond the limits out of the records; `stateChanges` then appends it to the archive.
 * `inUse` says which digests of a base must stay: those of {@link digestsInUse}, and the candidate; `awaited` which ones
 * of an external image.
 */
export function trimState(
  state: FactoryState,
  inUse: (base: string, digest: Digest) => boolean,
  awaited: (image: string, digest: Digest) => boolean = () => false,
): FactoryState {
  const images = mapChanged(state.images, (image) => {
    const trimmed = trimRebuilds(image);
    const needed = (digest: Digest): boolean =>
      digest === image.approved?.digest || awaited(image.name, digest);
    const ledger = trimLedger(trimmed.ledger, needed);
    return ledger === trimmed.ledger ? trimmed : { ...trimmed, ledger };
  });
  const bases = mapChanged(state.bases, (base) => {
    const ledger = trimLedger(base.ledger, (digest) => inUse(base.name, digest) || heldDigest(base, digest));
    return ledger === base.ledger ? base : { ...base, ledger };
  });
  return images === state.images && bases === state.bases ? state : { ...state, images, bases };
}

function heldDigest(base: BaseRecord, digest: Digest): boolean {
  return base.holds.some((hold) => hold.digest === digest);
}

/** The same map where nothing changed. */
function mapChanged<T>(map: ReadonlyMap<string, T>, change: (value: T) => T): ReadonlyMap<string, T> {
  let changed: Map<string, T> | undefined;
  for (const [name, value] of map) {
    const next = change(value);
    if (next !== value) (changed ??= new Map(map)).set(name, next);
  }
  return changed ?? map;
}
