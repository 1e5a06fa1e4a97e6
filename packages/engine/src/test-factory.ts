import { defaultSettings } from '@image-factory/core/enrolment/default-settings.ts';
import type {
  Enrolment,
  ExternalEnrolment,
  FactoryConfig,
  ManagedEnrolment,
  Settings,
} from '@image-factory/core/enrolment/types.ts';
import type { Notifiers } from '@image-factory/core/ports/notifier.ts';
import type { CveProver, Verifier } from '@image-factory/core/ports/proofs.ts';
import { newDecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { Duration } from '@image-factory/core/time.ts';
import { enrolment, externalEnrolment } from '@image-factory/testing/records.ts';
import { Scheduler, type SimulatedProcess, chance } from '@image-factory/testing/world/scheduler.ts';
import type { SimulatedRequests } from '@image-factory/testing/world/requests.ts';
import type { WorldOptions } from '@image-factory/testing/world/options.ts';
import { World } from '@image-factory/testing/world/world.ts';
import { runCycle, type CycleOptions, type CycleReport } from './cycle.ts';
import type { EngineDeps } from './deps.ts';
import { runLoop } from './loop.ts';

export const noon = Date.UTC(2026, 0, 1, 12);
export const debian = 'docker.io/library/debian:12';

/** A managed image of the simulated world, built from the Dockerfile of its own name. */
export function image(name: string, more: Partial<ManagedEnrolment> = {}): ManagedEnrolment {
  const source = {
    provider: 'github' as const,
    repo: 'acme/app',
    dockerfile: `${name}/Dockerfile`,
    context: name,
  };
  const raw = {
    name,
    registry: 'registry.test',
    repository: `acme/${name}`,
    source: { provider: 'github', repo: 'acme/app' },
  };
  return enrolment({
    name,
    registry: 'registry.test',
    repository: `acme/${name}`,
    tags: ['1'],
    raw,
    source,
    ...more,
  });
}

/** An external image of the simulated world. */
export function external(
  name: string,
  allowTags: string,
  more: Partial<ExternalEnrolment> = {},
): ExternalEnrolment {
  return externalEnrolment({
    name,
    registry: 'docker.io',
    repository: `library/${name}`,
    allowTags,
    ...more,
  });
}

export interface TestFactoryOptions extends Partial<WorldOptions> {
  readonly seed?: number;
  /** Processes know of others of their machine whether they still run. */
  readonly knowsDead?: boolean;
  readonly verifier?: Verifier;
  readonly prover?: CveProver;
  readonly notifiers?: Notifiers;
}

/** Engine processes in a simulated world. */
export class TestFactory {
  readonly world: World;
  readonly scheduler: Scheduler;
  readonly reports: CycleReport[] = [];
  /** What requests are opened at; the engine is given none where it is undefined. */
  requests: SimulatedRequests | undefined;
  config: FactoryConfig;
  /** Which processes are the server that Kargo asks. */
  isServer: (process: string) => boolean = () => false;
  readonly log: string[] = [];
  readonly #options: TestFactoryOptions;
  readonly #sightings = new Map<string, number>();
  #cycles = 0;

  constructor(images: readonly Enrolment[], options: TestFactoryOptions = {}) {
    const random = chance(options.seed ?? 1);
    this.#options = options;
    this.scheduler = new Scheduler(random, noon);
    this.world = new World(this.scheduler, { random, ...options });
    this.config = { settings: defaultSettings, images };
  }

  /** The records as they are in the state now. */
  get state(): FactoryState {
    return decodeState(this.world.files).state;
  }

  settings(change: (settings: Settings) => Settings): void {
    this.config = { ...this.config, settings: change(this.config.settings) };
  }

  deps(process: SimulatedProcess): EngineDeps {
    const { world, requests } = this;
    const { verifier, prover, notifiers, knowsDead = false } = this.#options;
    const builder = world.builder(process);
    const tell = (message: string): void => void this.log.push(message);
    return {
      store: world.store(process),
      registry: world.registry(process),
      sources: world.sources(process),
      builderFor: () => builder,
      ...(requests
        ? {
            proposals: {
              branches: requests.branchesFor(process),
              requestsFor: () => requests.requests(process),
            },
          }
        : {}),
      ...(verifier ? { verifier } : {}),
      ...(prover ? { prover } : {}),
      ...(notifiers ? { notifiers } : {}),
      clock: world.clock(process),
      log: { debug: tell, info: tell, warn: tell, progress: () => undefined },
      sightings: {
        first: (id, now) => {
          if (!this.#sightings.has(id)) this.#sightings.set(id, now);
          return this.#sightings.get(id) ?? now;
        },
        forget: (id) => void this.#sightings.delete(id),
      },
      writer: process.name,
      ...(this.isServer(process.name) ? { isServer: true as const } : {}),
      isDead: async (writer) => {
        const other = this.scheduler.process(writer);
        return knowsDead && other !== undefined && (other.dead || other.ended);
      },
    };
  }

  /** Starts one cycle as a process of its own; {@link Scheduler.run} lets it go on. */
  spawn(name: string, options: CycleOptions = {}, clockOffset: Duration = 0): SimulatedProcess {
    const { config } = this;
    const work = async (own: SimulatedProcess): Promise<void> => {
      this.reports.push(
        await runCycle(this.deps(own), config, { follow: true, signal: own.stop.signal, ...options }),
      );
    };
    return this.scheduler.spawn(name, work, clockOffset);
  }

  /** Starts the loop as a process of its own. */
  spawnLoop(name: string, onReport: (report: CycleReport) => void = () => undefined): SimulatedProcess {
    return this.scheduler.spawn(name, (own) =>
      runLoop(this.deps(own), {
        config: async () => ({ ok: true, value: this.config }),
        onReport,
        onProblems: (problems) => this.log.push(...problems.map(({ message }) => message)),
        signal: own.stop.signal,
      }),
    );
  }

  /** One undisturbed cycle. */
  async cycle(options: CycleOptions = {}): Promise<CycleReport> {
    const cache = newDecodeCache();
    const process = this.spawn(`cycle-${++this.#cycles}`, { cacheFor: () => cache, ...options });
    await this.scheduler.run();
    const thrown = process.outcome?.error;
    if (thrown !== undefined) throw thrown instanceof Error ? thrown : new Error(JSON.stringify(thrown));
    const report = this.reports.at(-1);
    if (!report) throw new Error('the cycle left no report');
    return report;
  }
}
