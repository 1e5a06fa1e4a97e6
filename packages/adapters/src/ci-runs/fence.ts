import type { Clock } from '@image-factory/core/ports/clock.ts';
import { minute, type Duration } from '@image-factory/core/time.ts';
import type { Api } from '../ci-http/api.ts';

/** Somebody else may take over after ten minutes: a create must not go out long after it was asked for (brief 4.4). */
export const usualStartWithin: Duration = minute;

/**
 * Begins to count; the answer throws once `within` has passed. To be called right before a create goes out, because what
 * is asked before it may have taken long, or the machine may have slept.
 */
export function fence(api: Api, clock: Clock, within: Duration): () => void {
  const wall = clock.now();
  const monotonic = clock.monotonic();
  return () => {
    if (Math.max(clock.now() - wall, clock.monotonic() - monotonic) <= within) return;
    throw api.failure(
      'CI_THROTTLED',
      'not started: what has to be asked before took too long',
      'Nothing is to be done: a later cycle starts it.',
    );
  };
}
