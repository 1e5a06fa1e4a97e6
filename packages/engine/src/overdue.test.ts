import { day, hour, minute } from '@image-factory/core/time.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import { describe, expect, it } from 'vitest';
import { runCycle } from './cycle.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

/** A run that has been open for longer than a run may take. */
async function overdue(options: TestFactoryOptions, after = 6 * hour): Promise<TestFactory> {
  const factory = new TestFactory([image('app')], options);
  factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
  await factory.cycle({ follow: false });
  factory.world.now += after;
  await factory.cycle({ follow: false });
  return factory;
}

function rebuildsOf(factory: TestFactory) {
  return factory.state.images.get('app')?.rebuilds.map(({ outcome, attempt }) => `${outcome} ${attempt}`);
}

const hung = ({ attempt }: { attempt: number }) => (attempt === 1 ? 100 * day : minute);

describe('a run of another build that has its id by now, as after a move of the CI,', () => {
  /** A cycle to which the provider shows that run, and knows no other. */
  async function meet(factory: TestFactory, status: 'running' | 'failure'): Promise<readonly string[]> {
    const cancelled: string[] = [];
    factory.scheduler.spawn('moved', async (own) => {
      const deps = factory.deps(own);
      const builder = deps.builderFor('github');
      const builderFor = (): Builder | undefined =>
        builder && {
          ...builder,
          get: async () => ({ id: 'run-1', key: 'f'.repeat(32), attempt: 1, status }),
          find: async () => undefined,
          cancel: async (_, id) => void cancelled.push(id),
        };
      await runCycle({ ...deps, builderFor }, factory.config);
    });
    await factory.scheduler.run();
    return cancelled;
  }

  it('is not cancelled', async () => {
    expect(await meet(await overdue({ buildTime: hung }), 'running')).toEqual([]);
  });

  it('is not the end of the one that is followed', async () => {
    const factory = await overdue({ buildTime: hung }, hour);
    await meet(factory, 'failure');
    expect(rebuildsOf(factory)).toEqual([]);
  });
});

describe('a run that says for ever that it is running', () => {
  it('is left alone until its time is over', async () => {
    const factory = await overdue({ buildTime: hung }, 6 * hour - minute);
    expect(rebuildsOf(factory)).toEqual([]);
    expect(factory.world.runs[0]?.cancelled).toBe(false);
  });

  it('is recorded as a failure by timeout, cancelled, and tried again after its back-off', async () => {
    const factory = await overdue({ buildTime: hung });
    expect(factory.state.intents.size).toBe(0);
    expect(factory.state.images.get('app')?.rebuilds).toMatchObject([
      {
        outcome: 'failure',
        run: 'run-1',
        error: 'timeout: run run-1 had not ended after 6h (limits.runTimeout)',
      },
    ]);
    expect(factory.world.runs[0]?.cancelled).toBe(true);
    factory.world.now += 14 * minute;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(1);
    factory.world.now += minute;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['failure 1', 'success 2']);
  });

  it('is cancelled by the next process when the one that gave it up was killed before', async () => {
    const factory = await overdue({ buildTime: hung }, 0);
    factory.world.now += 6 * hour;
    factory.spawn('killed', { follow: false });
    await factory.scheduler.run([{ process: 'killed', at: 'cancel run' }]);
    expect(rebuildsOf(factory)).toEqual(['failure 1']);
    expect(factory.world.runs[0]?.cancelled).toBe(false);
    await factory.cycle({ follow: false });
    expect(factory.world.runs[0]?.cancelled).toBe(true);
  });

  it('keeps others from starting where it cannot be cancelled, for as much time again and no longer', async () => {
    const factory = await overdue({ buildTime: hung, ignoresCancel: true });
    factory.world.now += 6 * hour - minute;
    const report = await factory.cycle({ follow: false });
    const [decision] = report.plan.decisions;
    expect(decision?.action).toBe('wait');
    expect(decision?.notes).toContainEqual({
      code: 'run-overdue',
      detail: 'run-1',
      until: factory.world.now + minute,
    });
    const requests = new Map([['app', { id: 'r', reason: 'now', by: 'ann', skipDelay: false }]]);
    await factory.cycle({ follow: false, requests });
    expect(factory.world.runs.length).toBe(1);
    factory.world.now += minute;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['failure 1', 'success 2']);
  });

  it('is cancelled before another one starts when nobody was there in between', async () => {
    const factory = await overdue({ buildTime: hung }, 0);
    factory.world.now += 6 * hour;
    factory.spawn('killed', { follow: false });
    await factory.scheduler.run([{ process: 'killed', at: 'cancel run' }]);
    factory.world.now += 2 * day;
    await factory.cycle();
    expect(factory.world.runs[0]?.cancelled).toBe(true);
    expect(rebuildsOf(factory)).toEqual(['failure 1', 'success 2']);
    expect(factory.state.images.get('app')?.rebuilds[0]).not.toHaveProperty('overdue');
  });

  it('frees its image when somebody deletes it', async () => {
    const factory = await overdue({ buildTime: hung, ignoresCancel: true });
    factory.world.ci.hide('run-1');
    factory.world.now += 15 * minute;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['failure 1', 'success 2']);
  });
});

describe('a run that succeeds after its time', () => {
  it.each([
    ['says its digest', false],
    ['says no digest', true],
  ])('counts as the success of its attempt, and nothing is built twice, if it %s', async (_, silentRuns) => {
    const buildTime = 7 * hour;
    const factory = await overdue({ buildTime, ignoresCancel: true, silentRuns });
    expect(rebuildsOf(factory)).toEqual(['failure 1']);
    factory.world.now += hour;
    for (let days = 0; days < 3; days++) {
      await factory.cycle();
      factory.world.now += day;
    }
    expect(factory.world.runs.length).toBe(1);
    expect(factory.state.images.get('app')).toMatchObject({
      currentDigest: factory.world.runs[0]?.digest,
      rebuilds: [{ outcome: 'success', attempt: 1, run: 'run-1', digest: factory.world.runs[0]?.digest }],
      builtFrom: { 'debian-12': { evidence: 'layers' } },
    });
    expect(factory.state.images.get('app')?.rebuilds[0]).not.toHaveProperty('overdue');
  });

  it('is no reason to build when nobody expected it any more', async () => {
    const factory = await overdue({ buildTime: hour * 30, ignoresCancel: true });
    factory.world.now += 24 * hour;
    await factory.cycle({ follow: false });
    expect(factory.world.runs.map(({ attempt }) => attempt)).toEqual([1]);
    expect(factory.state.images.get('app')?.currentDigest).toBe(factory.world.runs[0]?.digest);
  });
});
