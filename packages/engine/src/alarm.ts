import type { Clock } from '@image-factory/core/ports/clock.ts';
import { second, type Duration } from '@image-factory/core/time.ts';

/** News comes in bursts, as when many runs end together: one cycle takes up all of it. */
const gatheredWithin = 5 * second;

/** Cuts the pauses of the loop short. */
export interface Alarm {
  /** There is news: the next cycle begins soon, also where one runs at the moment. */
  ring(): void;
  /** Ends after the pause, or soon after the alarm rang; rejects where the signal is aborted. */
  pause(duration: Duration, signal: AbortSignal): Promise<void>;
}

export function createAlarm(clock: Clock): Alarm {
  let rang = false;
  let wake = (): void => undefined;
  return {
    ring() {
      rang = true;
      wake();
    },
    async pause(duration, signal) {
      const woken = new AbortController();
      wake = () => woken.abort();
      if (!rang) {
        await clock.sleep(duration, AbortSignal.any([signal, woken.signal])).catch((thrown: unknown) => {
          if (!woken.signal.aborted) throw thrown;
        });
      }
      signal.throwIfAborted();
      if (rang) await clock.sleep(gatheredWithin, signal);
      rang = false;
    },
  };
}
