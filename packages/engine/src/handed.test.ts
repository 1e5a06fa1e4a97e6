import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { Builder, Run } from '@image-factory/core/ports/builder.ts';
import { hour, minute } from '@image-factory/core/time.ts';
import { chance, type Disruption } from '@image-factory/testing/world/scheduler.ts';
import { describe, expect, it } from 'vitest';
import { handedState, startHanded, type Handed, type HandedState } from './handed.ts';
import type { CycleReport } from './cycle.ts';
import { debian, image, TestFactory, type TestFactoryOptions } from './test-factory.ts';
import { kargoFactory } from './test-kargo.ts';

/** A factory whose rebuilds a server starts when Kargo asks it. */
function servedFactory(names: readonly string[], options: TestFactoryOptions = {}): TestFactory {
  const factory = kargoFactory(names, options);
  factory.settings((settings) => ({
    ...settings,
    kargo: { ...settings.kargo, server: 'https://factory.test' },
  }));
  factory.isServer = (process) => process.startsWith('server');
  return factory;
}

function intentOf(factory: TestFactory, name: string): Handed {
  const intent = factory.state.intents.get(name);
  if (!intent) throw new Error(`no open intent of ${name}`);
  return { image: name, key: intent.key, attempt: intent.attempt };
}

let asked = 0;

/** One request to a server; its answer is there once the scheduler has run. */
function ask(
  factory: TestFactory,
  handed: Handed,
  server = `server ${++asked}`,
): { state: HandedState | undefined } {
  const answer: { state: HandedState | undefined } = { state: undefined };
  factory.scheduler.spawn(server, async (own) => {
    answer.state = (await startHanded(factory.deps(own), factory.config, handed)).state;
  });
  return answer;
}

async function answered(factory: TestFactory, handed: Handed): Promise<HandedState | undefined> {
  const answer = ask(factory, handed);
  await factory.scheduler.run();
  return answer.state;
}

/** A cycle of the server's own loop. */
async function serverCycle(factory: TestFactory): Promise<CycleReport | undefined> {
  factory.spawn(`server ${++asked}`, { follow: false });
  await factory.scheduler.run();
  return factory.reports.at(-1);
}

function rebuildsOf(factory: TestFactory, name: string) {
  return factory.state.images.get(name)?.rebuilds.map(({ attempt, outcome, run }) => [attempt, outcome, run]);
}

describe('an intent for a server', () => {
  it('carries no request, and can be of any provider', async () => {
    const factory = servedFactory(['app']);
    const images = factory.config.images.map((each) =>
      each.kind === 'managed'
        ? { ...each, source: { ...each.source, provider: 'webhook' as const, branch: undefined } }
        : each,
    );
    factory.config = { ...factory.config, images };
    const report = await factory.cycle();
    expect(report.started).toEqual(['app']);
    expect(factory.state.intents.get('app')).not.toHaveProperty('request');
  });

  it('is started when Kargo asks for it, and recorded', async () => {
    const factory = servedFactory(['app'], { buildTime: 20 * minute });
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    expect(await answered(factory, handed)).toMatchObject({ kind: 'running', run: 'run-1' });
    expect(factory.state.intents.get('app')?.run?.id).toBe('run-1');
    factory.world.now += 30 * minute;
    await factory.cycle();
    expect(rebuildsOf(factory, 'app')).toEqual([]);
    const report = await serverCycle(factory);
    expect(report?.ended.map(({ image, rebuild }) => [image, rebuild.outcome])).toEqual([['app', 'success']]);
    expect(await answered(factory, handed)).toMatchObject({ kind: 'ended', outcome: 'success' });
    expect(factory.world.runs.length).toBe(1);
  });

  it('is started once, however often Kargo asks', async () => {
    const factory = servedFactory(['app'], { claims: false, buildTime: hour });
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    const answers = [1, 2, 3].map(() => ask(factory, handed));
    await factory.scheduler.run();
    expect(factory.world.runs.length).toBe(1);
    expect(answers.map(({ state }) => state?.kind)).toContain('running');
    expect(await answered(factory, handed)).toMatchObject({ kind: 'running', run: 'run-1' });
    expect(factory.world.runs.length).toBe(1);
  });

  it('is not started on hold, and ends without a run', async () => {
    const factory = servedFactory(['app']);
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    const { world } = factory;
    world.edit(
      'images/app.yaml',
      (text) => `${text ?? ''}hold:\n  reason: wait\n  since: '2026-01-01T00:00:00Z'\n  by: me\n`,
    );
    expect(await answered(factory, handed)).toMatchObject({ kind: 'ended', outcome: 'cancelled' });
    expect(world.runs).toEqual([]);
  });

  it('that nobody decided is unknown, and one for Kargo itself is left to it', async () => {
    const factory = servedFactory(['app']);
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    expect(await answered(factory, { ...handed, attempt: 7 })).toEqual({ kind: 'unknown' });
    const direct = kargoFactory(['app']);
    await direct.cycle();
    expect(await answered(direct, intentOf(direct, 'app'))).toMatchObject({ kind: 'waiting' });
    expect(direct.world.runs).toEqual([]);
  });

  it('is not begun any more when a cycle is about to give it up', async () => {
    const factory = servedFactory(['app']);
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    factory.world.now += 46 * minute;
    expect(await answered(factory, handed)).toEqual({ kind: 'waiting' });
    factory.world.now += 15 * minute;
    await serverCycle(factory);
    expect(rebuildsOf(factory, 'app')).toEqual([[1, 'failure', undefined]]);
    expect(factory.world.runs).toEqual([]);
  });

  it('is taken up again, as long as it is open, where the server that took it up late died before it started it', async () => {
    const factory = servedFactory(['app']);
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    factory.world.now += 40 * minute;
    ask(factory, handed, 'server that dies');
    await factory.scheduler.run([{ process: 'server that dies', at: 'start app' }]);
    expect(factory.state.intents.get('app')).toMatchObject({ writer: 'server that dies' });
    expect(factory.world.runs).toEqual([]);
    factory.world.now += 9 * minute;
    expect(await answered(factory, handed)).toEqual({ kind: 'waiting' });
    factory.world.now += 11 * minute;
    expect(await answered(factory, handed)).toMatchObject({ kind: 'running', run: 'run-1' });
    await serverCycle(factory);
    expect(factory.state.intents.get('app')?.run?.id).toBe('run-1');
  });

  it('that no server does anything about is told by the Jobs', async () => {
    const factory = servedFactory(['app']);
    await factory.cycle();
    factory.world.now += 119 * minute;
    expect((await factory.cycle()).problems).toEqual([]);
    factory.world.now += 2 * minute;
    expect((await factory.cycle()).problems).toMatchObject([
      { code: 'CI_UNREACHABLE', subject: { kind: 'image', name: 'app' } },
    ]);
    expect(factory.state.intents.size).toBe(1);
  });

  it('tells how its run is before a cycle has recorded that', async () => {
    const factory = servedFactory(['app'], { buildTime: minute });
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    await answered(factory, handed);
    factory.world.now += 2 * minute;
    let state: HandedState | undefined;
    factory.scheduler.spawn('asker', async (own) => {
      state = await handedState(factory.deps(own), factory.config, handed);
    });
    await factory.scheduler.run();
    expect(state).toMatchObject({ kind: 'ended', outcome: 'success' });
    expect(factory.state.intents.size).toBe(1);
  });
});

describe('how a run is', () => {
  async function running(): Promise<{ factory: TestFactory; handed: Handed }> {
    const factory = servedFactory(['app'], { buildTime: hour });
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    await answered(factory, handed);
    return { factory, handed };
  }

  async function told(factory: TestFactory, handed: Handed, provider: string, status: Run['status']) {
    let state: HandedState | undefined;
    factory.scheduler.spawn(`asker ${++asked}`, async (own) => {
      const deps = factory.deps(own);
      const builderFor = (asked: Provider): Builder | undefined => {
        const builder = deps.builderFor(asked);
        if (!builder || asked !== provider) return undefined;
        return { ...builder, get: async (_, id) => ({ id, key: 'k', attempt: 1, status }) };
      };
      state = await handedState({ ...deps, builderFor }, factory.config, handed);
    });
    await factory.scheduler.run();
    return state;
  }

  it('is asked where it was started, and nowhere else', async () => {
    const { factory, handed } = await running();
    expect(await told(factory, handed, 'github', 'failure')).toMatchObject({ outcome: 'failure' });
    const images = factory.config.images.map((each) =>
      each.kind === 'managed' ? { ...each, source: { ...each.source, provider: 'gitlab' as const } } : each,
    );
    factory.config = { ...factory.config, images };
    expect(await told(factory, handed, 'gitlab', 'failure')).toMatchObject({ kind: 'running' });
    expect(await told(factory, handed, 'github', 'failure')).toMatchObject({ outcome: 'failure' });
  });

  it('of a run that left for another one is that the other one goes on', async () => {
    const { factory, handed } = await running();
    expect(await told(factory, handed, 'github', 'superseded')).toMatchObject({ kind: 'running' });
  });
});

describe('an intent of the embedded engine', () => {
  it('is left to its writer, who starts it', async () => {
    const factory = new TestFactory([image('app')], { claims: false, buildTime: hour });
    factory.world.push(debian, ['debian-1']);
    factory.world.dockerfiles.set('app/Dockerfile', 'FROM debian:12\n');
    factory.spawn('writer', { follow: false });
    await factory.scheduler.run([{ process: 'writer', at: 'start', what: { pause: minute / 2 } }]);
    const handed = intentOf(factory, 'app');
    expect(await answered(factory, handed)).toMatchObject({ kind: 'waiting' });
    factory.world.now += minute / 2;
    await factory.scheduler.run();
    expect(factory.world.runs.length).toBe(1);
  });

  it('does not take the end of another build for its own, where the ids of runs are used again', async () => {
    const factory = servedFactory(['app'], { buildTime: hour });
    await factory.cycle();
    const handed = intentOf(factory, 'app');
    await answered(factory, handed);
    const ended = { id: 'run-1', attempt: 1, status: 'success' as const };
    const states: (HandedState | undefined)[] = [];
    factory.scheduler.spawn('asker', async (own) => {
      const deps = factory.deps(own);
      for (const key of ['f'.repeat(32), handed.key]) {
        const builder = deps.builderFor('github');
        if (!builder) throw new Error('no builder');
        const builderFor = () => ({ ...builder, get: async () => ({ ...ended, key }) });
        states.push(await handedState({ ...deps, builderFor }, factory.config, handed));
      }
    });
    await factory.scheduler.run();
    expect(states).toMatchObject([
      { kind: 'running', run: 'run-1' },
      { kind: 'ended', outcome: 'success' },
    ]);
  });
});

/** Kargo that asks two servers for each intent, again and again, while servers and Jobs are killed at random awaits. */
async function play(seed: number, options: TestFactoryOptions): Promise<TestFactory> {
  const names = ['app', 'other'];
  const factory = servedFactory(names, { refusals: 0.2, seed, ...options });
  const { world, scheduler } = factory;
  const random = chance(seed * 7919);
  for (let round = 1; round <= 6; round++) {
    const disruptions: Disruption[] = [];
    const spawned: string[] = [];
    for (const name of names) {
      const intent = factory.state.intents.get(name);
      if (!intent) continue;
      for (const server of ['a', 'b']) {
        const process = `server ${server} ${seed}/${round} ${name}`;
        ask(factory, { image: name, key: intent.key, attempt: intent.attempt }, process);
        spawned.push(process);
      }
    }
    for (const process of [`job ${round}`, `server loop ${round}`]) {
      factory.spawn(process, { follow: false });
      spawned.push(process);
    }
    for (const process of spawned)
      if (random() < 0.6) disruptions.push({ process, at: 1 + Math.floor(random() * 25) });
    await scheduler.run(disruptions);
    world.now += Math.floor(random() * 13) * minute;
  }
  // Beyond the end, too: nothing more may begin.
  for (let calm = 0, resting = 0; calm < 30 && resting < 4; calm++) {
    await factory.cycle({ follow: false });
    await serverCycle(factory);
    for (const name of names)
      if (factory.state.intents.has(name)) await answered(factory, intentOf(factory, name));
    const { intents, images } = factory.state;
    const areBuilt = names.every((name) =>
      images.get(name)?.rebuilds.some(({ outcome }) => outcome === 'success'),
    );
    if (areBuilt && intents.size === 0) resting++;
    world.now += 7 * minute;
  }
  return factory;
}

async function count(schedules: number, options: TestFactoryOptions = {}) {
  const total = { doubled: 0, missing: 0 };
  for (let seed = 1; seed <= schedules; seed++) {
    const { world, state } = await play(seed, options);
    const built = [...world.buildsPerKey()];
    if (built.some(([, builds]) => builds > 1)) total.doubled++;
    const both = ['app', 'other'].every((name) =>
      state.images.get(name)?.rebuilds.some(({ outcome }) => outcome === 'success'),
    );
    if (!both) total.missing++;
  }
  return total;
}

describe('servers and Jobs that are killed at any moment', () => {
  it('start every run once, and lose none', { timeout: 60_000 }, async () => {
    expect(
      await count(150, { lostAnswers: 0.2, visibilityDelay: 3 * minute, buildTime: 5 * minute }),
    ).toEqual({
      doubled: 0,
      missing: 0,
    });
  });

  it('double without look-ups and claims', { timeout: 60_000 }, async () => {
    const { doubled } = await count(60, {
      lostAnswers: 0.2,
      claims: false,
      blindLookUps: true,
      buildTime: 5 * minute,
    });
    expect(doubled).toBeGreaterThan(0);
  });
});
