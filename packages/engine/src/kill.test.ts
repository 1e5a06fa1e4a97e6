import { day, minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { debian, image } from './test-factory.ts';
import { names, playAll, type Setting } from './test-schedules.ts';

const schedules = 1000;
const fewer = 120;
const right = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0, failed: 0 };

/** Runs that are open for ten minutes are overdue. */
const shortRuns: NonNullable<Setting['between']> = (factory) =>
  factory.settings((settings) => ({
    ...settings,
    limits: { ...settings.limits, runTimeout: 10 * minute },
  }));

const settings: Record<string, Setting> = {
  'runs that look-ups find only after up to five minutes': { visibilityDelay: 5 * minute },
  'create calls whose answer is lost': { lostAnswers: 0.5 },
  'answers lost and runs found late': { lostAnswers: 0.5, visibilityDelay: 5 * minute },
  'runs that claim their key': { claims: true },
  'runs that claim their key, answers lost, runs found late': {
    claims: true,
    lostAnswers: 0.5,
    visibilityDelay: 5 * minute,
  },
  'runs that do not say their digest': { silentRuns: true },
  'many refused pushes': { refusals: 0.7 },
  'dead writers known as dead': { knowsDead: true, visibilityDelay: 5 * minute },
  'builds that live in their process': { inProcess: true, knowsDead: true, claims: true },
  'a process that stands still for 20 minutes': { happens: () => ({ pause: 20 * minute }) },
  'a machine that sleeps for 20 minutes': { happens: () => ({ sleep: 20 * minute }) },
  'pauses, kills and stop signals': {
    happens: (random) =>
      (['kill', 'stop', { pause: 20 * minute }, { sleep: 12 * minute }] as const)[Math.floor(random() * 4)],
  },
  'clocks that differ by up to eight minutes': { skew: 4 * minute },
  'images that are taken out of images.yaml and put back': {
    buildTime: 5 * minute,
    rounds: 5,
    between(factory, round, random) {
      const gone = round < 5 ? names[Math.floor(random() * 6)] : undefined;
      factory.config = {
        ...factory.config,
        images: names.filter((name) => name !== gone).map((name) => image(name)),
      };
    },
  },
  'entries of images.yaml that are edited': {
    buildTime: 5 * minute,
    between(factory, round, random) {
      const edited = () =>
        image(names[round - 1] ?? '', { criticality: 'high', autoRebuild: random() < 0.5 || round === 3 });
      const images = factory.config.images.map((each, index) => (index === round - 1 ? edited() : each));
      factory.config = { ...factory.config, images: round === 3 ? names.map((name) => image(name)) : images };
    },
  },
  'holds that people write and take back': {
    rounds: 5,
    between(factory, round) {
      const hold = '\nhold:\n  reason: wait\n  since: 2026-01-01T12:00:00Z\n';
      for (const name of names) {
        if (!factory.world.files.has(`images/${name}.yaml`)) continue;
        factory.world.edit(`images/${name}.yaml`, (text = '') =>
          round === 2 ? text + hold : text.replace(hold, ''),
        );
      }
    },
  },
  'builds whose first attempt fails': { outcome: ({ attempt }) => (attempt === 1 ? 'failure' : 'success') },
  'runs that hang and are cancelled when their time is over': {
    rounds: 6,
    buildTime: ({ attempt }) => (attempt === 1 ? 100 * day : minute),
    between: shortRuns,
  },
  'runs that nobody can cancel and that succeed after their time': {
    ignoresCancel: true,
    rounds: 8,
    buildTime: ({ key }) => (11 + (Number.parseInt(key.slice(0, 2), 16) % 9)) * minute,
    between: shortRuns,
  },
  'a new base that matures while processes die': {
    rounds: 8,
    apart: day,
    builds: 2,
    buildTime: 5 * minute,
    between(factory, round) {
      if (round === 3) factory.world.push(debian, ['debian-2']);
      factory.world.now += round > 3 ? 2 * day : 40 * minute;
    },
  },
  'look memories that die with their process': { ownLooks: true },
};

describe('exactly once, whatever is killed', () => {
  it(`builds every key once in ${schedules} schedules of two processes`, { timeout: 180_000 }, async () => {
    expect(await playAll({}, schedules)).toEqual(right);
  });

  it.each(Object.entries(settings))(
    `builds every key once in ${fewer} schedules with %s`,
    { timeout: 120_000 },
    async (_name, setting) => {
      expect(await playAll(setting, fewer)).toEqual(right);
    },
  );

  it.each([
    ['look-ups find nothing', { blindLookUps: true }],
    ['intents are not kept', { forgetIntents: true }],
  ])('builds twice in the same schedules when %s', { timeout: 120_000 }, async (name, setting) => {
    const { doubled } = await playAll(setting, fewer);
    // oxlint-disable-next-line no-console -- the figures are what this test is for
    console.info(`when ${name}: ${doubled} of ${fewer} schedules build a key more than once`);
    expect(doubled).toBeGreaterThan(0);
  });
});
