import { FactoryError } from '@image-factory/core/problem.ts';
import { day, hour, minute, type Duration } from '@image-factory/core/time.ts';
import { chance } from '@image-factory/testing/world/scheduler.ts';
import { describe, expect, it } from 'vitest';
import { debian, noon, type TestFactory, type TestFactoryOptions } from './test-factory.ts';
import { kargoFactory, startByKargo, type Controller } from './test-kargo.ts';

function intentOf(factory: TestFactory, name: string) {
  const intent = factory.state.intents.get(name);
  if (!intent) throw new Error(`no open intent of ${name}`);
  return intent;
}

async function kargo(factory: TestFactory, name: string, controller?: Controller): Promise<void> {
  startByKargo(factory, intentOf(factory, name), controller);
  await factory.scheduler.run();
}

function rebuildsOf(factory: TestFactory, name: string) {
  return factory.state.images.get(name)?.rebuilds.map(({ attempt, outcome, run }) => [attempt, outcome, run]);
}

describe('the kargo engine hands over', () => {
  it('by an intent that carries its request, and starts nothing itself', async () => {
    const factory = kargoFactory(['app']);
    const report = await factory.cycle();
    expect(report.started).toEqual(['app']);
    expect(factory.world.runs).toEqual([]);
    const { request = '', key, attempt, run } = intentOf(factory, 'app');
    expect(run).toBeUndefined();
    const { ref, inputs } = JSON.parse(request);
    expect(ref).toBe('main');
    expect(inputs).toMatchObject({
      factory_key: key,
      factory_attempt: String(attempt),
      factory_image: 'app',
      factory_pins: JSON.stringify([
        { reference: debian, digest: factory.world.tags.get(debian), final: true },
      ]),
    });
  });

  it('once: later cycles leave the intent as it is', async () => {
    const factory = kargoFactory(['app']);
    await factory.cycle();
    const before = factory.world.files;
    for (let minutes = 0; minutes < 55; minutes += 5) {
      factory.world.now += 5 * minute;
      await factory.cycle();
    }
    expect(factory.world.files).toBe(before);
    expect(factory.world.runs).toEqual([]);
  });

  it('not what Kargo cannot start: that is told, and takes no place', async () => {
    const factory = kargoFactory(['app', 'other']);
    const images = factory.config.images.map((each) =>
      each.kind === 'managed' && each.name === 'app'
        ? { ...each, source: { ...each.source, provider: 'webhook' as const } }
        : each,
    );
    factory.config = { ...factory.config, images };
    const report = await factory.cycle();
    expect([...factory.state.intents.keys()]).toEqual(['other']);
    expect(report.problems.map(({ code, subject }) => [code, subject])).toEqual([
      ['BUILDER_MISSING', { kind: 'image', name: 'app' }],
    ]);
  });

  it('only in a state that it owns', async () => {
    const factory = kargoFactory(['app']);
    await factory.cycle();
    const before = factory.world.files;
    factory.settings((settings) => ({ ...settings, engine: 'embedded' }));
    const refused = await factory.cycle().catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(FactoryError);
    expect((refused as FactoryError).problem.code).toBe('STATE_EPOCH');
    expect(factory.world.files).toBe(before);
  });
});

describe('a run that Kargo started', () => {
  it('is found, recorded, followed and ended', async () => {
    const factory = kargoFactory(['app'], { buildTime: 20 * minute });
    await factory.cycle();
    await kargo(factory, 'app');
    factory.world.now += 5 * minute;
    await factory.cycle({ follow: false });
    expect(intentOf(factory, 'app').run).toMatchObject({ id: 'run-1' });
    factory.world.now += 5 * minute;
    const quiet = factory.world.version;
    await factory.cycle({ follow: false });
    expect(factory.world.version).toBe(quiet);
    factory.world.now += 15 * minute;
    const report = await factory.cycle({ follow: false });
    expect(report.ended.map(({ image, rebuild }) => [image, rebuild.outcome])).toEqual([['app', 'success']]);
    expect(rebuildsOf(factory, 'app')).toEqual([[1, 'success', 'run-1']]);
    expect(factory.state.intents.size).toBe(0);
    expect(factory.state.images.get('app')?.currentDigest).toBe(factory.world.runs[0]?.digest);
    expect(factory.state.images.get('app')?.builtFrom['debian-12']?.digest).toBe(
      factory.world.tags.get(debian),
    );
    factory.world.now += hour;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(1);
  });

  it('that came up just before the hour was over still counts', async () => {
    const factory = kargoFactory(['app'], { visibilityDelay: 1 });
    await factory.cycle();
    factory.world.now += 59 * minute;
    await kargo(factory, 'app');
    factory.world.now += 2 * minute;
    await factory.cycle();
    expect(rebuildsOf(factory, 'app')).toEqual([[1, 'success', 'run-1']]);
  });
});

describe('an intent for which Kargo starts no run', () => {
  it('ends as a failure after an hour, and the next attempt follows the back-off', async () => {
    const factory = kargoFactory(['app']);
    await factory.cycle();
    factory.world.now = noon + 59 * minute;
    await factory.cycle();
    expect(factory.state.intents.size).toBe(1);
    factory.world.now = noon + 61 * minute;
    await factory.cycle();
    expect(rebuildsOf(factory, 'app')).toEqual([[1, 'failure', undefined]]);
    expect(factory.state.images.get('app')?.rebuilds[0]?.error).toContain('rebuild-*');
    expect(factory.state.intents.size).toBe(0);
    // Kargo comes too late: the intent is gone, so it sends nothing.
    factory.world.now += 14 * minute;
    await factory.cycle();
    expect(factory.state.intents.size).toBe(0);
    factory.world.now += 2 * minute;
    await factory.cycle();
    expect(intentOf(factory, 'app').attempt).toBe(2);
    await kargo(factory, 'app');
    factory.world.now += minute;
    await factory.cycle();
    expect(rebuildsOf(factory, 'app')).toEqual([
      [1, 'failure', undefined],
      [2, 'success', 'run-1'],
    ]);
  });

  it('is let go by a promotion that comes after its end', async () => {
    const factory = kargoFactory(['app']);
    await factory.cycle();
    const late = intentOf(factory, 'app');
    factory.world.now += 61 * minute;
    await factory.cycle();
    startByKargo(factory, late);
    await factory.scheduler.run();
    expect(factory.world.runs).toEqual([]);
  });
});

describe('looks of the kargo engine', () => {
  function looks(factory: TestFactory): number {
    return factory.world.calls.get(`look ${debian}`) ?? 0;
  }

  function every30Minutes(factory: TestFactory): TestFactory {
    const schedule = { expression: '*/30 * * * *', timeZone: 'UTC' };
    factory.settings((settings) => ({ ...settings, kargo: { ...settings.kargo, schedule } }));
    return factory;
  }

  /** Cycles every half hour, as the CronJob has them. */
  async function cycles(factory: TestFactory, duration: Duration): Promise<void> {
    const until = factory.world.now + duration;
    while (factory.world.now < until) {
      factory.world.now += 30 * minute;
      await factory.cycle();
    }
  }

  it('are left to Kargo as long as nobody has news', async () => {
    const factory = kargoFactory(['app']);
    await factory.cycle();
    // The baseline, and the one look that settles it if that is due.
    await cycles(factory, 2 * hour);
    const before = looks(factory);
    factory.world.push(debian, ['debian-2']);
    await cycles(factory, 3 * day);
    expect(looks(factory)).toBe(before);
    expect(factory.state.bases.get('debian-12')?.ledger.length).toBe(1);
  });

  it('follow a change at settle and at minStanding, each written once', async () => {
    const factory = kargoFactory(['app']);
    // Its turn to be looked at again does not come.
    const intervals = { ...factory.config.settings.kargo.intervals, bases: 3650 * day };
    factory.settings((settings) => ({ ...settings, kargo: { ...settings.kargo, intervals } }));
    await factory.cycle();
    await kargo(factory, 'app');
    await cycles(factory, day);
    factory.world.push(debian, ['debian-2']);
    const before = looks(factory);
    const commits = factory.world.commits.length;
    await factory.cycle({ news: new Set(['debian-12']) });
    expect(looks(factory) - before).toBe(1);
    const appeared = factory.world.now;
    await cycles(factory, 11 * hour + 30 * minute);
    expect(looks(factory) - before).toBe(2);
    const [, settled] = factory.state.bases.get('debian-12')?.ledger ?? [];
    expect(settled).toMatchObject({ appeared, settledAt: appeared + 30 * minute });
    expect(settled?.stood).toBeUndefined();
    await cycles(factory, hour);
    expect(looks(factory) - before).toBe(3);
    await cycles(factory, 4 * day);
    const [, stood] = factory.state.bases.get('debian-12')?.ledger ?? [];
    expect(stood?.stood).toBe(12 * hour);
    expect(
      factory.world.commits.slice(commits).filter(({ paths }) => paths.includes('base-images/debian-12.yaml'))
        .length,
    ).toBe(3);
  });

  it('see a digest return, of which Kargo makes no Freight: once a day, where one can', async () => {
    const factory = every30Minutes(kargoFactory(['app']));
    await factory.cycle();
    await kargo(factory, 'app');
    const first = factory.world.tags.get(debian);
    await cycles(factory, 2 * day);
    const before = looks(factory);
    await cycles(factory, 3 * day);
    expect(looks(factory)).toBe(before);
    factory.world.push(debian, ['debian-2']);
    await factory.cycle({ news: new Set(['debian-12']) });
    await cycles(factory, 13 * hour);
    const followed = looks(factory);
    const own = factory.world.calls.get('look registry.test/acme/app:1') ?? 0;
    await cycles(factory, 4 * day);
    expect(looks(factory) - followed).toBe(4);
    expect((factory.world.calls.get('look registry.test/acme/app:1') ?? 0) - own).toBe(4);
    factory.world.push(debian, ['debian-1']);
    expect(factory.world.tags.get(debian)).toBe(first);
    await cycles(factory, day);
    const [withdrawn, standing] = factory.state.bases.get('debian-12')?.ledger ?? [];
    expect(withdrawn?.withdrawnAt).toBeDefined();
    expect(standing?.digest).toBe(first);
  });

  it('are taken by the decide Job alone, and left out by one that has other news', async () => {
    const factory = every30Minutes(kargoFactory(['app']));
    await factory.cycle();
    factory.world.push(debian, ['debian-2']);
    await factory.cycle({ news: new Set(['debian-12']) });
    await cycles(factory, day);
    const before = looks(factory);
    for (let halves = 0; halves < 48; halves++) {
      factory.world.now += 30 * minute;
      await factory.cycle({ news: new Set(['another']) });
    }
    expect(looks(factory)).toBe(before);
  });

  it('that only look say so of one base, without asking for another', async () => {
    const factory = kargoFactory(['app', 'other']);
    const alpine = 'docker.io/library/alpine:3';
    factory.world.push(alpine, ['alpine-1']);
    factory.world.dockerfiles.set('other/Dockerfile', 'FROM alpine:3\n');
    await factory.cycle();
    await cycles(factory, 2 * hour);
    const of = (tag: string): number => factory.world.calls.get(`look ${tag}`) ?? 0;
    const [debians, alpines] = [of(debian), of(alpine)];
    await factory.cycle({ upTo: 'observe', news: new Set(['debian-12']) });
    expect([of(debian) - debians, of(alpine) - alpines]).toEqual([1, 0]);
  });
});

interface Ended {
  readonly doubled: boolean;
  readonly doubledAttempts: boolean;
  readonly missing: boolean;
  readonly stuck: boolean;
}

const names = ['parent', 'child', 'other'];

/** Decide Jobs side by side, killed at random, while Kargo picks up intents at random times and sends them repeatedly. */
async function play(seed: number, options: TestFactoryOptions): Promise<Ended> {
  const factory = kargoFactory(names, { refusals: 0.2, ...options, seed });
  const { world, scheduler } = factory;
  world.dockerfiles.set('child/Dockerfile', 'FROM registry.test/acme/parent:1\n');
  const random = chance(seed * 7919);
  const seen = new Set<string>();
  const discover = (): void => {
    for (const intent of factory.state.intents.values()) {
      const freight = `${intent.image} ${intent.key}/${intent.attempt}`;
      // One intent is one Freight, and one promotion: a failed one is not tried again.
      if (seen.has(freight)) continue;
      seen.add(freight);
      startByKargo(factory, intent, {
        pickUp: Math.floor(random() * 10) * minute,
        sends: random() < 0.4 ? 2 + Math.floor(random() * 2) : 1,
        apart: Math.floor(random() * 12) * minute,
      });
    }
  };
  for (let round = 1; round <= 5; round++) {
    discover();
    const jobs = ['a', 'b', 'c'].map((name) => `${name}${round}`);
    for (const job of jobs) factory.spawn(job, { follow: random() < 0.3 });
    const killed = random() < 0.7 ? jobs.filter(() => random() < 0.6) : [];
    await scheduler.run(killed.map((process) => ({ process, at: 1 + Math.floor(random() * 30) })));
    world.now += Math.floor(random() * 15) * minute;
  }
  for (let calm = 0; calm < 8; calm++) {
    discover();
    await factory.cycle();
    world.now += 30 * minute;
  }
  const built = new Set([...world.buildsPerKey().keys()].map((key) => key.slice(0, key.indexOf(' '))));
  return {
    doubled: [...world.buildsPerKey().values()].some((count) => count > 1),
    doubledAttempts: world.doubledAttempts().length > 0,
    missing: names.some((name) => !built.has(name)),
    stuck: factory.state.intents.size > 0,
  };
}

async function playAll(count: number, options: TestFactoryOptions): Promise<Record<keyof Ended, number>> {
  const total = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0 };
  for (let seed = 1; seed <= count; seed++) {
    const ended = await play(seed, options);
    for (const name of Object.keys(total) as (keyof Ended)[]) if (ended[name]) total[name]++;
  }
  return total;
}

describe('exactly once, whatever is killed', () => {
  const right = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0 };

  it(
    'builds every key once in 1000 schedules of decide Jobs beside Kargo',
    { timeout: 300_000 },
    async () => {
      const settings = { claims: true, visibilityDelay: 5 * minute, buildTime: 3 * minute };
      expect(await playAll(1000, settings)).toEqual(right);
    },
  );

  it('builds twice in such schedules without the claim step', { timeout: 120_000 }, async () => {
    expect((await playAll(60, { visibilityDelay: 5 * minute })).doubled).toBeGreaterThan(0);
  });
});
