import { setTimeout } from 'node:timers/promises';
import type { Clock } from '@image-factory/core/ports/clock.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(duration, signal) {
    await setTimeout(duration, undefined, signal ? { signal } : {});
  },
};
