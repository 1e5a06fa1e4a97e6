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
  /** What its work came to; undefined while it runs or when it was killed. */
  outcome: { readonly ok: boolean; readonly error?: unknown } | undefined;
}

interface Waiting {
  readonly process: SimulatedProcess;
  readonly label: string;
  readonly go: () => void;
}

/** When to kill whom: the n-th point that the process comes to, counted from 1. */
export interface Kill {
  readonly process: string;
  readonly atPoint: number;
}

/**
 * Runs simulated processes one step at a time. Every call of a port is a point before and a point after its effect;
 * between points one process runs alone, and chance decides which goes on.
 */
export class Scheduler {
  readonly #random: () => number;
  readonly #waiting: Waiting[] = [];
  readonly #processes: SimulatedProcess[] = [];
  readonly #counts = new Map<string, number>();
  readonly trace: string[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Points that a process has come to so far. */
  points(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  spawn(name: string, work: (process: SimulatedProcess) => Promise<unknown>): SimulatedProcess {
    const process: SimulatedProcess = { name, dead: false, ended: false, outcome: undefined };
    this.#processes.push(process);
    work(process).then(
      () => {
        process.ended = true;
        process.outcome = { ok: true };
      },
      (error: unknown) => {
        process.ended = true;
        process.outcome = { ok: false, error };
      },
    );
    return process;
  }

  point(process: SimulatedProcess, label: string): Promise<void> {
    return new Promise((go) => this.#waiting.push({ process, label, go }));
  }

  /** Lets all processes run until each has ended or was killed. */
  async run(kills: readonly Kill[] = []): Promise<void> {
    for (;;) {
      await settled();
      const alive = this.#waiting.filter(({ process }) => !process.dead);
      const next = alive[Math.floor(this.#random() * alive.length)];
      if (!next) {
        if (this.#processes.every(({ dead, ended }) => dead || ended)) return;
        throw new Error(`stuck: ${this.#processes.filter(({ dead, ended }) => !dead && !ended).map(({ name }) => name).join(', ')} waits for nothing`);
      }
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      const count = this.points(next.process.name) + 1;
      this.#counts.set(next.process.name, count);
      if (kills.some((kill) => kill.process === next.process.name && kill.atPoint === count)) {
        next.process.dead = true;
        this.trace.push(`${next.process.name} killed at ${next.label}`);
        continue;
      }
      this.trace.push(`${next.process.name} ${next.label}`);
      next.go();
    }
  }
}

/** Every microtask, and what they start, has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
