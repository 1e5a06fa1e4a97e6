import type { Enrolment, Provider } from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { CallBackReader } from '@image-factory/core/ports/call-back.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Registry } from '@image-factory/core/ports/registry.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { Pin } from '@image-factory/core/state/types.ts';
import { day, hour, minute, type Duration } from '@image-factory/core/time.ts';
import type { EngineDeps } from '@image-factory/engine/deps.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from '@image-factory/engine/test-factory.ts';
import type { CallBackFaults } from '@image-factory/testing/forges/call-back-post.ts';
import {
  exchangeOver,
  type FakeExchange,
  type FakeForge,
  type ForgeFaults,
  noFaults,
} from '@image-factory/testing/forges/fake-forge.ts';
import {
  doubledBuilds,
  doubledKeys,
  type WorkflowOptions,
  type WorkflowRun,
} from '@image-factory/testing/forges/workflow-runs.ts';
import { digest } from '@image-factory/testing/records.ts';
import { chance, type Disruption, type SimulatedProcess } from '@image-factory/testing/world/scheduler.ts';
import { CallBackServer, nothingHeard, type Heard } from './test-call-backs.ts';

/** What a forge's fake is made with. */
export interface ForgeSurroundings extends Omit<WorkflowOptions, 'claim'> {
  /** Does the workflow claim its key before it builds? */
  readonly claims: boolean;
}

/** What the real adapter is made with, in one process. */
export interface AdapterSurroundings {
  readonly exchange: FakeExchange;
  readonly clock: Clock;
  readonly random: () => number;
  /** See `EngineDeps.startWithin`. */
  readonly startWithin: Duration | undefined;
  /** Where the builds push to. */
  readonly registry: Registry;
}

/** A provider whose real adapter is driven over its fake. */
export interface ProviderUnderTest {
  readonly provider: Provider;
  /** Of the images' source. */
  readonly repo: string;
  /** Holds the repository, the workflow and the credentials. */
  forge(surroundings: ForgeSurroundings): FakeForge;
  builder(surroundings: AdapterSurroundings): Builder;
  /** The forge tells of its runs by itself, and this believes it. */
  readonly callBacks?: { readonly secret: string; readonly reader: CallBackReader };
}

export interface ProviderSetting {
  readonly faults?: Partial<ForgeFaults>;
  /** What happens to call-backs, where there are any. */
  readonly callBacks?: Partial<CallBackFaults>;
  readonly visibilityDelay?: Duration;
  readonly buildTime?: Duration;
  /** Three of ten creates come so much later at most to their forge. */
  readonly lateness?: Duration;
  readonly outcome?: (run: WorkflowRun) => 'success' | 'failure';
  /** What may happen to a process; default: it is killed, stands still, its machine sleeps, or it is asked to stop. */
  readonly happens?: (random: () => number) => Disruption['what'];
  /** What is switched off, to show what it is for. */
  readonly without?: readonly Guard[];
  readonly rounds?: number;
  /** From the second round on, people have the last runs of all images run again, several at once. */
  readonly retries?: true;
  /** Undisturbed cycles at the end, an hour apart; default 6. */
  readonly calmHours?: number;
}

export type Guard = 'intent' | 'look-up' | 'fence' | 'expected commit' | 'claim';

/** In how many schedules each thing went wrong; `runs` and `exits` are counted over all of them. */
export interface Totals extends Heard {
  doubled: number;
  doubledAttempts: number;
  missing: number;
  stuck: number;
  drifted: number;
  /** Rebuilds were recorded as failures. */
  broken: number;
  failed: number;
  runs: number;
  /** Runs that were run again. */
  retried: number;
  /** Runs that found their key claimed and left. */
  exits: number;
}

export const names = ['parent', 'child', 'other'];
/** What the images of the schedules stand on. */
export const finalBase: Readonly<Record<string, string>> = {
  parent: debian,
  child: 'registry.test/acme/parent:1',
  other: debian,
};

/** All that may go wrong, and often. */
const badDay: ForgeFaults = {
  failsAfterAccept: 0.15,
  lostAnswers: 0.15,
  silentDrops: 0.1,
  failsBeforeAccept: 0.05,
  throttled: 0.15,
  failedReads: 0.05,
};

/** A process is killed, asked to stop, or stands still. */
export function anything(random: () => number): Disruption['what'] {
  const choices = ['kill', 'kill', 'stop', { pause: 20 * minute }, { sleep: 12 * minute }] as const;
  return choices[Math.floor(random() * choices.length)];
}

/** Engine processes in the simulated world, whose builds are at a fake forge behind the real adapter. */
export class ProviderFactory extends TestFactory {
  readonly forge: FakeForge;
  readonly server: CallBackServer | undefined;
  readonly #under: ProviderUnderTest;
  readonly #setting: ProviderSetting;
  readonly #random: () => number;

  constructor(under: ProviderUnderTest, setting: ProviderSetting, options: TestFactoryOptions) {
    const source = (name: string) => ({
      ...image(name).source,
      provider: under.provider,
      repo: under.repo,
    });
    super(
      names.map((name) => image(name, { source: source(name) })),
      options,
    );
    this.#under = under;
    this.#setting = setting;
    this.#random = chance((options.seed ?? 1) * 104_729);
    const { callBacks } = under;
    this.server =
      callBacks &&
      new CallBackServer(this, {
        reader: callBacks.reader,
        random: chance((options.seed ?? 1) * 15_485_863),
        faults: setting.callBacks ?? {},
      });
    this.forge = under.forge({
      now: () => this.world.now,
      random: this.#random,
      push: (run) => this.#push(run),
      outcome: setting.outcome,
      claims: !this.#lacks('claim'),
      ...(callBacks && this.server
        ? { callBacks: { secret: callBacks.secret, post: this.server.post } }
        : {}),
      visibilityDelay: setting.visibilityDelay ?? 5 * minute,
      buildTime: setting.buildTime,
      lateness: () => (this.#random() < 0.3 ? this.#random() * (setting.lateness ?? 0) : 0),
    });
    Object.assign(this.forge.faults, badDay, setting.faults);
    // Every point of the schedule is one at which runs have gone on.
    this.world.fault = () => {
      this.forge.catchUp();
      return undefined;
    };
  }

  #lacks(guard: Guard): boolean {
    return this.#setting.without?.includes(guard) ?? false;
  }

  #push({ image: name, key, inputs, id }: WorkflowRun): Digest {
    const pins = JSON.parse(inputs['factory_pins'] ?? '[]') as readonly Pick<Pin, 'reference' | 'digest'>[];
    const reference = finalBase[name] ?? '';
    const pin = pins.find((each) => each.reference === reference);
    const below = pin
      ? this.world.manifests.get(`${reference.slice(0, reference.lastIndexOf(':'))}@${pin.digest}`)
      : undefined;
    const layers = Object.values(below?.platforms ?? {})[0]?.diffIds ?? [];
    const enrolment = this.config.images.find((each: Enrolment) => each.name === name);
    if (enrolment?.kind !== 'managed') throw new Error(`a run builds ${name}, which is not enrolled`);
    return this.world.pushLayers(enrolment, [...layers, digest(`${name} ${key} ${id}`)], key);
  }

  override deps(process: SimulatedProcess): EngineDeps {
    const { world } = this;
    const startWithin = this.#lacks('fence') ? day : undefined;
    const builder = this.#under.builder({
      exchange: exchangeOver(this.forge.handle, {
        now: () => world.now,
        at: (label) => world.at(process, label),
        ...(startWithin === undefined ? {} : { timeout: startWithin }),
      }),
      clock: world.clock(process),
      random: this.#random,
      startWithin,
      registry: world.registry(process),
    });
    const seen: Builder = this.#lacks('look-up') ? { ...builder, find: async () => undefined } : builder;
    return {
      ...super.deps(process),
      builderFor: () => seen,
      ...(startWithin === undefined ? {} : { startWithin }),
    };
  }
}

/** Two processes on one state, disturbed at random awaits and started again, until everything has come to rest. */
async function play(under: ProviderUnderTest, seed: number, setting: ProviderSetting): Promise<Totals> {
  const { happens = anything, rounds = 3, retries = false, calmHours = 6, without = [] } = setting;
  const factory = new ProviderFactory(under, setting, {
    seed,
    refusals: 0.2,
    forgetIntents: without.includes('intent'),
    blindCommits: without.includes('expected commit'),
  });
  const { world, scheduler, forge } = factory;
  world.push(debian, ['debian-1']);
  for (const name of names) world.dockerfiles.set(`${name}/Dockerfile`, `FROM ${finalBase[name]}\n`);
  const random = chance(seed * 7919);
  for (let round = 1; round <= rounds; round++) {
    const disruptions = ['a', 'b'].map((name): Disruption => {
      const what = happens(random);
      return { process: `${name}${round}`, at: 1 + Math.floor(random() * 60), ...(what ? { what } : {}) };
    });
    for (const { process } of disruptions) factory.spawn(process);
    if (retries && round > 1) {
      for (const name of names) {
        const process = `retry-${name}${round}`;
        factory.spawn(process, { retry: { image: name, by: 'kim', reason: 'again' }, startOnly: new Set() });
        disruptions.push({ process, at: 1 + Math.floor(random() * 60) });
      }
    }
    // The server is killed too, now and then while it takes a report.
    if (factory.server)
      disruptions.push({
        process: `call-${1 + Math.floor(random() * 20)}`,
        at: 1 + Math.floor(random() * 3),
      });
    await scheduler.run(disruptions);
    world.now += Math.floor(random() * 15) * minute;
  }
  Object.assign(forge.faults, noFaults);
  world.now += hour;
  for (let calm = 0; calm < calmHours; calm++) {
    await factory.cycle();
    world.now += hour;
  }
  forge.catchUp();
  return verdict(factory);
}

/** What went wrong in one schedule. */
export function verdict({ forge, world, state, scheduler, server }: ProviderFactory): Totals {
  const built = forge.runs.filter(({ digest: pushed }) => pushed !== undefined);
  const outcomes = [...state.images.values()].flatMap(({ rebuilds }) =>
    rebuilds.map(({ outcome }) => outcome),
  );
  const count = (wrong: boolean): number => (wrong ? 1 : 0);
  return {
    doubled: count(doubledKeys(forge.runs).length > 0),
    doubledAttempts: count(doubledBuilds(forge.runs).length > 0),
    missing: count(names.some((name) => !built.some((run) => run.image === name && isRecorded(run)))),
    stuck: count([...world.files.keys()].some((path) => path.startsWith('intents/'))),
    drifted: count(outcomes.includes('base-drift')),
    broken: count(outcomes.includes('failure')),
    failed: count(scheduler.processes().some(({ outcome }) => outcome?.error !== undefined)),
    runs: forge.runs.length,
    retried: forge.runs.filter(({ tries }) => tries > 1).length,
    exits: forge.runs.filter(({ outcome }) => outcome === 'superseded').length,
    ...(server?.heard ?? nothingHeard),
  };

  function isRecorded({ image: name, digest: pushed }: WorkflowRun): boolean {
    const rebuilds = state.images.get(name)?.rebuilds ?? [];
    return rebuilds.some(({ outcome, digest: known }) => outcome === 'success' && known === pushed);
  }
}

export async function playProvider(
  under: ProviderUnderTest,
  setting: ProviderSetting,
  count: number,
): Promise<Totals> {
  const totals: Totals = {
    doubled: 0,
    doubledAttempts: 0,
    missing: 0,
    stuck: 0,
    drifted: 0,
    broken: 0,
    failed: 0,
    runs: 0,
    retried: 0,
    exits: 0,
    ...nothingHeard,
  };
  for (let seed = 1; seed <= count; seed++) {
    const one = await play(under, seed, setting);
    for (const key of Object.keys(totals) as (keyof Totals)[]) totals[key] += one[key];
  }
  return totals;
}
