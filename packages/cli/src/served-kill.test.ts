import { describe, expect, it } from 'vitest';
import { githubUnderTest } from './testing/test-provider-github.ts';
import type { Guard } from './testing/test-provider-schedules.ts';
import { playServed } from './testing/test-served-schedules.ts';

const github = githubUnderTest(true);
const right = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0, drifted: 0, broken: 0, failed: 0 };
const timeout = 120_000;

describe('two servers that Kargo asks at random, killed like the Jobs at any moment, at a GitHub that loses answers', () => {
  const schedules = 200;

  it(
    `start every rebuild once and lose none in ${schedules} schedules, even without the claim of the workflow`,
    { timeout },
    async () => {
      const totals = await playServed(github, { without: ['claim'] }, schedules);
      const { runs, requests, repeated } = totals;
      console.info(
        `${schedules} schedules: ${runs} runs, ${requests} requests of Kargo, ${repeated} of them after the answer that ends its promotion`,
      );
      expect(totals).toMatchObject({ ...right, runs: 3 * schedules });
      expect(repeated).toBeGreaterThan(schedules);
    },
  );

  it.each<readonly [Guard, string]>([
    ['expected commit', 'both servers hold the intent'],
    ['look-up', 'what was started is started again'],
  ])('but double without %s: %s', { timeout }, async (guard) => {
    const { doubledAttempts } = await playServed(github, { without: [guard, 'claim'] }, 60);
    expect(doubledAttempts).toBeGreaterThan(0);
  });

  it.each<Guard>(['expected commit', 'look-up'])(
    'of which without %s the claim of the workflow lets one build',
    { timeout },
    async (guard) => {
      const { doubledAttempts, exits } = await playServed(github, { without: [guard] }, 30);
      expect(exits).toBeGreaterThan(0);
      expect(doubledAttempts).toBe(0);
    },
  );
});
