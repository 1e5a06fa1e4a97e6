import { minute } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import {
  playProvider,
  type Guard,
  type ProviderSetting,
  type ProviderUnderTest,
  type Totals,
} from './test-provider-schedules.ts';

const right = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0, drifted: 0, broken: 0, failed: 0 };
const timeout = 300_000;

const standsStill = (): { pause: number } => ({ pause: 20 * minute });
/** Creates that stand in a queue for longer than anybody waits before taking over, and whose answer is lost. */
const queued: ProviderSetting = { lateness: 40 * minute, faults: { lostAnswers: 0.6 } };

const variants: Readonly<Record<string, ProviderSetting>> = {
  'creates that reach the provider half an hour late': queued,
  'processes that stand still at every turn': { happens: standsStill },
  'runs that are shown only after up to nine minutes': { visibilityDelay: 9 * minute },
};

interface Lack {
  readonly without: readonly Guard[];
  readonly setting?: ProviderSetting;
  /** What the schedules must show at least once. */
  readonly shows: 'doubled' | 'missing' | 'exits';
  readonly because: string;
}

/** One guard alone is often covered by another: then the second run begins, and leaves without building. */
const lacks: readonly Lack[] = [
  { without: ['intent'], shows: 'missing', because: 'nobody follows what was started' },
  { without: ['intent', 'claim'], shows: 'doubled', because: 'nobody knows what was started' },
  { without: ['look-up'], shows: 'exits', because: 'the claim turns away what is started again' },
  { without: ['look-up', 'claim'], shows: 'doubled', because: 'what was started is started again' },
  {
    without: ['fence'],
    setting: { happens: standsStill },
    shows: 'exits',
    because: 'the claim turns away what was started late',
  },
  {
    without: ['fence', 'claim'],
    setting: { happens: standsStill },
    shows: 'doubled',
    because: 'a process that stood still starts what another one took over',
  },
  { without: ['expected commit'], shows: 'exits', because: 'the claim turns away the second of two writers' },
  { without: ['expected commit', 'claim'], shows: 'doubled', because: 'two processes write the same intent' },
  {
    without: ['claim'],
    setting: queued,
    shows: 'doubled',
    because: 'only the claim stands between a create that comes late and the one after it',
  },
];

/** Says of a provider that it builds every key once, and that each guard is needed for it. */
export function describeExactlyOnce(
  name: string,
  under: ProviderUnderTest,
  counts: { readonly schedules: number; readonly perVariant: number; readonly perLack: number },
): void {
  const told = (what: string, count: number, totals: Totals): void => {
    const { doubled, missing, runs, exits } = totals;
    console.info(
      `${name}, ${what}: of ${count} schedules ${doubled} build a key more than once, ${missing} lose a build; ${runs} runs, ${exits} of them left because of the claim`,
    );
  };

  describe(`exactly once at ${name}, whatever is killed, lost or late`, () => {
    it(`builds every key once in ${counts.schedules} schedules of two processes`, { timeout }, async () => {
      const totals = await playProvider(under, {}, counts.schedules);
      told('all guards', counts.schedules, totals);
      expect(totals).toMatchObject(right);
    });

    it.each(Object.entries(variants))('and so with %s', { timeout }, async (what, setting) => {
      const totals = await playProvider(under, setting, counts.perVariant);
      told(what, counts.perVariant, totals);
      expect(totals).toMatchObject(right);
    });

    it('and builds that fail are built again as attempts of their own', { timeout }, async () => {
      const setting: ProviderSetting = {
        outcome: ({ attempt }) => (attempt === 1 ? 'failure' : 'success'),
        calmHours: 14,
      };
      const totals = await playProvider(under, setting, counts.perVariant);
      told('first attempts that fail', counts.perVariant, totals);
      expect(totals).toMatchObject({ ...right, broken: counts.perVariant });
    });

    it.each(lacks)(
      'but without $without: $because',
      { timeout },
      async ({ without, setting = {}, shows }) => {
        const totals = await playProvider(under, { ...setting, without }, counts.perLack);
        told(`without ${without.join(' and ')}`, counts.perLack, totals);
        expect(totals[shows]).toBeGreaterThan(0);
      },
    );
  });
}
