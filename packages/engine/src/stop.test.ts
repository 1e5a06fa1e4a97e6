import { day, hour, minute, second } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

function chain(options: TestFactoryOptions = {}): TestFactory {
  const factory = new TestFactory([image('parent'), image('child'), image('other')], options);
  factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set('parent/Dockerfile', 'FROM debian:12\n');
  factory.world.dockerfiles.set('child/Dockerfile', 'FROM registry.test/acme/parent:1\n');
  factory.world.dockerfiles.set('other/Dockerfile', 'FROM debian:12\n');
  return factory;
}

describe.each([
  ['builds of this process', { inProcess: true, claims: true, knowsDead: true, buildTime: 3 * second }],
  ['builds of a provider', { buildTime: 5 * minute }],
] as const)('a stop signal, with %s', (_what, options) => {
  it('ends the cycle in order at every point, and nothing is lost', { timeout: 60_000 }, async () => {
    const undisturbed = chain({ ...options });
    undisturbed.spawn('a');
    await undisturbed.scheduler.run();
    const points = undisturbed.scheduler.points('a');
    expect(points).toBeGreaterThan(40);
    for (let point = 1; point <= points; point++) {
      const factory = chain({ ...options });
      const begun = factory.world.now;
      const stopped = factory.spawn('a');
      let at = 0;
      factory.world.fault = (_label, process) => {
        if (process.stop.signal.aborted) at ||= factory.world.now;
        return undefined;
      };
      await factory.scheduler.run([{ process: 'a', at: point, what: 'stop' }]);
      const told = `stopped at point ${point} (${factory.scheduler.trace.find((line) => line.includes(' stop at '))})`;
      expect(stopped.ended, told).toBe(true);
      expect(factory.world.now - Math.max(at, begun), told).toBeLessThan(minute);
      const [report] = factory.reports;
      if (report) expect(report.problems, told).toEqual([]);
      else expect(stopped.outcome?.error, told).toMatchObject({ message: 'asked to stop' });
      // Nothing of this process is left running or open, and no failure is counted.
      if ('inProcess' in options) expect(factory.state.intents.size, told).toBe(0);
      for (const { rebuilds, discoveryStatus } of factory.state.images.values()) {
        expect(discoveryStatus, told).not.toBe('failed');
        for (const { outcome } of rebuilds) expect(['success', 'cancelled'], told).toContain(outcome);
      }
      factory.world.fault = () => undefined;
      factory.world.now += hour;
      await factory.cycle();
      factory.world.now += hour;
      await factory.cycle();
      expect([...factory.world.buildsPerKey().values()], told).toEqual([1, 1, 1]);
      expect(factory.world.doubledAttempts(), told).toEqual([]);
      expect(factory.state.intents.size, told).toBe(0);
    }
  });
});

describe('a stop between intent and start', () => {
  it('starts nothing, and ends what nobody may start any more', async () => {
    const factory = chain();
    factory.spawn('a');
    await factory.scheduler.run([{ process: 'a', at: 'committed "Start', what: 'stop' }]);
    expect(factory.world.runs).toEqual([]);
    expect(factory.state.intents.size).toBe(0);
    const outcomes = [...factory.state.images.values()].flatMap(({ rebuilds }) =>
      rebuilds.map(({ outcome }) => outcome),
    );
    expect(outcomes).toEqual(['cancelled', 'cancelled']);
  });
});

describe('builds of this process', () => {
  it('that end near to each other are recorded together', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const times = new Map([
      ['a', 3],
      ['b', 3.3],
      ['c', 4],
      ['d', 4.5],
      ['e', 30],
      ['f', 30.5],
    ]);
    const buildTime = ({ image: { name } }: { image: { name: string } }) => (times.get(name) ?? 0) * second;
    const factory = new TestFactory(
      names.map((name) => image(name)),
      { inProcess: true, claims: true, buildTime },
    );
    factory.world.push(debian, ['debian-1']);
    for (const name of names) factory.world.dockerfiles.set(`${name}/Dockerfile`, 'FROM debian:12\n');
    await factory.cycle();
    const outcomes = factory.world.commits
      .map(({ subject }) => subject)
      .filter((subject) => subject.startsWith('Record the outcome'));
    expect(outcomes).toEqual(['Record the outcome of a, b, c, d', 'Record the outcome of e, f']);
  });
});

describe('builds of another process', () => {
  it('are neither waited for nor cancelled by one that is stopped', async () => {
    const factory = chain({ inProcess: true, claims: true, knowsDead: true, buildTime: 20 * minute });
    factory.spawn('builds', { follow: false });
    const looker = factory.spawn('looks', { follow: false });
    // The first has started its builds by the time that the second looks at what is open.
    await factory.scheduler.run([{ process: 'looks', at: 1, what: { pause: minute } }]);
    await factory.scheduler.run();
    expect(looker.outcome).toEqual({ ok: true });
    expect(factory.world.runs.map(({ cancelled, owner }) => [cancelled, owner.name])).toEqual(
      factory.world.runs.map(() => [false, 'builds']),
    );
  });
});

describe('the loop', () => {
  it('goes on cycle after cycle, tells a problem once, and returns when it is stopped', async () => {
    const factory = chain();
    factory.settings((settings) => ({ ...settings, timing: { ...settings.timing, interval: hour } }));
    const told: string[] = [];
    let cycles = 0;
    const loop = factory.spawnLoop('loop', (report) => {
      cycles++;
      told.push(...report.problems.map(({ code, message }) => `${cycles} ${code} ${message}`));
      if (cycles === 30) loop.stop.abort(new Error('asked to stop'));
    });
    factory.world.fault = (label) => {
      if (label !== `look ${debian}` || cycles < 10 || cycles >= 20) return undefined;
      return { code: 'REGISTRY_THROTTLED', message: `retry in ${cycles} s`, hint: 'Wait.' };
    };
    await factory.scheduler.run();
    expect(loop.outcome).toEqual({ ok: true });
    expect(cycles).toBe(30);
    expect(told).toEqual(['11 REGISTRY_THROTTLED retry in 10 s']);
    expect(factory.world.runs.map(({ image: name }) => name).toSorted()).toEqual([
      'child',
      'other',
      'parent',
    ]);
    expect(factory.world.now).toBeLessThan(Date.UTC(2026, 0, 1, 12) + 2 * day);
  });

  it('survives a state that cannot be reached, and says so once', async () => {
    const factory = chain();
    let cycles = 0;
    let reads = 0;
    const loop = factory.spawnLoop('loop', () => {
      if (++cycles === 2) loop.stop.abort(new Error('asked to stop'));
    });
    factory.world.fault = (label) => {
      if (label !== 'read state' || ++reads > 5) return undefined;
      return { code: 'STATE_UNREACHABLE', message: `no answer after ${reads} s`, hint: 'Wait.' };
    };
    await factory.scheduler.run();
    expect(loop.outcome).toEqual({ ok: true });
    expect(factory.log.filter((line) => line.startsWith('no answer'))).toEqual(['no answer after 1 s']);
    expect(cycles).toBe(2);
  });
});
