import { positionOf, versionsOf, type Version } from '../ledger/versions.ts';
import type { FactoryState, Intent } from '../state/types.ts';
import { day, type Instant } from '../time.ts';
import type { Recorder } from './recorder.ts';
import type { Downgrade, SimulatedImage } from './types.ts';
import { baseNameOf } from './world.ts';

/** Pinned bases whose digest is still in its delay, counted from the first sight of its manifests. */
export function youngPins(
  state: FactoryState,
  images: ReadonlyMap<string, SimulatedImage>,
  { image: name, pins }: Intent,
  recorder: Recorder,
  now: Instant,
): string[] {
  const image = images.get(name);
  return pins.flatMap(({ base, digest }) => {
    const parent = image?.uses.find((use) => baseNameOf(use) === base && 'image' in use);
    const delay =
      parent && 'image' in parent ? (images.get(parent.image)?.ownDelay ?? 0) : (image?.delay ?? 7 * day);
    const version = versionsFor(state, name, base).find(({ entries }) =>
      entries.some((entry) => entry.digest === digest),
    );
    const isNew = version?.baseline === false && recorder.inside(name, base) !== digest;
    return isNew && now < version.firstSeen + delay ? [base] : [];
  });
}

/** Bases of which an intent would build an older digest in than the image has. */
export function downgradesOf(state: FactoryState, { image, pins }: Intent, at: Instant): Downgrade[] {
  return pins.flatMap(({ base, digest }) => {
    // Of what nothing is known nobody can say whether it was higher.
    const from = state.images.get(image)?.builtFrom[base]?.digest;
    if (from === undefined) return [];
    const versions = versionsFor(state, image, base);
    const before = positionOf(versions, from);
    const isLower = positionOf(versions, digest) < before && versions[before]?.withdrawnAt === undefined;
    return isLower ? [{ image, base, from, to: digest, at }] : [];
  });
}

/** The versions of a base for the platforms of one image. */
function versionsFor(state: FactoryState, image: string, base: string): readonly Version[] {
  const uses = state.images.get(image)?.dependencies.filter((use) => use.base === base) ?? [];
  const platforms = new Set(uses.map(({ platform }) => platform));
  return versionsOf(state.bases.get(base)?.ledger ?? [], [...platforms]);
}
