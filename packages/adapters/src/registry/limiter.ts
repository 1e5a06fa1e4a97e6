import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { FactoryError } from '@image-factory/core/problem.ts';
import { second, type Duration } from '@image-factory/core/time.ts';
import { registryFailure, Throttled } from './failures.ts';

export interface LimiterOptions {
  readonly registry: string;
  readonly clock: Clock;
  /** Undefined: as many as the concurrency lets through. */
  readonly requestsPerSecond: number | undefined;
  readonly concurrency: number;
  /** Waiting longer than this is refused instead. */
  readonly longestWait: Duration;
}

interface Waiter {
  readonly start: () => void;
  readonly fail: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** After so many connections that failed in a row the registry is left alone for a while. */
const failuresToOpen = 5;
const openFor = 30 * second;
/** So many good answers in a row take back one step of slowing down. */
const successesToRelax = 5;
const slowest = 64;

/**
 * The way to one registry: so many requests at once and per second. Being throttled halves both and pauses all;
 * good answers take that back step by step. A registry that cannot be reached is given up for half a minute, so
 * that a thousand tags of a dead host do not take a thousand timeouts.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #queue: Waiter[] = [];
  #active = 0;
  /** 1 is full speed; doubled with every refusal. */
  #slowness = 1;
  #successes = 0;
  #failures = 0;
  #nextStart = 0;
  #pausedUntil = 0;
  #closedUntil = 0;
  #lastFailure: FactoryError | undefined;
  #reason = 'asked to slow down';
  #waking: AbortController | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  /** Waits for its turn; `leave` must follow. Throws where the registry is not to be asked now. */
  enter(signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted();
    const now = this.#options.clock.monotonic();
    const refusal = this.#refusal(now);
    if (refusal) throw refusal;
    if (this.#queue.length === 0 && this.#active < this.#concurrency() && this.#readyAt() <= now) {
      this.#begin(now);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ start: resolve, fail: reject, signal });
      this.#pump();
    });
  }

  leave(): void {
    this.#active -= 1;
    this.#pump();
  }

  /** The registry asked for a pause. */
  throttled(delay: Duration, reason: string): void {
    this.#slowness = Math.min(slowest, this.#slowness * 2);
    this.#successes = 0;
    this.pause(delay, reason);
  }

  /** Nothing is started for so long. */
  pause(delay: Duration, reason: string): void {
    const until = this.#options.clock.monotonic() + delay;
    if (until <= this.#pausedUntil) return;
    this.#pausedUntil = until;
    this.#reason = reason;
    this.#pump();
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#slowness === 1) return;
    this.#successes += 1;
    if (this.#successes < successesToRelax) return;
    this.#successes = 0;
    this.#slowness /= 2;
  }

  /** The registry could not be reached. */
  failed(failure: FactoryError): void {
    this.#lastFailure = failure;
    this.#failures += 1;
    if (this.#failures < failuresToOpen) return;
    // The first try after the rest decides alone.
    this.#failures = failuresToOpen - 1;
    this.#closedUntil = this.#options.clock.monotonic() + openFor;
    this.#pump();
  }

  close(): void {
    this.#waking?.abort(new Error('closed'));
    for (const waiter of this.#queue.splice(0)) waiter.fail(new Error('the registry client was closed'));
  }

  #begin(now: number): void {
    this.#active += 1;
    const { requestsPerSecond } = this.#options;
    if (requestsPerSecond === undefined) return;
    // Timers are late by some milliseconds: what was lost so may be made good, within a tenth of a second.
    this.#nextStart =
      Math.max(now - second / 10, this.#nextStart) + (second / requestsPerSecond) * this.#slowness;
  }

  #concurrency(): number {
    return Math.max(1, Math.floor(this.#options.concurrency / this.#slowness));
  }

  #readyAt(): number {
    return Math.max(this.#nextStart, this.#pausedUntil);
  }

  #refusal(now: number): Error | undefined {
    const { registry, longestWait } = this.#options;
    if (this.#closedUntil > now) {
      // Of many requests at once all may end here, so the reason is told; without the address, which is that of another.
      const last = this.#lastFailure?.problem;
      const why = last ? `: ${last.message.split(': ').at(-1)}` : '';
      return registryFailure(
        'REGISTRY_UNREACHABLE',
        registry,
        `not asked: it could not be reached several times just now${why}`,
        last?.hint === undefined ? undefined : { hint: last.hint },
      );
    }
    const rest = this.#pausedUntil - now;
    return rest > longestWait ? new Throttled(registry, this.#reason, rest) : undefined;
  }

  #pump(): void {
    while (this.#queue.length > 0) {
      const waiter = this.#queue[0];
      const now = this.#options.clock.monotonic();
      const refusal = waiter?.signal?.aborted ? (waiter.signal.reason as unknown) : this.#refusal(now);
      if (refusal !== undefined) {
        this.#queue.shift()?.fail(refusal);
        continue;
      }
      if (this.#active >= this.#concurrency()) return;
      if (this.#readyAt() > now) {
        this.#wake(now);
        return;
      }
      this.#queue.shift();
      this.#begin(now);
      waiter?.start();
    }
  }

  /** One timer for the whole queue. It also wakes in between, so that an aborted wait ends soon. */
  #wake(now: number): void {
    const at = Math.min(this.#readyAt(), now + second);
    if (this.#wakeAt <= at) return;
    this.#waking?.abort(new Error('another timer took over'));
    const waking = new AbortController();
    this.#waking = waking;
    this.#wakeAt = at;
    this.#options.clock.sleep(Math.max(1, at - now), waking.signal).then(
      () => {
        if (this.#waking !== waking) return;
        this.#waking = undefined;
        this.#wakeAt = Number.POSITIVE_INFINITY;
        this.#pump();
      },
      () => undefined,
    );
  }
}
