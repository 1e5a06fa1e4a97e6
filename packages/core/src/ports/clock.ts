import type { Duration, Instant } from '../time.ts';

export interface Clock {
  /** Wall clock. */
  now(): Instant;
  /** Milliseconds that never go backwards. */
  monotonic(): number;
  /** Ends early, by throwing the signal's reason, when aborted. */
  sleep(duration: Duration, signal?: AbortSignal): Promise<void>;
}
