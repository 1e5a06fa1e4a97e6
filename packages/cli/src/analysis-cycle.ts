import type { Settings } from '@image-factory/core/enrolment/types.ts';
import type { CycleOptions } from '@image-factory/engine/cycle.ts';

/**
 * What an analysis does. Told of a built image, the kargo engine also looks at what that contains: Kargo watches the tags
 * of our images, and others may have built this one, so that nothing else would tell.
 */
export function analysisCycle(
  engine: Settings['engine'],
  image: string | undefined,
  digest: string | undefined,
): Pick<CycleOptions, 'upTo' | 'only' | 'news'> {
  if (image === undefined) return { upTo: 'discover' };
  const only = new Set([image]);
  if (engine !== 'kargo' || digest === undefined) return { upTo: 'discover', only };
  return { upTo: 'observe', only, news: only };
}
