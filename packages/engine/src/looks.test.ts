import { day, hour, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { debian, external, image, noon, TestFactory, type TestFactoryOptions } from './test-factory.ts';

const daily = { minInterval: (tag: string) => (tag.startsWith('docker.io/') ? day : 0) };

function one(options: TestFactoryOptions = {}): TestFactory {
  const factory = new TestFactory([image('app')], options);
  factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
  return factory;
}

function ledgerOf(factory: TestFactory) {
  return factory.state.bases.get('debian-12')?.ledger ?? [];
}

describe('looks between cycles', () => {
  it('tell the ledger when the digest before was last seen, though no commit says so', async () => {
    const factory = one();
    await factory.cycle();
    for (let hours = 0; hours < 30; hours++) {
      factory.world.now += hour;
      await factory.cycle();
    }
    const lastLook = factory.world.now;
    factory.world.now += hour;
    factory.world.push(debian, ['debian-2']);
    await factory.cycle();
    const [first, second] = ledgerOf(factory);
    expect(first).toMatchObject({ lastSeenAt: lastLook, stood: lastLook - (first?.appeared ?? 0) });
    expect(second).toMatchObject({ previousLastSeenAt: lastLook, firstSeen: lastLook + hour });
    expect(factory.world.commits.filter(({ subject }) => subject === 'Observe').length).toBe(2);
  });

  it('let a digest count that stood long enough, and pass over one that was soon fixed', async () => {
    const factory = one();
    await factory.cycle();
    const push = async (layer: string, stands: number): Promise<string> => {
      const digest = factory.world.push(debian, [layer]);
      for (let hours = 0; hours < stands; hours++) {
        await factory.cycle();
        factory.world.now += hour;
      }
      return digest;
    };
    factory.world.now += day;
    const good = await push('good', 14);
    const bad = await push('bad', 3);
    await push('fixed', 7 * 24 - 2);
    // The bad one is old enough by now, the one that fixed it is not.
    const [decision] = (await factory.cycle()).plan.decisions;
    expect(decision?.pins[0]?.digest).toBe(good);
    expect(decision?.notes.find(({ to }) => to === bad)).toMatchObject({ code: 'short-lived' });
  });

  it('ask a public registry once a day, with one follow-up look after a change', async () => {
    const factory = one(daily);
    const looks = (): number => factory.world.calls.get(`look ${debian}`) ?? 0;
    for (let hours = 0; hours < 24; hours++) {
      await factory.cycle();
      factory.world.now += hour;
    }
    expect(looks()).toBe(1);
    factory.world.push(debian, ['debian-2']);
    for (let halves = 0; halves < 47; halves++) {
      await factory.cycle();
      factory.world.now += hour / 2;
    }
    expect(looks()).toBe(3);
    const { appeared = 0, settledAt } = ledgerOf(factory).at(-1) ?? {};
    expect(appeared).toBeGreaterThan(noon + day);
    expect(settledAt).toBe(appeared + hour / 2);
  });

  it('do not take a remembered look for the follow-up', async () => {
    const factory = one(daily);
    let silent = true;
    factory.world.fault = (label) => (silent && label === 'describe' ? unreachable : undefined);
    const report = await factory.cycle();
    expect(report.problems.map(({ code }) => code)).toEqual(['REGISTRY_UNREACHABLE']);
    expect(ledgerOf(factory).length).toBe(1);
    silent = false;
    factory.world.now += hour;
    await factory.cycle();
    const [entry] = ledgerOf(factory);
    expect(entry?.platforms).toBeDefined();
    expect(entry?.settledAt).toBeUndefined();
  });

  it.each([
    ['a new digest', ['debian-2'], 'debian-2'],
    ['a return to the digest before', ['debian-2', 'debian-1'], 'debian-1'],
  ])('are made good when the process was killed before it could write: %s', async (_what, pushes, last) => {
    const factory = one({ ...daily, minInterval: () => day });
    await factory.cycle();
    factory.world.now += 25 * hour;
    for (const layer of pushes.slice(0, -1)) {
      factory.world.push(debian, [layer]);
      await factory.cycle();
      factory.world.now += hour;
      await factory.cycle();
      factory.world.now += 25 * hour;
    }
    const digest = factory.world.push(debian, [last]);
    const killed = factory.spawn('killed');
    await factory.scheduler.run([{ process: 'killed', at: 'commit "' }]);
    expect(killed.dead).toBe(true);
    expect(ledgerOf(factory).findLast((entry) => entry.replacedAt === undefined)?.digest).not.toBe(digest);
    factory.world.now += hour;
    await factory.cycle();
    expect(ledgerOf(factory).findLast((entry) => entry.replacedAt === undefined)?.digest).toBe(digest);
  });
});

describe('a registry whose content does not fit its digests', () => {
  it('is not believed at all, until it does', async () => {
    const factory = one();
    let wrong = true;
    factory.world.fault = (label) => (wrong && label === 'describe' ? mismatch : undefined);
    const report = await factory.cycle();
    expect(report.problems.map(({ code }) => code)).toEqual(['REGISTRY_DIGEST_MISMATCH']);
    expect(ledgerOf(factory)).toEqual([]);
    wrong = false;
    await factory.cycle();
    expect(ledgerOf(factory).length).toBe(1);
  });
});

describe('looks of two processes', () => {
  it('leave out what was seen before that which another one has entered', async () => {
    const factory = one({ ownLooks: true });
    await factory.cycle();
    factory.world.now += day;
    // The slow one sees the old digest, and its commit comes after the quick one has seen the new one.
    const slow = factory.spawn('slow');
    await factory.scheduler.run([{ process: 'slow', at: `looked ${debian}`, what: { pause: hour } }]);
    factory.world.now += minute;
    factory.world.push(debian, ['debian-2']);
    await factory.cycle();
    factory.world.now += 2 * hour;
    await factory.scheduler.run();
    expect(slow.outcome).toEqual({ ok: true });
    expect(
      ledgerOf(factory).map(({ withdrawnAt, replacedAt }) => [withdrawnAt, replacedAt !== undefined]),
    ).toEqual([
      [undefined, true],
      [undefined, false],
    ]);
    factory.world.now += hour;
    const { state } = await factory.cycle();
    expect(state.bases.get('debian-12')?.ledger.some(({ withdrawnAt }) => withdrawnAt !== undefined)).toBe(
      false,
    );
  });

  it('do not put an image back to what it was before the run that another one has recorded', async () => {
    const factory = one({ ownLooks: true });
    await factory.cycle();
    factory.world.now += day;
    factory.world.push('registry.test/acme/app:1', ['by-hand']);
    const slow = factory.spawn('slow');
    await factory.scheduler.run([{ process: 'slow', at: 'commit "', what: { pause: hour } }]);
    factory.world.now += minute;
    const request = { id: 'r1', reason: 'test', by: 'ada', skipDelay: true };
    const report = await factory.cycle({ requests: new Map([['app', request]]) });
    const built = report.ended[0]?.rebuild.digest;
    expect(built).toBeDefined();
    factory.world.now += 2 * hour;
    await factory.scheduler.run();
    expect(slow.outcome).toEqual({ ok: true });
    expect(factory.state.images.get('app')?.currentDigest).toBe(built);
  });

  it('agree on times although their clocks differ by eight minutes', async () => {
    const factory = one();
    await factory.cycle();
    factory.world.now += day;
    factory.world.push(debian, ['debian-2']);
    factory.spawn('early', {}, -4 * minute);
    await factory.scheduler.run();
    const { firstSeen = 0 } = ledgerOf(factory).at(-1) ?? {};
    expect(Math.abs(firstSeen - factory.world.now)).toBeLessThan(minute);
    factory.world.now += 10 * minute;
    factory.spawn('late', {}, 4 * minute);
    await factory.scheduler.run();
    expect(ledgerOf(factory).at(-1)?.settledAt).toBeUndefined();
    factory.world.now += 21 * minute;
    factory.spawn('late again', {}, 4 * minute);
    await factory.scheduler.run();
    expect(ledgerOf(factory).at(-1)?.settledAt).toBeDefined();
  });

  it('stop a cycle whose clock is more than five minutes wrong, with nothing written', async () => {
    const factory = one();
    const wrong = factory.spawn('wrong', {}, 6 * minute);
    await factory.scheduler.run();
    expect(wrong.outcome?.error).toMatchObject({ problem: { code: 'CLOCK_SKEW' } });
    expect(factory.world.commits).toEqual([]);
  });
});

describe('looks at external images', () => {
  it('take what was there at the first look for the starting point, and are entered per tag', async () => {
    const factory = new TestFactory([external('postgres', '^16\\.[0-9]+$')]);
    for (const tag of ['16.1', '16.2'])
      factory.world.push(`docker.io/library/postgres:${tag}`, [`postgres-${tag}`]);
    const { state } = await factory.cycle();
    const record = state.images.get('postgres');
    expect(record?.ledger.map(({ tag, baseline }) => [tag, baseline])).toEqual([
      ['16.2', true],
      ['16.1', true],
    ]);
    expect(record?.approved?.tag).toBe('16.2');
  });
});

const mismatch = { code: 'REGISTRY_DIGEST_MISMATCH', message: 'other content', hint: 'Look.' } as const;
const unreachable = { code: 'REGISTRY_UNREACHABLE', message: 'no answer', hint: 'Wait.' } as const;
