import type { Settings } from '@image-factory/core/enrolment/types.ts';
import { slotOfDay } from '@image-factory/core/plan/build-key.ts';
import { lastFires } from '@image-factory/core/plan/timing.ts';
import type { Instant } from '@image-factory/core/time.ts';

export type LookAgain = (repository: { readonly domain: string; readonly path: string }) => boolean;

/**
 * Which tags the decide Job looks at by itself, although Kargo watches them: to Kargo a digest that returns under its tag
 * is Freight that it has known for long, so that nobody would ever be told. The Jobs keep nothing between them, so the
 * time comes from the repository: a moment of its own in each interval of its registry, and the first Job after it looks.
 */
export function lookingAgain({ registries, kargo }: Settings, now: Instant): LookAgain {
  const { expression, timeZone } = kargo.schedule;
  const fires = lastFires(expression, timeZone, now);
  if (!fires) return () => false;
  const [before, last] = fires;
  return ({ domain, path }) => {
    const interval = registries[domain]?.minInterval || kargo.intervals.bases;
    const moment = slotOfDay(`${domain}/${path}`) % interval;
    return Math.floor((last - moment) / interval) > Math.floor((before - moment) / interval);
  };
}
