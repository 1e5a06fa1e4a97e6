import { minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { playAll, type Setting } from './testing-schedules.ts';

const schedules = 1000;
const fewer = 120;
const right = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0, failed: 0 };

const settings: Record<string, Setting> = {
  'runs that look-ups find only after up to five minutes': { visibilityDelay: 5 * minute },
  'create calls whose answer is lost': { lostAnswers: 0.5 },
  'answers lost and runs found late': { lostAnswers: 0.5, visibilityDelay: 5 * minute },
  'runs that claim their key': { claims: true },
  'runs that claim their key, answers lost, runs found late': { claims: true, lostAnswers: 0.5, visibilityDelay: 5 * minute },
  'runs that do not say their digest': { silentRuns: true },
  'many refused pushes': { refusals: 0.7 },
  'dead writers known as dead': { knowsDead: true, visibilityDelay: 5 * minute },
  'builds that live in their process': { inProcess: true, knowsDead: true, claims: true },
  'a process that stands still for 20 minutes': { happens: () => ({ pause: 20 * minute }) },
  'a machine that sleeps for 20 minutes': { happens: () => ({ sleep: 20 * minute }) },
  'pauses, kills and stop signals': {
    happens: (random) => (['kill', 'stop', { pause: 20 * minute }, { sleep: 12 * minute }] as const)[Math.floor(random() * 4)],
  },
  'clocks that differ by up to eight minutes': { skew: 4 * minute },
  'look memories that die with their process': { ownLooks: true },
};

describe('exactly once, whatever is killed', () => {
  it(`builds every key once in ${schedules} schedules of two processes`, { timeout: 180_000 }, async () => {
    expect(await playAll({}, schedules)).toEqual(right);
  });

  it.each(Object.entries(settings))(`builds every key once in ${fewer} schedules with %s`, { timeout: 120_000 }, async (_name, setting) => {
    expect(await playAll(setting, fewer)).toEqual(right);
  });

  it.each([
    ['look-ups find nothing', { blindLookUps: true }],
    ['intents are not kept', { forgetIntents: true }],
  ])('builds twice in the same schedules when %s', { timeout: 120_000 }, async (name, setting) => {
    const { doubled } = await playAll(setting, fewer);
    console.info(`when ${name}: ${doubled} of ${fewer} schedules build a key more than once`);
    expect(doubled).toBeGreaterThan(0);
  });
});
