import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '@image-factory/core/ports/clock.ts';

/** The machine's own time, for tests of real processes. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (duration, signal) => {
    signal?.throwIfAborted();
    await wait(duration, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
  },
};
