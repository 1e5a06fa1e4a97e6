import { problemOf } from '@image-factory/core/problem.ts';
import { hour, minute, type Duration } from '@image-factory/core/time.ts';
import { chance, type Disruption } from '@image-factory/testing/world/scheduler.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

export interface Setting extends Omit<TestFactoryOptions, 'seed'> {
  /** What may happen to a process; default: it is killed. */
  readonly happens?: (random: () => number) => Disruption['what'];
  /** How far the clocks of processes may be from the true time. */
  readonly skew?: Duration;
  /** Something that happens between the rounds; the last one before everything is left alone. */
  readonly between?: (factory: TestFactory, round: number, random: () => number) => void;
  readonly rounds?: number;
  /** Between the undisturbed cycles at the end; default an hour. */
  readonly apart?: Duration;
  /** Builds of each image that have to have come out in the end; default 1. */
  readonly builds?: number;
}

export interface Outcome {
  /** Keys that were built to the end more than once. */
  readonly doubled: readonly string[];
  /** Attempts that were begun more than once. */
  readonly doubledAttempts: readonly string[];
  readonly missing: readonly string[];
  readonly stuck: readonly string[];
  readonly failed: readonly string[];
}

export const names = ['parent', 'child', 'other'];

/** Two processes on one state, disturbed at random awaits and started again, until everything has come to rest. */
async function play(seed: number, setting: Setting): Promise<Outcome> {
  const {
    happens = () => 'kill',
    skew = 0,
    between,
    rounds = 3,
    apart = hour,
    builds = 1,
    ...options
  } = setting;
  const factory = new TestFactory(
    names.map((name) => image(name)),
    { refusals: 0.2, ...options, seed },
  );
  const { world, scheduler } = factory;
  world.push(debian, ['debian-1']);
  world.dockerfiles.set('parent/Dockerfile', 'FROM debian:12\n');
  world.dockerfiles.set(
    'child/Dockerfile',
    'FROM registry.test/acme/parent:1\nCOPY --from=debian:12 /a /a\n',
  );
  world.dockerfiles.set('other/Dockerfile', 'FROM debian:12\n');
  const random = chance(seed * 7919);
  for (let round = 1; round <= rounds; round++) {
    const disruptions = ['a', 'b'].map((name): Disruption => {
      const what = happens(random);
      return { process: `${name}${round}`, at: 1 + Math.floor(random() * 40), ...(what ? { what } : {}) };
    });
    for (const { process } of disruptions) factory.spawn(process, {}, Math.round((random() * 2 - 1) * skew));
    await scheduler.run(disruptions);
    world.now += Math.floor(random() * 15) * minute;
    between?.(factory, round, random);
  }
  world.now += hour;
  for (let calm = 0; calm < 5; calm++) {
    await factory.cycle();
    world.now += apart;
  }
  const built = [...world.buildsPerKey().keys()].map((key) => key.slice(0, key.indexOf(' ')));
  return {
    doubled: [...world.buildsPerKey()].filter(([, count]) => count > 1).map(([key]) => key),
    doubledAttempts: world.doubledAttempts(),
    missing: names.filter((name) => built.filter((each) => each === name).length !== builds),
    stuck: [...world.files.keys()].filter((path) => path.startsWith('intents/')),
    failed: scheduler
      .processes()
      .flatMap(({ outcome }) => (outcome?.error === undefined ? [] : [problemOf(outcome.error).message])),
  };
}

/** In how many of so many schedules each thing went wrong. */
export async function playAll(setting: Setting, count: number): Promise<Record<keyof Outcome, number>> {
  const total = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0, failed: 0 };
  for (let seed = 1; seed <= count; seed++) {
    const outcome = await play(seed, setting);
    for (const name of Object.keys(total) as (keyof Outcome)[]) if (outcome[name].length > 0) total[name]++;
  }
  return total;
}
