import { hour, minute } from '@image-factory/core/time.ts';
import type { WorldOptions } from '@image-factory/testing/world/world.ts';
import { chance, type Kill } from '@image-factory/testing/world/scheduler.ts';
import { describe, expect, it } from 'vitest';
import { image, TestFactory } from './testing-factory.ts';

const schedules = 1000;
const names = ['parent', 'child', 'other'];

interface Outcome {
  readonly doubled: readonly string[];
  readonly missing: readonly string[];
  readonly stuck: readonly string[];
}

/** Two processes on one state, killed at random awaits and started again, until everything has come to rest. */
async function play(seed: number, options: Partial<WorldOptions>): Promise<Outcome> {
  const factory = new TestFactory(names.map((name) => image(name)), { refusals: 0.2, ...options, seed });
  const { world, scheduler } = factory;
  world.push('docker.io/library/debian:12', ['debian-1']);
  world.dockerfiles.set('parent/Dockerfile', 'FROM debian:12\n');
  world.dockerfiles.set('child/Dockerfile', 'FROM registry.test/acme/parent:1\nCOPY --from=debian:12 /a /a\n');
  world.dockerfiles.set('other/Dockerfile', 'FROM debian:12\n');
  const random = chance(seed * 7919);
  for (let round = 1; round <= 3; round++) {
    const kills: Kill[] = ['a', 'b'].map((name) => ({ process: `${name}${round}`, atPoint: 1 + Math.floor(random() * 40) }));
    for (const { process } of kills) factory.spawn(process);
    await scheduler.run(kills);
    world.now += Math.floor(random() * 15) * minute;
    world.finishRuns();
  }
  for (let calm = 0; calm < 3; calm++) {
    await factory.cycle();
    world.now += hour;
    world.finishRuns();
  }
  const builds = world.buildsPerKey();
  const built = new Set([...builds.keys()].map((key) => key.slice(0, key.indexOf(' '))));
  return {
    doubled: [...builds].filter(([, count]) => count > 1).map(([key]) => key),
    missing: names.filter((name) => !built.has(name)),
    stuck: [...world.files.keys()].filter((path) => path.startsWith('intents/')),
  };
}

async function playAll(options: Partial<WorldOptions>, count: number): Promise<{ doubled: number; missing: number; stuck: number }> {
  const total = { doubled: 0, missing: 0, stuck: 0 };
  for (let seed = 1; seed <= count; seed++) {
    const { doubled, missing, stuck } = await play(seed, options);
    if (doubled.length > 0) total.doubled++;
    if (missing.length > 0) total.missing++;
    if (stuck.length > 0) total.stuck++;
  }
  return total;
}

describe('exactly once, whatever is killed', () => {
  it(`builds every key once in ${schedules} schedules of two processes`, { timeout: 180_000 }, async () => {
    expect(await playAll({}, schedules)).toEqual({ doubled: 0, missing: 0, stuck: 0 });
  });

  it('builds twice in the same schedules when look-ups find nothing', { timeout: 60_000 }, async () => {
    expect((await playAll({ blindLookUps: true }, 150)).doubled).toBeGreaterThan(0);
  });

  it('builds twice in the same schedules when intents are not kept', { timeout: 60_000 }, async () => {
    expect((await playAll({ forgetIntents: true }, 150)).doubled).toBeGreaterThan(0);
  });
});
