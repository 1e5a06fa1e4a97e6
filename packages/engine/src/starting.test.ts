import { day, hour, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';

const unreachable = { code: 'REGISTRY_UNREACHABLE', message: 'no answer', hint: 'Wait.' } as const;

/** Independent images, each on its own base where `bases` says so. */
function factoryOf(
  names: readonly string[],
  options: TestFactoryOptions = {},
  baseOf: (name: string) => string = () => debian,
): TestFactory {
  const factory = new TestFactory(
    names.map((name) => image(name)),
    options,
  );
  for (const name of names) {
    const base = baseOf(name);
    if (!factory.world.tags.has(base)) factory.world.push(base, [base, '1']);
    factory.world.dockerfiles.set(`${name}/Dockerfile`, `FROM ${base}\n`);
  }
  return factory;
}

function startedIn(factory: TestFactory): string[] {
  return factory.world.runs.map(({ image: name }) => name).toSorted();
}

describe('before a start', () => {
  it('a digest that is no longer served is recorded as gone, and nothing is built with it', async () => {
    const factory = factoryOf(['app']);
    factory.world.fault = (label) => {
      if (label === 'serves docker.io/library/debian') factory.world.manifests.clear();
      return undefined;
    };
    const report = await factory.cycle();
    expect(factory.world.runs).toEqual([]);
    expect(factory.state.bases.get('debian-12')?.ledger[0]?.goneAt).toBeDefined();
    expect(report.plan.decisions[0]?.notes.map(({ code }) => code)).toContain('gone');
  });

  it('a registry that cannot be asked keeps its images back, says so, and records nothing', async () => {
    const factory = factoryOf(['app', 'other'], {}, (name) =>
      name === 'app' ? debian : 'quay.io/acme/base:1',
    );
    factory.world.fault = (label) => (label.startsWith('serves docker.io') ? unreachable : undefined);
    const report = await factory.cycle();
    expect(startedIn(factory)).toEqual(['other']);
    expect(report.problems).toMatchObject([
      { code: 'REGISTRY_UNREACHABLE', subject: { kind: 'base', name: 'debian-12' } },
    ]);
    expect(report.plan.decisions[0]).toMatchObject({ image: 'app', action: 'blocked' });
    expect(report.plan.decisions[0]?.notes[0]).toMatchObject({ code: 'registry-silent', base: 'debian-12' });
    expect(factory.state.bases.get('debian-12')?.ledger[0]?.goneAt).toBeUndefined();
    factory.world.fault = () => undefined;
    await factory.cycle();
    expect(startedIn(factory)).toEqual(['app', 'other']);
  });

  it('such a registry makes nobody build with an older digest', async () => {
    const factory = factoryOf(['app']);
    await factory.cycle();
    factory.world.now += day;
    const [second, third] = await twoMore(factory);
    let asked = 0;
    // Only the first answer is missing: an older digest would be served.
    factory.world.fault = (label) => (label.startsWith('serves') && ++asked === 1 ? unreachable : undefined);
    factory.world.now += 12 * day;
    await factory.cycle();
    expect(factory.world.runs.length).toBe(1);
    await factory.cycle();
    expect(factory.world.runs[1]?.request.pins[0]?.digest).toBe(third);
    expect(third).not.toBe(second);
  });

  async function twoMore(factory: TestFactory): Promise<string[]> {
    const digests: string[] = [];
    for (const layer of ['2', '3']) {
      digests.push(factory.world.push(debian, [layer]));
      for (let hours = 0; hours < 14; hours++) {
        await factory.cycle();
        factory.world.now += hour;
      }
    }
    return digests;
  }

  it('such a registry takes no place from the images of others', async () => {
    const silent = Array.from({ length: 12 }, (_, index) => `a${index}`);
    const factory = factoryOf([...silent, 'z'], {}, (name) =>
      name === 'z' ? 'quay.io/acme/base:1' : debian,
    );
    factory.world.fault = (label) => (label.startsWith('serves docker.io') ? unreachable : undefined);
    await factory.cycle();
    expect(startedIn(factory)).toEqual(['z']);
    expect(factory.world.calls.get('serves docker.io/library/debian')).toBe(1);
  });
});

describe('a provider that refuses to start', () => {
  async function refusedWith(
    code: 'CI_REFUSED' | 'CI_DENIED' | 'CREDENTIALS' | 'CI_THROTTLED' | 'CI_UNREACHABLE',
  ) {
    const factory = factoryOf(['app']);
    factory.world.fault = (label) => (label === 'start app' ? { ...unreachable, code } : undefined);
    const report = await factory.cycle();
    factory.world.fault = () => undefined;
    return { factory, report };
  }

  it.each(['CI_REFUSED', 'CI_DENIED', 'CREDENTIALS'] as const)(
    'with %s has ended the attempt',
    async (code) => {
      const { factory, report } = await refusedWith(code);
      expect(report.problems).toMatchObject([{ code, subject: { kind: 'image', name: 'app' } }]);
      expect(factory.state.intents.size).toBe(0);
      expect(factory.state.images.get('app')?.rebuilds).toMatchObject([
        { outcome: 'failure', error: 'no answer' },
      ]);
      expect(factory.world.calls.get('find run')).toBeUndefined();
      await factory.cycle();
      expect(factory.world.runs).toEqual([]);
      factory.world.now += hour;
      await factory.cycle();
      expect(factory.world.runs).toMatchObject([{ attempt: 2 }]);
    },
  );

  it('because of a limit has failed nothing: the next cycle starts it, however often that happens', async () => {
    const { factory } = await refusedWith('CI_THROTTLED');
    for (let more = 0; more < 6; more++) {
      factory.world.fault = (label) =>
        label === 'start app' ? { ...unreachable, code: 'CI_THROTTLED' } : undefined;
      factory.world.now += minute;
      await factory.cycle();
    }
    factory.world.fault = () => undefined;
    expect(factory.state.intents.size).toBe(0);
    expect(factory.state.images.get('app')?.rebuilds).toEqual([]);
    await factory.cycle();
    expect(startedIn(factory)).toEqual(['app']);
    // Nothing was begun before, so this is the first attempt.
    expect(factory.world.runs).toMatchObject([{ attempt: 1 }]);
  });

  it('because of a limit is not asked again in this cycle, whatever else is followed', async () => {
    const factory = factoryOf(['app', 'long'], { buildTime: 30 * minute });
    factory.world.fault = (label) =>
      label === 'start app' ? { ...unreachable, code: 'CI_THROTTLED' } : undefined;
    await factory.cycle({ follow: true });
    expect(startedIn(factory)).toEqual(['long']);
    expect(factory.world.calls.get('start app')).toBe(1);
  });

  it('without a word leaves the intent open, and the run is looked for', async () => {
    const { factory } = await refusedWith('CI_UNREACHABLE');
    expect(factory.state.intents.get('app')).toMatchObject({ attempt: 1 });
    expect(factory.world.calls.get('find run')).toBe(1);
    factory.world.now += hour;
    await factory.cycle();
    await factory.cycle();
    factory.world.now += hour;
    await factory.cycle();
    expect(factory.world.runs).toMatchObject([{ attempt: 1 }]);
  });
});

describe('limits', () => {
  it('count the starts of the whole cycle, however often it plans', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `a${index}`);
    const factory = factoryOf(names);
    factory.settings((settings) => ({
      ...settings,
      limits: { ...settings.limits, concurrent: 2, perCycle: 5 },
    }));
    const report = await factory.cycle();
    expect(factory.world.runs.length).toBe(5);
    expect(report.plan.decisions.filter(({ notes }) => notes[0]?.code === 'cycle-limit').length).toBe(4);
    await factory.cycle();
    expect(startedIn(factory)).toEqual(names);
  });

  it('never let more run at once than they say', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `a${index}`);
    const factory = factoryOf(names, { buildTime: 5 * minute });
    factory.settings((settings) => ({ ...settings, limits: { ...settings.limits, concurrent: 3 } }));
    let most = 0;
    factory.world.fault = () => {
      most = Math.max(most, factory.world.runs.filter(({ ended }) => !ended).length);
      return undefined;
    };
    factory.spawn('a');
    factory.spawn('b');
    await factory.scheduler.run();
    expect(startedIn(factory)).toEqual(names);
    expect(most).toBe(3);
  });

  it('leave room for the one image that a person named', async () => {
    const names = Array.from({ length: 15 }, (_, index) => `a${index}`);
    const factory = factoryOf([...names, 'z']);
    const request = { id: 'r1', reason: 'test', by: 'ada', skipDelay: true };
    const report = await factory.cycle({ requests: new Map([['z', request]]), startOnly: new Set(['z']) });
    expect(report.started).toEqual(['z']);
  });
});

describe('images without a builder', () => {
  it('are reported, and take no place from those that can be built', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `a${index}`);
    const factory = factoryOf([...names, 'z']);
    const images = factory.config.images.map((each) =>
      each.kind === 'managed' && each.name === 'z'
        ? { ...each, source: { ...each.source, provider: 'gitlab' as const } }
        : each,
    );
    factory.config = { ...factory.config, images };
    const process = factory.scheduler.spawn('p', async (own) => {
      const deps = factory.deps(own);
      const { runCycle } = await import('./cycle.ts');
      const builderFor = (provider: string) =>
        provider === 'gitlab' ? deps.builderFor('gitlab') : undefined;
      factory.reports.push(await runCycle({ ...deps, builderFor }, factory.config, { follow: true }));
    });
    await factory.scheduler.run();
    expect(process.outcome).toEqual({ ok: true });
    expect(startedIn(factory)).toEqual(['z']);
    const missing = factory.reports[0]?.problems ?? [];
    expect(missing.map(({ code }) => code)).toEqual(names.map(() => 'BUILDER_MISSING'));
  });
});

describe('what others write between a decision and its intent', () => {
  /** Does something once, right before the first commit of that subject is pushed; the push is refused for it. */
  function meanwhile(factory: TestFactory, subject: string, act: () => void): void {
    let done = false;
    factory.world.fault = (label) => {
      if (!done && label.startsWith(`commit "${subject}`)) {
        done = true;
        act();
      }
      return undefined;
    };
  }

  it.each([
    ['a hold on the image', 'images/app.yaml', 'hold:\n  reason: wait\n  since: 2026-01-01T12:00:00Z\n'],
    [
      'a hold on its base',
      'base-images/debian-12.yaml',
      'holds:\n  - reason: wait\n    since: 2026-01-01T12:00:00Z\n',
    ],
  ])('stops it: %s', async (_what, path, hold) => {
    const factory = factoryOf(['app']);
    meanwhile(factory, 'Start', () => factory.world.edit(path, (text) => text + hold));
    const report = await factory.cycle();
    expect(factory.world.runs).toEqual([]);
    expect(factory.state.intents.size).toBe(0);
    expect(report.plan.decisions[0]).toMatchObject({ action: 'blocked' });
    expect(factory.world.files.get(path)).toContain('reason: wait');
  });

  it('is not overwritten, whatever the machine writes', async () => {
    const factory = factoryOf(['app']);
    const hold = 'hold:\n  reason: wait\n  since: 2026-01-01T12:00:00Z\n';
    meanwhile(factory, 'Record the run', () =>
      factory.world.edit('images/app.yaml', (text) => `# mine\n${text}${hold}`),
    );
    await factory.cycle();
    expect(factory.world.files.get('images/app.yaml')).toMatch(/^# mine\n[^]*hold:\n {2}reason: wait/);
    expect(factory.state.images.get('app')?.rebuilds.map(({ outcome }) => outcome)).toEqual(['success']);
  });

  it('counts for the limits: another start', async () => {
    const factory = factoryOf(['app', 'other']);
    factory.settings((settings) => ({ ...settings, limits: { ...settings.limits, concurrent: 1 } }));
    const intent =
      'image: other\nkey: k\nattempt: 1\ncreatedAt: "2026-01-01T12:00:00Z"\nwriter: elsewhere\nepoch: 1\nprovider: github\nreason: never-built\n';
    meanwhile(factory, 'Start', () => factory.world.edit('intents/other.yaml', () => intent));
    await factory.cycle();
    expect(factory.world.runs).toEqual([]);
    expect([...factory.state.intents.keys()]).toEqual(['other']);
  });

  it('wins where it was found in a Dockerfile', async () => {
    const factory = factoryOf(['app']);
    await factory.cycle();
    factory.world.now += day;
    factory.world.push('docker.io/library/debian:11', ['11']);
    factory.world.push('docker.io/library/debian:13', ['13']);
    factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:11\n');
    const slow = factory.spawn('slow');
    let quick = false;
    factory.world.fault = (label, process) => {
      // It has read the older commit; before it writes, another process reads and writes the newer one.
      if (process !== slow || quick || !label.startsWith('commit "Discover')) return undefined;
      quick = true;
      factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:13\n');
      const found = (factory.world.files.get('images/app.yaml') ?? '').replace(
        /dockerfile: \w+/,
        `dockerfile: ${'d'.repeat(40)}`,
      );
      factory.world.edit('images/app.yaml', () => found);
      return undefined;
    };
    await factory.scheduler.run();
    expect(slow.outcome).toEqual({ ok: true });
    expect(quick).toBe(true);
    expect(factory.state.images.get('app')?.dockerfile).toBe('d'.repeat(40));
    await factory.cycle();
    expect(factory.state.images.get('app')?.baseImages).toEqual(['debian-13']);
  });
});
