import { defaultSettings } from '@image-factory/core/enrolment/default-settings.ts';
import type { FactoryConfig, ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { Scheduler, type SimulatedProcess, chance } from '@image-factory/testing/world/scheduler.ts';
import { World, type WorldOptions } from '@image-factory/testing/world/world.ts';
import { runCycle, type CycleOptions, type CycleReport } from './cycle.ts';
import type { EngineDeps } from './deps.ts';

export const noon = Date.UTC(2026, 0, 1, 12);

/** A managed image of the simulated world, built from the Dockerfile of its own name. */
export function image(name: string, more: Partial<ManagedEnrolment> = {}): ManagedEnrolment {
  const source = { provider: 'github' as const, repo: 'acme/app', dockerfile: `${name}/Dockerfile`, context: name };
  return enrolment({ name, registry: 'registry.test', repository: `acme/${name}`, tags: ['1'], source, ...more });
}

/** Engine processes in a simulated world. */
export class TestFactory {
  readonly world: World;
  readonly scheduler: Scheduler;
  readonly reports: CycleReport[] = [];
  config: FactoryConfig;
  readonly #sightings = new Map<string, number>();
  readonly #processes: SimulatedProcess[] = [];

  constructor(images: readonly ManagedEnrolment[], options: Partial<WorldOptions> & { readonly seed?: number } = {}) {
    const random = chance(options.seed ?? 1);
    this.scheduler = new Scheduler(random);
    this.world = new World(this.scheduler, { start: noon, random, ...options });
    this.config = { settings: defaultSettings, images };
  }

  deps(process: SimulatedProcess): EngineDeps {
    const { world } = this;
    const builder = world.builder(process);
    return {
      store: world.store(process),
      registry: world.registry(process),
      sources: world.sources(process),
      builderFor: () => builder,
      clock: world.clock(process),
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, progress: () => undefined },
      sightings: {
        first: (id, now) => {
          if (!this.#sightings.has(id)) this.#sightings.set(id, now);
          return this.#sightings.get(id) ?? now;
        },
        forget: (id) => void this.#sightings.delete(id),
      },
      writer: process.name,
      isDead: async () => false,
    };
  }

  /** Starts one cycle as a process of its own; {@link Scheduler.run} lets it go on. */
  spawn(name: string, options: CycleOptions = {}): SimulatedProcess {
    const process = this.scheduler.spawn(name, async (own) => {
      this.reports.push(await runCycle(this.deps(own), this.config, { follow: true, ...options }));
    });
    this.#processes.push(process);
    return process;
  }

  /** One undisturbed cycle. */
  async cycle(options: CycleOptions = {}): Promise<CycleReport> {
    const process = this.spawn(`cycle-${this.#processes.length + 1}`, options);
    await this.scheduler.run();
    if (process.outcome?.error) throw process.outcome.error;
    const report = this.reports.at(-1);
    if (!report) throw new Error('the cycle left no report');
    return report;
  }
}
