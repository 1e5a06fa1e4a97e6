import { defaultGitState, defaultRegistrySettings } from '@image-factory/core/enrolment/default-settings.ts';
import type { ManagedEnrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import { parseDigest } from '@image-factory/core/reference/digest.ts';
import { decodeState } from '@image-factory/core/state/decode-state.ts';
import { newDecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { stateVersion } from '@image-factory/core/state/intent-codec.ts';
import { day, hour, minute, type Duration } from '@image-factory/core/time.ts';
import { openRecords } from '@image-factory/engine/records.ts';
import { TestFactory } from '@image-factory/engine/test-factory.ts';
import type { AnalysisJob } from '@image-factory/kargo/interpreter/outside.ts';
import { KargoInterpreter } from '@image-factory/kargo/interpreter/interpreter.ts';
import { synth } from '@image-factory/kargo/synth/synth.ts';
import type { WorldOptions } from '@image-factory/testing/world/options.ts';
import { analysisCycle } from '../analysis-cycle.ts';
import { stateBranch, stateUrl, WorldOutside } from './test-agreement-outside.ts';
import { serverUrl, SimulatedServer } from './test-agreement-server.ts';

export type Engine = Settings['engine'];

/** An engine, and with Kargo's who starts runs: Kargo itself, or a running Image Factory that it asks. */
export type Driver = Engine | 'kargo and a server';

function engineOf(driver: Driver): Engine {
  return driver === 'embedded' ? 'embedded' : 'kargo';
}

/** What happens to the world, whichever engine works in it. */
export interface Timeline {
  readonly images: readonly ManagedEnrolment[];
  readonly dockerfiles: Readonly<Record<string, string>>;
  /** Pushes of bases, by time since the beginning; `layer` names the digest. */
  readonly pushes: readonly { readonly at: Duration; readonly tag: string; readonly layer: string }[];
  /** Other things that happen. */
  readonly events?: readonly { readonly at: Duration; readonly act: (driven: DrivenFactory) => void }[];
  readonly outcome?: WorldOptions['outcome'];
  /** How often both engines look and decide. */
  readonly step?: Duration;
  /** When in each step a server looks and decides while nothing is open; default: in the middle. */
  readonly decidesAt?: Duration;
}

/** What came of it, in words that do not depend on the engine. */
export interface Adopted {
  /** For each image the pins of its successful builds, in order. */
  readonly adopted: Readonly<Record<string, readonly string[]>>;
  readonly dispatches: Readonly<Record<string, number>>;
  /** In which step each dispatch was made. */
  readonly steps: Readonly<Record<string, readonly number[]>>;
}

/**
 * One factory in virtual time, driven by one of the engines.
 *
 * Both look at bases at every step and at no other time: the embedded engine because its cycles and the shortest time
 * between two looks at a tag have that length, Kargo because its Warehouses have that interval and begin at a step. Were
 * they to look at different times, they would see different digests of a busy tag, and both would be right.
 */
export class DrivenFactory {
  readonly factory: TestFactory;
  readonly outside: WorldOutside;
  interpreter: KargoInterpreter | undefined;
  readonly #timeline: Timeline;
  readonly #step: Duration;
  readonly #began: number;
  readonly #names = new Map<string, string>();
  readonly #cache = newDecodeCache();
  #left: readonly { readonly at: Duration; readonly act: () => void }[];
  #applied = -1;
  #isLate = false;

  constructor(timeline: Timeline, driver: Driver) {
    const { step = 2 * hour, images, dockerfiles, outcome } = timeline;
    this.#timeline = timeline;
    this.#step = step;
    this.factory = new TestFactory(images, {
      claims: true,
      buildTime: 20 * minute,
      minInterval: (tag) => (tag.startsWith('docker.io/') ? step : 0),
      ...(outcome ? { outcome } : {}),
    });
    const { world } = this.factory;
    for (const [name, text] of Object.entries(dockerfiles)) world.dockerfiles.set(`${name}/Dockerfile`, text);
    this.#began = world.now;
    this.#left = [
      ...timeline.pushes.map(({ at, tag, layer }) => ({
        at,
        act: () => void this.#names.set(world.push(tag, [layer]), layer),
      })),
      ...(timeline.events ?? []).map(({ at, act }) => ({ at, act: () => act(this) })),
    ].toSorted((a, b) => a.at - b.at);
    this.outside = new WorldOutside(this.factory, (job) => this.#runJob(job));
    this.factory.isServer = isServerProcess;
    this.#setDriver(driver);
  }

  #setDriver(driver: Driver): void {
    const step = this.#step;
    const before = this.interpreter ? 'kargo' : 'embedded';
    const engine = engineOf(driver);
    const server = driver === 'kargo and a server' ? serverUrl : undefined;
    this.factory.settings((settings) => ({
      ...settings,
      engine,
      state: {
        mode: 'git',
        ...defaultGitState,
        remote: stateUrl,
        branch: stateBranch,
        signingKey: undefined,
        tokenEnv: undefined,
      },
      registries: { 'docker.io': { ...defaultRegistrySettings, minInterval: step } },
      kargo: {
        ...settings.kargo,
        image: `registry.test/image-factory@sha256:${'0'.repeat(64)}`,
        schedule: {
          expression: step < hour ? `*/${step / minute} * * * *` : `0 */${step / hour} * * *`,
          timeZone: 'UTC',
        },
        intervals: { images: step, source: step, bases: day, intents: 10 * minute },
        server,
        secrets: { ...settings.kargo.secrets, server: 'factory-token' },
      },
    }));
    this.outside.server =
      server === undefined
        ? undefined
        : new SimulatedServer(this.factory, this.#cache, {
            every: step,
            at: this.#timeline.decidesAt ?? step / 2,
          });
    this.outside.hasCiToken = server === undefined;
    this.#applied = -1;
    if (engine === before) return;
    // What is deleted with its folder is forgotten: a new Project knows no Freight of the old one.
    this.interpreter = engine === 'kargo' ? new KargoInterpreter(this.outside) : undefined;
  }

  /** Goes on until so many days after the beginning, or until something is as wanted after a step. */
  async runTo(days: number, wanted: () => boolean = () => false): Promise<void> {
    const { world } = this.factory;
    while (world.now < this.#began + days * day) {
      const begins = this.#began + Math.floor((world.now - this.#began) / this.#step) * this.#step;
      this.#happen();
      await (this.interpreter ? this.#stepOfKargo(this.interpreter, begins) : this.#cycle({}));
      world.now = begins + this.#step;
      if (wanted()) return;
    }
  }

  /** With Kargo: goes on until something is so, to the next thing that happens and not to the next step. */
  async runUntil(wanted: () => boolean): Promise<void> {
    const { interpreter } = this;
    const { world } = this.factory;
    while (interpreter && !wanted()) {
      const begins = this.#began + Math.floor((world.now - this.#began) / this.#step) * this.#step;
      this.#happen();
      await this.#stepOfKargo(interpreter, begins, wanted);
      if (!wanted()) world.now = begins + this.#step;
    }
  }

  /**
   * Sets `kargo.server` or takes it away, whatever is open. `late`: what is generated is applied only when nothing is open
   * any more, so that Kargo goes on as before meanwhile.
   */
  setStarter(driver: Exclude<Driver, 'embedded'>, applied: 'at once' | 'late'): void {
    this.#setDriver(driver);
    this.#isLate = applied === 'late';
    if (this.#isLate) this.outside.hasCiToken = true;
  }

  isOpen(): boolean {
    return this.factory.world.files.keys().some((path) => path.startsWith('intents/'));
  }

  /** Drains what is open, and hands the state over in a new epoch, as `image-factory engine` does. */
  async switchTo(driver: Driver): Promise<void> {
    const { factory } = this;
    const engine = engineOf(driver);
    for (let rounds = 0; factory.state.intents.size > 0; rounds++) {
      if (rounds > 12) throw new Error('what is open does not end');
      if (this.interpreter) await this.#reconcileUntil(this.interpreter, factory.world.now + this.#step);
      factory.isServer = () => true;
      await factory.cycle({ startOnly: new Set(), only: new Set(), follow: true });
      factory.isServer = isServerProcess;
    }
    const process = factory.scheduler.spawn(`to ${engine} ${factory.world.now}`, async (own) => {
      const records = openRecords({ store: factory.world.store(own), dry: false });
      await records.load();
      await records.transact(`Hand the state over to the ${engine} engine`, (state) => {
        const epoch = (state.engine?.epoch ?? 0) + 1;
        return { state: { ...state, engine: { engine, epoch, version: stateVersion } }, events: [] };
      });
    });
    await factory.scheduler.run();
    if (process.outcome?.error !== undefined) throw new FactoryError(problemOf(process.outcome.error));
    // Both engines act at whole steps.
    const since = factory.world.now - this.#began;
    factory.world.now = this.#began + Math.ceil(since / this.#step) * this.#step;
    this.#setDriver(driver);
  }

  #happen(): void {
    const since = this.factory.world.now - this.#began;
    const due = this.#left.filter(({ at }) => at <= since);
    this.#left = this.#left.filter(({ at }) => at > since);
    for (const { act } of due) act();
  }

  async #cycle(options: Parameters<TestFactory['cycle']>[0]): Promise<void> {
    await this.factory.cycle({ follow: false, cacheFor: () => this.#cache, ...options });
    this.factory.reports.length = 0;
  }

  /** Warehouses look, and what they find is recorded; then the CronJob decides, and Kargo starts it. */
  async #stepOfKargo(
    interpreter: KargoInterpreter,
    begins: number,
    wanted: () => boolean = () => false,
  ): Promise<void> {
    const { world } = this.factory;
    if (world.now <= begins) {
      await this.#reconcileUntil(interpreter, begins + 1, wanted);
      if (wanted()) return;
      await this.#cycle({});
    }
    if (!wanted()) await this.#reconcileUntil(interpreter, begins + this.#step, wanted);
  }

  /** Everything that is due before a time; after each change of the state its manifests are applied. */
  async #reconcileUntil(
    interpreter: KargoInterpreter,
    until: number,
    wanted: () => boolean = () => false,
  ): Promise<void> {
    const { world } = this.factory;
    while (!wanted()) {
      this.#apply(interpreter);
      const { server } = this.outside;
      const kargoAt = interpreter.nextAt() ?? Number.POSITIVE_INFINITY;
      const serverAt = server?.dueAt ?? Number.POSITIVE_INFINITY;
      const next = Math.max(Math.min(kargoAt, serverAt), world.now);
      if (next >= until) return;
      world.now = next;
      // What is due at the same time Kargo does first: the Freight of a push is looked at before anybody decides.
      if (server && serverAt < kargoAt) await server.cycle();
      else await interpreter.reconcile(next);
    }
  }

  #apply(interpreter: KargoInterpreter): void {
    const { world, config } = this.factory;
    if (this.#applied === world.version) return;
    if (this.#isLate && this.isOpen()) return;
    this.#isLate = false;
    this.outside.hasCiToken = config.settings.kargo.server === undefined;
    this.#applied = world.version;
    const { state } = decodeState(world.files, this.#cache);
    const { manifests, problems } = synth({ config, state });
    if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('; '));
    interpreter.apply(manifests);
  }

  /** A Job is what its arguments say, as the command line reads them. */
  async #runJob({ args: [command = '', ...rest] }: AnalysisJob): Promise<void> {
    const flags = new Map(rest.map((arg) => /^--([a-z-]+)=(.*)$/s.exec(arg)?.slice(1) as [string, string]));
    for (const [name, wanted] of [
      ['git-repo', stateUrl],
      ['git-branch', 'main'],
      ['image-factory-dir', '.'],
    ] as const)
      if (flags.get(name) !== wanted) throw new Error(`--${name} is ${flags.get(name)}`);
    const { world } = this.factory;
    const began = world.now;
    if (command === 'observe') await this.#cycle({ news: new Set([flags.get('name') ?? '']) });
    else if (command === 'analyze') await this.#analyze(flags);
    else throw new Error(`there is no Job ${command}`);
    if (world.now !== began) throw new Error('a Job took time');
  }

  async #analyze(flags: ReadonlyMap<string, string>): Promise<void> {
    const name = flags.get('image') ?? '';
    const enrolled = this.#timeline.images.find((image) => image.name === name);
    const { source } = enrolled ?? {};
    if (!source || source.dockerfile !== flags.get('dockerfile') || source.repo !== flags.get('source-repo'))
      throw new Error(`the analysis of ${name} is told of another source`);
    await this.#cycle(analysisCycle('kargo', name, flags.get('digest') || undefined));
    const tag = flags.get('tag') ?? '';
    const digest = parseDigest(flags.get('digest') ?? '');
    const { factory } = this;
    factory.scheduler.spawn(`version ${name} ${this.outside.jobs.length}`, async (own) => {
      const records = openRecords({ store: factory.world.store(own), dry: false });
      await records.load();
      await records.transact(`Record the version of ${name}`, (state) => {
        const record = state.images.get(name);
        if (!record || tag === '' || !digest.ok) return { state, events: [] };
        if (record.currentVersion === tag && record.currentDigest === digest.value)
          return { state, events: [] };
        const next = { ...record, currentVersion: tag, currentDigest: digest.value };
        return { state: { ...state, images: new Map(state.images).set(name, next) }, events: [] };
      });
    });
    await factory.scheduler.run();
  }

  /** Digests of our own images have the name of the build that made them. */
  outcome(): Adopted {
    const { runs } = this.factory.world;
    const names = new Map(this.#names);
    const built = new Map<string, number>();
    for (const { image, digest } of runs) {
      if (!digest) continue;
      built.set(image, (built.get(image) ?? 0) + 1);
      names.set(digest, `${image}#${built.get(image)}`);
    }
    const images = this.#timeline.images.map(({ name }) => name);
    const of = (image: string) => runs.filter((run) => run.image === image && run.built);
    const adopted = images.map((image) => [
      image,
      of(image)
        .filter(({ digest }) => digest)
        .map(({ request }) =>
          request.pins
            .map((pin) => names.get(pin.digest) ?? pin.digest)
            .toSorted()
            .join(' '),
        ),
    ]);
    return {
      adopted: Object.fromEntries(adopted) as Adopted['adopted'],
      dispatches: Object.fromEntries(
        images.map((image) => [image, runs.filter((run) => run.image === image).length]),
      ),
      steps: Object.fromEntries(
        images.map((image) => [
          image,
          of(image).map(({ startedAt }) => Math.floor((startedAt - this.#began) / this.#step)),
        ]),
      ),
    };
  }
}

function isServerProcess(process: string): boolean {
  return process.startsWith('server');
}
