import { describe, expect, it } from 'vitest';
import { gitlabUnderTest } from './testing/test-provider-forges.ts';
import { githubUnderTest } from './testing/test-provider-github.ts';
import { playProvider, type ProviderUnderTest } from './testing/test-provider-schedules.ts';

const schedules = 150;
const right = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0, drifted: 0, failed: 0 };

describe('runs that people have run again, whatever is killed, lost or late', () => {
  it.each<[string, ProviderUnderTest]>([
    ['GitHub', githubUnderTest(true)],
    ['GitLab', gitlabUnderTest('inputs')],
  ])('%s never builds a key twice, and loses none', { timeout: 300_000 }, async (name, under) => {
    const totals = await playProvider(
      under,
      {
        retries: true,
        rounds: 4,
        outcome: ({ attempt, tries }) => (attempt === 1 && tries === 1 ? 'failure' : 'success'),
        calmHours: 14,
      },
      schedules,
    );
    console.info(
      `${name}: ${totals.retried} of ${totals.runs} runs were run again in ${schedules} schedules`,
    );
    expect(totals).toMatchObject(right);
    expect(totals.retried).toBeGreaterThan(schedules / 5);
  });
});
