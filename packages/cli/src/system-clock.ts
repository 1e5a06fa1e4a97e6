import { setTimeout } from 'node:timers/promises';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Io } from './io.ts';

/** The time of the command line's surroundings; sleeps always take as long as they say. */
export function clockOf(io: Pick<Io, 'now'>): Clock {
  return {
    now: () => io.now(),
    // Not `performance`, which is loaded when it is first touched.
    monotonic: () => Number(process.hrtime.bigint()) / 1e6,
    async sleep(duration, signal) {
      await setTimeout(duration, undefined, signal ? { signal } : {});
    },
  };
}
