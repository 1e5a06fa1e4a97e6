import { containedBase, type ProvenanceFact } from '../evidence/contained.ts';
import type { BaseRecord, BuiltFrom, FactoryState, ImageContent, ImageRecord } from '../state/types.ts';

/** The image now is this digest: its content, and what is proved to be inside. */
export function withContent(
  state: FactoryState,
  image: string,
  content: ImageContent,
  provenance: readonly ProvenanceFact[],
): FactoryState {
  const record = state.images.get(image);
  if (!record) return state;
  const next = recordWithContent(record, state.bases, content, provenance);
  return { ...state, images: new Map(state.images).set(image, next) };
}

/** As {@link withContent}, for one record. */
export function recordWithContent(
  record: ImageRecord,
  bases: ReadonlyMap<string, BaseRecord>,
  content: ImageContent,
  provenance: readonly ProvenanceFact[],
): ImageRecord {
  const fresh: ImageRecord = { ...record, content, currentDigest: content.digest };
  return { ...fresh, builtFrom: builtFromOf(fresh, bases, provenance) };
}

/** Every base of an image with the strongest evidence for what is inside; bases without any are left out. */
export function builtFromOf(
  record: ImageRecord,
  bases: ReadonlyMap<string, BaseRecord>,
  provenance: readonly ProvenanceFact[],
): Readonly<Record<string, BuiltFrom>> {
  const builtFrom: Record<string, BuiltFrom> = {};
  for (const name of record.baseImages) {
    const base = bases.get(name);
    if (!base) continue;
    const uses = record.dependencies.filter((use) => use.base === name && use.kind !== 'syntax');
    const best = containedBase(record, base, uses, provenance).best;
    if (best) builtFrom[name] = best;
  }
  return builtFrom;
}
