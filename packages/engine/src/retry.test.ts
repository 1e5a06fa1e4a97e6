import { hour, minute } from '@image-factory/core/time.ts';
import { chance } from '@image-factory/testing/world/scheduler.ts';
import { describe, expect, it } from 'vitest';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';
import { runCycle, type CycleOptions } from './cycle.ts';

const again: CycleOptions = {
  retry: { image: 'app', by: 'kim', reason: 'the runner broke' },
  startOnly: new Set(),
};
const firstTryFails: NonNullable<TestFactoryOptions['outcome']> = ({ attempt }, tries) =>
  attempt === 1 && tries === 1 ? 'failure' : 'success';

/** A factory whose image has one failed attempt. */
async function failed(options: TestFactoryOptions = {}): Promise<TestFactory> {
  const factory = new TestFactory([image('app')], { outcome: firstTryFails, ...options });
  const { world } = factory;
  world.push(debian, ['debian-1']);
  world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
  const [broken] = (await factory.cycle()).ended;
  if (broken?.rebuild.outcome !== 'failure') throw new Error('it did not fail');
  return factory;
}

function rebuilds({ state }: TestFactory) {
  return state.images.get('app')?.rebuilds ?? [];
}

/** Every build and its attempts, after time enough for whatever was left open. */
async function atRest(factory: TestFactory) {
  const { world } = factory;
  world.now += hour;
  for (let calm = 0; calm < 4; calm++) {
    await factory.cycle();
    world.now += hour;
  }
  return {
    doubled: [...world.buildsPerKey().values()].filter((count) => count !== 1),
    attempts: world.doubledAttempts(),
    retriesOfOne: Math.max(0, ...world.ci.runs.map(({ tries }) => tries - 1)),
    open: [...world.files.keys()].filter((path) => path.startsWith('intents/')),
    outcomes: rebuilds(factory).map(({ attempt, outcome }) => `${attempt} ${outcome}`),
    // What was committed is carried out, by whomever.
    expected: world.commits.some(({ subject }) => subject.startsWith('Run app again'))
      ? ['1 success']
      : ['1 failure', '2 success'],
  };
}

const right = { doubled: [], attempts: [], open: [] };

describe('a run that is run again', () => {
  it('keeps its key, its attempt and its run, and has one end on record', async () => {
    const factory = await failed();
    const [before] = rebuilds(factory);
    const { started, ended, problems } = await factory.cycle(again);
    expect(problems).toEqual([]);
    expect(started).toEqual([]);
    const [after, ...others] = rebuilds(factory);
    expect(others).toEqual([]);
    expect(after).toMatchObject({
      key: before?.key,
      attempt: 1,
      run: before?.run,
      revision: before?.revision,
      outcome: 'success',
      tries: 2,
    });
    expect(ended).toMatchObject([{ image: 'app', rebuild: { attempt: 1, outcome: 'success' } }]);
    expect(factory.world.ci.runs).toHaveLength(1);
    const events = [...factory.world.files].filter(([path]) => path.startsWith('events/'));
    expect(events.map(([, text]) => text).join('')).toContain('is run again by kim: the runner broke');
  });

  it('is on record as open before its provider is asked', async () => {
    const factory = await failed();
    let seen: unknown;
    factory.world.fault = (label) => {
      if (label === 'retry run') seen = factory.state.intents.get('app');
      return undefined;
    };
    await factory.cycle(again);
    expect(seen).toMatchObject({
      attempt: 1,
      retry: { by: 'kim', tries: 2, after: '1' },
      run: { id: 'run-1' },
    });
  });

  it('counts on where it is run a third time', async () => {
    const factory = await failed({ outcome: (_request, tries) => (tries < 3 ? 'failure' : 'success') });
    await factory.cycle(again);
    expect(rebuilds(factory)).toMatchObject([{ attempt: 1, tries: 2, outcome: 'failure' }]);
    await factory.cycle(again);
    expect(rebuilds(factory)).toMatchObject([{ attempt: 1, tries: 3, outcome: 'success' }]);
  });

  it('is followed and not asked where somebody had it run again at its provider', async () => {
    const factory = await failed();
    const process = factory.scheduler.spawn('ui', async (own) => {
      await factory.world.builder(own).retry?.(image('app'), 'run-1');
    });
    await factory.scheduler.run();
    expect(process.outcome?.error).toBeUndefined();
    await factory.cycle(again);
    expect(factory.world.ci.runs.map(({ tries }) => tries)).toEqual([2]);
    expect(rebuilds(factory)).toMatchObject([{ attempt: 1, outcome: 'success' }]);
  });

  it('is left alone where that id is a run of another build by now, as after a move of the CI', async () => {
    const factory = await failed();
    const process = factory.scheduler.spawn('moved', async (own) => {
      const deps = factory.deps(own);
      const builder = deps.builderFor('github');
      const other = { id: 'run-1', key: 'f'.repeat(32), attempt: 1, status: 'failure', tried: '1' } as const;
      const builderFor = () => builder && { ...builder, get: async () => other };
      const { problems } = await runCycle({ ...deps, builderFor }, factory.config, again);
      expect(problems).toMatchObject([{ code: 'RETRY_REFUSED' }]);
    });
    await factory.scheduler.run();
    expect(process.outcome).toEqual({ ok: true });
    expect(factory.world.ci.runs.map(({ tries }) => tries)).toEqual([1]);
  });

  it('leaves the record as it was where its provider refuses', async () => {
    const factory = await failed();
    const before = rebuilds(factory);
    factory.world.fault = (label) =>
      label === 'retry run' ? { code: 'CI_REFUSED', message: 'too old', hint: 'Rebuild.' } : undefined;
    const { problems } = await factory.cycle(again);
    expect(problems).toMatchObject([{ code: 'CI_REFUSED', message: 'too old' }]);
    expect(rebuilds(factory)).toEqual(before);
    expect(factory.state.intents.size).toBe(0);
  });
});

describe('what is refused', () => {
  const cases: Record<string, [RegExp, (factory: TestFactory) => void | Promise<void>]> = {
    'the last rebuild succeeded': [
      /ended as success, which leaves nothing/,
      async (factory) => {
        factory.world.now += hour;
        await factory.cycle();
      },
    ],
    'nothing was ever built': [
      /no rebuild of it is recorded/,
      (factory) =>
        factory.world.edit('images/app.yaml', (text = '') => text.replace(/^rebuilds:\n(?:[ -].*\n)+/m, '')),
    ],
    'the image is held': [
      /on hold: wait/,
      (factory) =>
        factory.world.edit(
          'images/app.yaml',
          (text = '') => `${text}\nhold:\n  reason: wait\n  since: 2026-01-01T12:00:00Z\n`,
        ),
    ],
    'another attempt is open': [
      /attempt 2 of build \w+ is open/,
      async (factory) => {
        factory.world.now += hour;
        await factory.cycle({ follow: false });
      },
    ],
    'its source has moved on': [
      /Dockerfile or its context has changed/,
      (factory) => void factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\nRUN true\n'),
    ],
    'there is a freeze': [
      /freeze until/,
      (factory) =>
        factory.settings((settings) => ({
          ...settings,
          freezeWindows: [
            {
              name: 'stocktaking',
              kind: 'between',
              from: factory.world.now - hour,
              to: factory.world.now + hour,
              allowEmergency: false,
            },
          ],
        })),
    ],
    'its provider has forgotten the run': [
      /does not know run run-1/,
      (factory) => factory.world.ci.hide('run-1'),
    ],
  };

  it.each(Object.entries(cases))('because %s', async (_name, [why, happens]) => {
    const factory = await failed();
    await happens(factory);
    const { problems } = await factory.cycle(again);
    expect(problems).toMatchObject([
      { code: 'RETRY_REFUSED', message: expect.stringMatching(why) as string },
    ]);
    expect(problems[0]?.hint).toContain('image-factory rebuild app --reason');
    expect(factory.world.ci.retries).toEqual([]);
  });

  it('because builds that live in a process cannot be run again', async () => {
    const { problems } = await (await failed({ inProcess: true })).cycle(again);
    expect(problems).toMatchObject([
      { code: 'RETRY_REFUSED', message: expect.stringContaining('cannot run an ended run again') as string },
    ]);
  });

  it('because with the kargo engine a run belongs to its promotion', async () => {
    const factory = await failed();
    factory.world.edit('engine.yaml', () => 'engine: kargo\nepoch: 1\nversion: 1\n');
    factory.settings((settings) => ({ ...settings, engine: 'kargo' }));
    const { problems } = await factory.cycle(again);
    expect(problems.map(({ message }) => message)).toContain(
      'app is not run again: with engine: kargo a run belongs to the Promotion that started it',
    );
    expect(factory.world.ci.retries).toEqual([]);
  });
});

describe('whatever is killed', () => {
  it(
    'killed at every await, it is run again once and recorded, or not at all',
    { timeout: 60_000 },
    async () => {
      const seen = new Set<string>();
      for (let at = 1; at <= 30; at++) {
        const factory = await failed({ visibilityDelay: 5 * minute });
        factory.spawn('retry', again);
        await factory.scheduler.run([{ process: 'retry', at }]);
        const { outcomes, expected, retriesOfOne, ...rest } = await atRest(factory);
        expect(rest, `killed at ${at}`).toEqual(right);
        expect(outcomes, `killed at ${at}`).toEqual(expected);
        expect(retriesOfOne).toBeLessThanOrEqual(1);
        seen.add(outcomes.join(', '));
      }
      // Both were met: killed before the intent, and after it.
      expect([...seen].toSorted()).toEqual(['1 failure, 2 success', '1 success']);
    },
  );

  it.each([
    ['kills', { lostAnswers: 0.5 }],
    ['pauses of twenty minutes', { lostAnswers: 0.3, pause: true }],
  ])(
    'two who ask at once and a loop beside them, with %s: one re-run, and never two builds of a key',
    { timeout: 120_000 },
    async (_name, { pause = false, lostAnswers }: { pause?: boolean; lostAnswers: number }) => {
      let retried = 0;
      for (let seed = 1; seed <= 250; seed++) {
        const factory = await failed({ seed, refusals: 0.2, lostAnswers: 0 });
        Object.assign(factory.world.options, { lostAnswers });
        const random = chance(seed * 31);
        // The loop may be about to begin the next attempt.
        factory.world.now += Math.floor(random() * 20) * minute;
        for (const name of ['r1', 'r2']) factory.spawn(name, again);
        factory.spawn('loop');
        await factory.scheduler.run(
          ['r1', 'r2', 'loop'].map((process) => ({
            process,
            at: 1 + Math.floor(random() * 25),
            ...(pause ? { what: { pause: 20 * minute } } : {}),
          })),
        );
        const { outcomes, expected, retriesOfOne, ...rest } = await atRest(factory);
        expect(rest, `seed ${seed}`).toEqual(right);
        expect(outcomes, `seed ${seed}`).toEqual(expected);
        expect(retriesOfOne, `seed ${seed}`).toBeLessThanOrEqual(1);
        retried += retriesOfOne;
      }
      expect(retried).toBeGreaterThan(20);
    },
  );
});
