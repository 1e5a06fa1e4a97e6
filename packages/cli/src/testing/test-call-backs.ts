import type { CallBackReader } from '@image-factory/core/ports/call-back.ts';
import { intentOfKey } from '@image-factory/core/rebuild/reported.ts';
import { runCycle } from '@image-factory/engine/cycle.ts';
import { takeReport, type Report } from '@image-factory/engine/take-report.ts';
import type { TestFactory } from '@image-factory/engine/test-factory.ts';
import { CallBackPost, type CallBackFaults } from '@image-factory/testing/forges/call-back-post.ts';
import type { SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';

/** What has come in, over all schedules. */
export interface Heard {
  /** Call-backs that say how a run ended. */
  reports: number;
  /** Of these: nothing had been recorded of the run yet, or the rebuild was over already. */
  early: number;
  late: number;
  repeated: number;
  lost: number;
  /** Cycles that were begun because of a call-back. */
  woken: number;
}

export const nothingHeard: Readonly<Heard> = {
  reports: 0,
  early: 0,
  late: 0,
  repeated: 0,
  lost: 0,
  woken: 0,
};

/**
 * A server in the simulated world: each call-back is a process of its own, which believes it, and commits a report while
 * all others go on. A hint begins a cycle, as the server's loop does: one at a time, and one more for what came meanwhile.
 */
export class CallBackServer {
  readonly post: CallBackPost;
  readonly #heard: Heard = { ...nothingHeard };
  readonly #factory: TestFactory;
  readonly #reader: CallBackReader;
  #calls = 0;
  #hinted = false;
  #cycling: SimulatedProcess | undefined;

  constructor(
    factory: TestFactory,
    options: {
      readonly reader: CallBackReader;
      readonly random: () => number;
      readonly faults: Partial<CallBackFaults>;
    },
  ) {
    this.#factory = factory;
    this.#reader = options.reader;
    this.post = new CallBackPost({
      now: () => factory.world.now,
      random: options.random,
      sink: (callBack) => {
        this.#calls += 1;
        factory.scheduler.spawn(`call-${this.#calls}`, async (own) => {
          const news = await this.#reader.read(callBack);
          if (news.kind === 'report') await this.#take(own, news);
          if (news.kind === 'look') this.#wake();
        });
      },
    });
    Object.assign(this.post.faults, options.faults);
  }

  get heard(): Heard {
    return { ...this.#heard, repeated: this.post.doubled, lost: this.post.lost };
  }

  async #take(own: SimulatedProcess, report: Report): Promise<void> {
    const intent = intentOfKey(this.#factory.state, report.key, report.attempt);
    this.#heard.reports += 1;
    if (!intent) this.#heard.late += 1;
    else if (!intent.run) this.#heard.early += 1;
    const { settings } = this.#factory.config;
    await takeReport(this.#factory.deps(own), settings.engine, this.#reader.provider, report);
  }

  #wake(): void {
    this.#hinted = true;
    if (this.#cycling && !this.#cycling.ended && !this.#cycling.dead) return;
    const { scheduler } = this.#factory;
    this.#cycling = scheduler.spawn(`woken-${this.#calls}`, async (own) => {
      while (this.#hinted) {
        this.#hinted = false;
        this.#heard.woken += 1;
        await runCycle(this.#factory.deps(own), this.#factory.config, { signal: own.stop.signal });
      }
    });
  }
}
