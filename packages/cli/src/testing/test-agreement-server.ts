import type { DecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import { second, type Duration, type Instant } from '@image-factory/core/time.ts';
import { handedState, startHanded } from '@image-factory/engine/handed.ts';
import type { TestFactory } from '@image-factory/engine/test-factory.ts';
import {
  OutsideError,
  type HttpRequest,
  type HttpResponse,
} from '@image-factory/kargo/interpreter/outside.ts';
import { createApp } from '@image-factory/server/app.ts';
import type { ServerParts } from '@image-factory/server/parts.ts';
import type { SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';

export const serverUrl = 'https://factory.test';
export const serverToken = 'server-token';

/** Cycles after news gather what else comes meanwhile. */
const gathered = 5 * second;

/** A running Image Factory in the simulated world: the routes that it answers with, and its own cycles. */
export class SimulatedServer {
  /** What it answered, in order. */
  readonly answers: { readonly url: string; readonly status: number; readonly said: string }[] = [];
  dueAt: Instant;
  readonly #factory: TestFactory;
  readonly #cache: DecodeCache;
  readonly #idle: { readonly every: Duration; readonly at: Duration };
  #processes = 0;

  /** `idle`: its cycles while nothing is open. More of them would see what is seen anyway, and cost minutes. */
  constructor(
    factory: TestFactory,
    cache: DecodeCache,
    idle: { readonly every: Duration; readonly at: Duration },
  ) {
    this.#factory = factory;
    this.#cache = cache;
    this.#idle = idle;
    this.dueAt = factory.world.now;
  }

  /** A cycle of its loop, which it was time for. */
  async cycle(): Promise<void> {
    const factory = this.#factory;
    this.dueAt = Number.POSITIVE_INFINITY;
    const process = factory.spawn(this.#name('loop'), { follow: false, cacheFor: () => this.#cache });
    await factory.scheduler.run();
    factory.reports.length = 0;
    const { world, config } = factory;
    const isOpen = world.files.keys().some((path) => path.startsWith('intents/'));
    const { every, at } = this.#idle;
    const untilIdle = every - ((world.now - at) % every);
    this.dueAt = world.now + (isOpen ? config.settings.timing.interval : untilIdle);
    if (process.outcome?.error !== undefined) throw new FactoryError(problemOf(process.outcome.error));
  }

  async request({ method, url, headers, body }: HttpRequest): Promise<HttpResponse> {
    const { scheduler } = this.#factory;
    const answer = Promise.withResolvers<Response>();
    const process = scheduler.spawn(this.#name('request'), async (own) => {
      const init = { method, headers, ...(body === '' ? {} : { body }) };
      answer.resolve(await createApp(this.#parts(own)).request(url.slice(serverUrl.length), init));
    });
    await scheduler.run();
    if (process.outcome?.error !== undefined)
      throw new OutsideError(problemOf(process.outcome.error).message);
    const { world, config } = this.#factory;
    // Something is open.
    this.dueAt = Math.min(this.dueAt, world.now + config.settings.timing.interval);
    const response = await answer.promise;
    const text = await response.text();
    this.answers.push({ url, status: response.status, said: saidIn(text) });
    return { status: response.status, headers: Object.fromEntries(response.headers), body: text };
  }

  #name(what: string): string {
    return `server ${what} ${++this.#processes}`;
  }

  #parts(own: SimulatedProcess): ServerParts {
    const { config } = this.#factory;
    const deps = this.#factory.deps(own);
    const options = { cacheFor: () => this.#cache };
    const wake = (): void => void (this.dueAt = Math.min(this.dueAt, this.#factory.world.now + gathered));
    return {
      token: async () => serverToken,
      callBacksOf: () => undefined,
      takeReport: async () => undefined,
      lookSoon: () => false,
      async startRebuild(handed) {
        const { state } = await startHanded(deps, config, handed, options);
        if (state.kind === 'ended' && !state.recorded) wake();
        return state;
      },
      rebuildState: (handed) => handedState(deps, config, handed, options),
      notReady: () => undefined,
      log: deps.log,
    };
  }
}

function saidIn(text: string): string {
  const { status, title } = JSON.parse(text) as { status: string | number; title?: string };
  return title ?? String(status);
}
