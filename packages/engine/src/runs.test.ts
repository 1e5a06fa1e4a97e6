import { day, hour, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

const unreachable = { code: 'REGISTRY_UNREACHABLE', message: 'no answer', hint: 'Wait.' } as const;

function one(options: TestFactoryOptions = {}): TestFactory {
  const factory = new TestFactory([image('app')], options);
  factory.world.push(debian, ['debian-1']);
  factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
  return factory;
}

function rebuildsOf(factory: TestFactory) {
  return factory.state.images.get('app')?.rebuilds.map(({ outcome, attempt }) => `${outcome} ${attempt}`);
}

describe('a run that has ended', () => {
  it('stays open while its image cannot be described, and is neither lost nor built again', async () => {
    const factory = one();
    let silent = false;
    factory.world.fault = (label) => {
      if (label === 'start app') silent = true;
      return silent && label === 'describe' ? unreachable : undefined;
    };
    const first = await factory.cycle();
    expect(first.ended).toEqual([]);
    expect(first.problems.map(({ code }) => code)).toEqual(['REGISTRY_UNREACHABLE']);
    expect(factory.state.intents.get('app')?.run?.id).toBe('run-1');
    factory.world.now += 2 * day;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(1);
    factory.world.fault = () => undefined;
    const last = await factory.cycle();
    expect(last.ended[0]?.rebuild).toMatchObject({
      outcome: 'success',
      digest: factory.world.runs[0]?.digest,
    });
    expect(factory.state.images.get('app')?.currentDigest).toBe(factory.world.runs[0]?.digest);
    expect(factory.world.runs.length).toBe(1);
  });

  it.each([
    ['says its digest', false],
    ['says no digest', true],
  ])('has failed when the registry has nothing from it, if it %s', async (_what, silentRuns) => {
    const factory = one({ silentRuns });
    factory.world.fault = (label) => {
      if (label !== 'get run') return undefined;
      factory.world.tags.delete('registry.test/acme/app:1');
      for (const name of factory.world.manifests.keys())
        if (name.startsWith('registry.test/')) factory.world.manifests.delete(name);
      return undefined;
    };
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['failure 1']);
  });

  it('is told apart from another push to its tag', async () => {
    const factory = one({ silentRuns: true });
    factory.world.fault = (label) => {
      if (label === 'get run' && factory.world.runs[0]?.ended)
        factory.world.push('registry.test/acme/app:1', ['by-hand']);
      return undefined;
    };
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['failure 1']);
  });

  it('is no failure when somebody cancelled it', async () => {
    const factory = one({ buildTime: hour });
    factory.spawn('a', { follow: false });
    await factory.scheduler.run();
    factory.world.ci.cancel('run-1');
    factory.spawn('b', { follow: false });
    await factory.scheduler.run();
    expect(rebuildsOf(factory)).toEqual(['cancelled 1']);
    expect(factory.world.runs.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });
});

describe('a build that lives in a process of another machine', () => {
  /** Its process is stopped when the run is recorded; this machine does not know the run. */
  async function elsewhere(knowsDead: boolean): Promise<TestFactory> {
    for (let at = 1; at < 100; at += 1) {
      const factory = one({ inProcess: true, knowsDead, outcome: () => 'failure', buildTime: 30 * minute });
      factory.spawn('a', {});
      await factory.scheduler.run([{ process: 'a', at }]);
      if (!factory.state.intents.get('app')?.run) continue;
      factory.world.ci.hide('run-1');
      return factory;
    }
    throw new Error('no run was recorded');
  }

  it('is left alone for as long as a build may take, and its end is no failure', async () => {
    const factory = await elsewhere(false);
    factory.world.now += 20 * minute;
    const report = await factory.cycle();
    expect([report.problems, rebuildsOf(factory), factory.world.runs.length]).toEqual([[], [], 1]);
    factory.world.now += 51 * minute;
    await factory.cycle();
    expect(rebuildsOf(factory)?.at(0)).toBe('cancelled 1');
  });

  it('has ended with its process where that is known to be gone', async () => {
    const factory = await elsewhere(true);
    await factory.cycle();
    expect(rebuildsOf(factory)?.at(0)).toBe('cancelled 1');
  });
});

describe('a run that nobody knows any more', () => {
  async function hidden(options: TestFactoryOptions, after: number): Promise<TestFactory> {
    const factory = one(options);
    factory.spawn('a', { follow: false });
    await factory.scheduler.run();
    factory.world.now += after;
    factory.world.ci.hide('run-1');
    return factory;
  }

  it('keeps its key until the run timeout has passed', async () => {
    const factory = await hidden({ buildTime: 45 * minute }, minute);
    const report = await factory.cycle();
    expect(report.problems.map(({ code }) => code)).toEqual(['NOT_FOUND']);
    expect(factory.world.runs.length).toBe(1);
    factory.world.now += 2 * hour;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['success 1']);
  });

  it('has failed after the run timeout when it pushed nothing', async () => {
    const factory = await hidden({ outcome: () => 'failure' }, minute);
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual([]);
    factory.world.now += 6 * hour;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['failure 1']);
  });
});

describe('a run that lost the claim of its key', () => {
  async function twice(): Promise<TestFactory> {
    const factory = one({ claims: true, buildTime: 20 * minute });
    const slow = factory.spawn('slow', { follow: false });
    await factory.scheduler.run();
    expect(slow.outcome).toEqual({ ok: true });
    // As if another process had started it too, and its run were the one that is recorded.
    const [run] = factory.world.runs;
    if (!run) throw new Error('no run');
    const other = factory.scheduler.spawn('other', (process) =>
      factory.world.builder(process).start(run.request),
    );
    await factory.scheduler.run();
    expect(other.outcome).toEqual({ ok: true });
    factory.world.edit('intents/app.yaml', (text) => (text ?? '').replace('run-1', 'run-2'));
    return factory;
  }

  it('gives way to the run that holds it', async () => {
    const factory = await twice();
    factory.world.now += minute;
    const report = await factory.cycle();
    expect(report.ended[0]?.rebuild).toMatchObject({ outcome: 'success', run: 'run-1', attempt: 1 });
    expect(factory.world.runs.length).toBe(2);
  });

  it('is superseded when no other one is to be seen for ten minutes', async () => {
    const factory = await twice();
    factory.world.ci.hide('run-1');
    factory.world.now += minute;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual([]);
    factory.world.now += 10 * minute;
    factory.spawn('later', { follow: false });
    await factory.scheduler.run();
    expect(rebuildsOf(factory)).toEqual(['superseded 1']);
  });
});

describe('images and their open runs', () => {
  async function running(): Promise<TestFactory> {
    const factory = one({ buildTime: 20 * minute });
    factory.spawn('a', { follow: false });
    await factory.scheduler.run();
    expect(factory.state.intents.get('app')?.run?.id).toBe('run-1');
    return factory;
  }

  it('are followed to the end although nobody enrols them any more, and then archived', async () => {
    const factory = await running();
    const { images } = factory.config;
    factory.config = { ...factory.config, images: [] };
    await factory.cycle({ follow: false });
    expect(factory.state.intents.has('app')).toBe(true);
    factory.world.now += hour;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['success 1']);
    await factory.cycle();
    expect(factory.state.images.has('app')).toBe(false);
    factory.config = { ...factory.config, images };
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['success 1']);
    expect(factory.world.runs.length).toBe(1);
  });

  it('keep the key for as long as a run may take where nobody can say where the run is', async () => {
    const factory = await running();
    factory.world.edit('images/app.yaml', (text) => (text ?? '').replace('repo: acme/app', 'repo: ""'));
    factory.config = { ...factory.config, images: [] };
    await factory.cycle();
    expect(factory.state.intents.has('app')).toBe(true);
    factory.world.now += 6 * hour + 10 * minute;
    await factory.cycle();
    expect(factory.state.intents.has('app')).toBe(false);
    expect(rebuildsOf(factory)).toEqual(['superseded 1']);
  });

  it('wait where the record cannot be read', async () => {
    const factory = await running();
    const good = factory.world.files.get('images/app.yaml') ?? '';
    factory.world.edit('images/app.yaml', () => 'name: [');
    factory.world.now += hour;
    const report = await factory.cycle();
    expect(report.problems.map(({ code }) => code)).toContain('STATE_CORRUPT');
    expect(factory.world.files.get('images/app.yaml')).toBe('name: [');
    expect(factory.world.files.has('intents/app.yaml')).toBe(true);
    factory.world.edit('images/app.yaml', () => good);
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['success 1']);
  });

  it('keep their run when the entry is edited meanwhile', async () => {
    const factory = await running();
    factory.config = {
      ...factory.config,
      images: [image('app', { autoRebuild: false, rebuildDelay: day, criticality: 'low' })],
    };
    factory.world.now += hour;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['success 1']);
    expect(factory.world.runs.length).toBe(1);
  });
});

describe('an intent that was never started', () => {
  async function orphaned(): Promise<TestFactory> {
    const factory = one();
    factory.spawn('killed');
    await factory.scheduler.run([{ process: 'killed', at: 'start app' }]);
    expect(factory.state.intents.has('app')).toBe(true);
    await factory.cycle();
    expect(factory.world.runs.length).toBe(0);
    return factory;
  }

  it('is taken over after ten minutes', async () => {
    const factory = await orphaned();
    factory.world.now += 9 * minute;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(0);
    factory.world.now += minute;
    const report = await factory.cycle();
    expect(report.ended.map(({ rebuild: { outcome, attempt } }) => [outcome, attempt])).toEqual([
      ['success', 1],
    ]);
  });

  it('ends without a run when a person put its image on hold', async () => {
    const factory = await orphaned();
    factory.world.edit(
      'images/app.yaml',
      (text) => `${text}hold:\n  reason: wait\n  since: 2026-01-01T12:00:00Z\n`,
    );
    factory.world.now += 20 * minute;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(0);
    expect(rebuildsOf(factory)).toEqual(['cancelled 1']);
  });

  it('ends without a run when the epoch has changed', async () => {
    const factory = await orphaned();
    factory.world.edit('engine.yaml', (text) => (text ?? '').replace('epoch: 1', 'epoch: 2'));
    factory.world.now += 20 * minute;
    const report = await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['cancelled 1', 'success 2']);
    expect(report.problems).toEqual([]);
  });

  it('ends without a run when its image is enrolled no more', async () => {
    const factory = await orphaned();
    factory.config = { ...factory.config, images: [] };
    factory.world.now += 20 * minute;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(0);
    expect(factory.state.intents.size).toBe(0);
  });

  it('gives every new holder ten minutes of its own', async () => {
    const factory = await orphaned();
    factory.world.now += 10 * minute;
    factory.spawn('second');
    await factory.scheduler.run([{ process: 'second', at: 'start app' }]);
    expect(factory.state.intents.get('app')).toMatchObject({ writer: 'second' });
    factory.world.now += minute;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(0);
    factory.world.now += 10 * minute;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(1);
  });
});

describe('a process that stands still between its intent and its start', () => {
  it.each([
    ['for 20 minutes', 'committed "Start', { pause: 20 * minute }],
    ['for 20 minutes with its machine', 'committed "Start', { sleep: 20 * minute }],
    ['for two minutes', 'committed "Start', { pause: 2 * minute }],
    ['for 20 minutes in the call that starts it', 'start app', { pause: 20 * minute }],
    ['for 20 minutes after taking it over', 'committed "Take over', { sleep: 20 * minute }],
  ] as const)('starts nothing when it goes on: %s', async (_how, at, what) => {
    const factory = one();
    if (at.includes('Take over')) {
      factory.spawn('killed');
      await factory.scheduler.run([{ process: 'killed', at: 'start app' }]);
      await factory.cycle();
      factory.world.now += 10 * minute;
    }
    factory.spawn('slow');
    await factory.scheduler.run([{ process: 'slow', at, what }]);
    expect(factory.scheduler.trace.at(-1)).toContain('slow');
    const stands = Object.values(what)[0] ?? 0;
    for (let minutes = 1; minutes < stands / minute; minutes++) {
      factory.world.now += minute;
      await factory.cycle();
    }
    const taken = factory.world.runs.length;
    expect(taken).toBe(stands > 10 * minute ? 1 : 0);
    factory.world.now += minute;
    await factory.scheduler.run();
    expect(factory.scheduler.process('slow')?.outcome).toEqual({ ok: true });
    expect(factory.world.runs.length).toBe(taken);
    factory.world.now += hour;
    await factory.cycle();
    factory.world.now += hour;
    await factory.cycle();
    expect(rebuildsOf(factory)).toEqual(['success 1']);
    expect(factory.world.runs.length).toBe(1);
  });
});

describe('a process that is stopped after another one took its intent over', () => {
  it('does not end what is in the hands of the other', async () => {
    const factory = one({ buildTime: hour });
    factory.spawn('slow');
    await factory.scheduler.run([{ process: 'slow', at: 'committed "Start', what: { pause: 20 * minute } }]);
    await factory.cycle({ follow: false });
    factory.world.now += 15 * minute;
    await factory.cycle({ follow: false });
    expect(factory.world.runs.length).toBe(1);
    factory.scheduler.process('slow')?.stop.abort(new Error('asked to stop'));
    factory.world.now += 6 * minute;
    await factory.scheduler.run();
    expect(factory.scheduler.process('slow')?.outcome).toEqual({ ok: true });
    expect(rebuildsOf(factory)).toEqual([]);
    expect(factory.state.intents.get('app')).toMatchObject({ writer: 'cycle-2' });
  });
});

describe('failing builds', () => {
  it('back off, and stop after three failures in a row until a new candidate comes', async () => {
    const factory = one({ outcome: ({ pins }) => (pins[0]?.digest === bad ? 'failure' : 'success') });
    const bad = factory.world.tags.get(debian);
    const starts: number[] = [];
    const begin = factory.world.now;
    for (let quarters = 0; quarters < 4 * 24 * 3; quarters++) {
      const before = factory.world.runs.length;
      await factory.cycle();
      if (factory.world.runs.length > before)
        starts.push(Math.round((factory.world.now - begin) / (15 * minute)));
      factory.world.now += 15 * minute;
    }
    expect(starts).toEqual([0, 1, 5]);
    expect(rebuildsOf(factory)).toEqual(['failure 1', 'failure 2', 'failure 3']);
    const good = factory.world.push(debian, ['debian-2']);
    for (let hours = 0; hours < 24 * 9; hours++) {
      await factory.cycle();
      factory.world.now += hour;
    }
    expect(rebuildsOf(factory)?.slice(3)).toEqual(['success 1']);
    expect(factory.world.runs.at(-1)?.request.pins[0]?.digest).toBe(good);
  });
});
