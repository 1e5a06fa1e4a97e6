import type { BaseRecord, Dependency, ImageContent, Pin } from '../state/types.ts';
import { startsWith } from './layers.ts';

export interface Drift {
  readonly pin: Pin;
  readonly message: string;
}

/**
 * After a build: are the pinned bases really inside? Only the final chain can be judged by layers; annotations and
 * labels are not asked, because the build that ignored the pin may well have written them.
 */
export function driftOf(
  content: ImageContent,
  pins: readonly Pin[],
  uses: readonly Dependency[],
  bases: ReadonlyMap<string, BaseRecord>,
): Drift | undefined {
  for (const pin of pins) {
    if (!uses.some((use) => use.final && use.kind === 'from' && use.base === pin.base)) continue;
    const entry = bases.get(pin.base)?.ledger.find((known) => known.digest === pin.digest);
    if (startsWith(content.platforms, entry?.platforms) !== false) continue;
    return {
      pin,
      message: `the layers of ${content.digest} do not begin with those of the approved ${pin.reference}@${pin.digest}`,
    };
  }
  return undefined;
}
