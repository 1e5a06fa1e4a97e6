import type { Duration, Instant } from '@image-factory/core/time.ts';

/** Deterministic chance (mulberry32): the same seed gives the same schedule on every machine. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A simulated process: killed, it never comes back from the await that it is at. */
export interface SimulatedProcess {
  readonly name: string;
  dead: boolean;
  ended: boolean;
  /** When it was killed or ended. */
  goneAt: Instant | undefined;
  /** How far its wall clock is ahead of the world's time. */
  readonly clockOffset: Duration;
  /** Time that passed while its machine slept: a monotonic clock may not have counted it. */
  slept: Duration;
  /** Aborted by a stop signal. */
  readonly stop: AbortController;
  /** What its work came to; undefined while it runs or when it was killed. */
  outcome: { readonly ok: boolean; readonly error?: unknown } | undefined;
}

interface Waiting {
  readonly process: SimulatedProcess;
  readonly label: string;
  readonly go: () => void;
  /** It cannot go on before. */
  at: Instant;
  /** Only the passing of time wakes it. */
  paused: boolean;
}

/** What happens to whom, at which point that the process comes to. */
export interface Disruption {
  readonly process: string;
  /** The n-th, counted from 1, or the first whose label begins so. */
  readonly at: number | string;
  /** Default: killed. `pause`: it does nothing for so long. `sleep`: so does its machine, monotonic clock included. */
  readonly what?: 'kill' | 'stop' | { readonly pause: Duration } | { readonly sleep: Duration };
}

/** How often chance lets time pass although somebody could go on without. */
const timePasses = 0.2;

/**
 * Runs simulated processes one step at a time in virtual time. Every call of a port is a point before and a point after
 * its effect; between points one process runs alone, and chance decides which goes on: some schedules change between
 * processes at every point, others let one go on for long.
 */
export class Scheduler {
  now: Instant;
  readonly trace: string[] = [];
  readonly #random: () => number;
  readonly #stickiness: number;
  readonly #waiting = new Set<Waiting>();
  readonly #processes: SimulatedProcess[] = [];
  /** Those of them that may still do something. */
  readonly #alive = new Set<SimulatedProcess>();
  readonly #counts = new Map<string, number>();
  #last: SimulatedProcess | undefined;

  constructor(random: () => number, start: Instant) {
    this.#random = random;
    this.now = start;
    this.#stickiness = random() < 0.5 ? 0 : 0.98 * random();
  }

  /** Points that a process has come to so far. */
  points(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  process(name: string): SimulatedProcess | undefined {
    return this.#processes.find((process) => process.name === name);
  }

  processes(): readonly SimulatedProcess[] {
    return this.#processes;
  }

  spawn(
    name: string,
    work: (process: SimulatedProcess) => Promise<unknown>,
    clockOffset: Duration = 0,
  ): SimulatedProcess {
    const process: SimulatedProcess = {
      name,
      dead: false,
      ended: false,
      goneAt: undefined,
      clockOffset,
      slept: 0,
      stop: new AbortController(),
      outcome: undefined,
    };
    this.#processes.push(process);
    this.#alive.add(process);
    const end = (outcome: NonNullable<SimulatedProcess['outcome']>): void => {
      process.ended = true;
      process.goneAt = this.now;
      process.outcome = outcome;
    };
    work(process).then(
      () => end({ ok: true }),
      (error: unknown) => end({ ok: false, error }),
    );
    return process;
  }

  point(process: SimulatedProcess, label: string): Promise<void> {
    return this.#wait(process, label, this.now).done;
  }

  /** Ends early, by throwing the signal's reason, when it is aborted. */
  sleep(process: SimulatedProcess, duration: Duration, signal?: AbortSignal): Promise<void> {
    const { waiting, done } = this.#wait(process, 'sleep', this.now + duration);
    if (!signal) return done;
    const wake = (): void => void (waiting.at = this.now);
    if (signal.aborted) wake();
    signal.addEventListener('abort', wake);
    return done.then(() => {
      signal.removeEventListener('abort', wake);
      signal.throwIfAborted();
    });
  }

  #wait(
    process: SimulatedProcess,
    label: string,
    at: Instant,
  ): { readonly waiting: Waiting; readonly done: Promise<void> } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting: Waiting = { process, label, go: resolve, at, paused: false };
    this.#waiting.add(waiting);
    return { waiting, done: promise };
  }

  /** Lets all processes run until each has ended, was killed, or is paused until a time that has not come. */
  async run(disruptions: readonly Disruption[] = []): Promise<void> {
    let left = disruptions;
    for (;;) {
      await settled();
      for (const waiting of this.#waiting) if (waiting.process.dead) this.#waiting.delete(waiting);
      const next = this.#choose();
      if (!next) return this.#rest();
      this.#last = next.process;
      this.now = Math.max(this.now, next.at);
      next.paused = false;
      const count = this.points(next.process.name) + 1;
      this.#counts.set(next.process.name, count);
      const hit = left.find(
        ({ process, at }) =>
          process === next.process.name &&
          (typeof at === 'number' ? at === count : next.label.startsWith(at)),
      );
      left = left.filter((each) => each !== hit);
      if (hit && this.#disrupt(next, hit.what ?? 'kill')) continue;
      this.trace.push(`${next.process.name} ${next.label}`);
      this.#waiting.delete(next);
      next.go();
    }
  }

  #choose(): Waiting | undefined {
    const ready = [...this.#waiting].filter(({ at }) => at <= this.now);
    const asleep = [...this.#waiting].filter(({ at, paused }) => at > this.now && !paused);
    if (asleep.length > 0 && (ready.length === 0 || this.#random() < timePasses)) {
      return asleep.reduce((first, other) => (other.at < first.at ? other : first));
    }
    const going =
      this.#random() < this.#stickiness ? ready.filter(({ process }) => process === this.#last) : [];
    const among = going.length > 0 ? going : ready;
    return among[Math.floor(this.#random() * among.length)];
  }

  /** True: the process does not go on from here for now. */
  #disrupt(next: Waiting, what: NonNullable<Disruption['what']>): boolean {
    const { process, label } = next;
    this.trace.push(
      `${process.name} ${typeof what === 'string' ? what : Object.keys(what).join()} at ${label}`,
    );
    if (what === 'stop') {
      process.stop.abort(new Error('asked to stop'));
      return false;
    }
    if (what === 'kill') {
      process.dead = true;
      process.goneAt = this.now;
      return true;
    }
    const until = this.now + ('pause' in what ? what.pause : what.sleep);
    if ('sleep' in what) process.slept += what.sleep;
    for (const waiting of this.#waiting) {
      if (waiting.process !== process) continue;
      waiting.at = Math.max(waiting.at, until);
      waiting.paused = true;
    }
    return true;
  }

  #rest(): void {
    const paused = new Set([...this.#waiting].map(({ process }) => process));
    for (const process of this.#alive) if (process.dead || process.ended) this.#alive.delete(process);
    const stuck = [...this.#alive].filter((process) => !paused.has(process));
    if (stuck.length > 0)
      throw new Error(`stuck: ${stuck.map(({ name }) => name).join(', ')} waits for nothing`);
  }
}

/** Every microtask, and what they start, has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
