import { hour, minute } from '@image-factory/core/time.ts';
import type { CallBackFaults } from '@image-factory/testing/forges/call-back-post.ts';
import { describe, expect, it } from 'vitest';
import { tellingWebhookUnderTest } from './testing/test-provider-forges.ts';
import { githubUnderTest } from './testing/test-provider-github.ts';
import { playProvider, type ProviderSetting, type Totals } from './testing/test-provider-schedules.ts';

const right = { doubled: 0, doubledAttempts: 0, missing: 0, stuck: 0, drifted: 0, failed: 0 };
const timeout = 120_000;

/** Call-backs as they are on a bad day: one in five comes up to two hours late, and one in five never. */
const badWay: Partial<CallBackFaults> = { doubled: 0.3, late: 0.2, lateness: 2 * hour, lost: 0.2 };

function told(what: string, count: number, totals: Totals): void {
  const { doubled, missing, runs, exits, reports, early, late, woken } = totals;
  console.info(
    `${what}: of ${count} schedules ${doubled} build a key more than once, ${missing} lose a build; ` +
      `${runs} runs, ${exits} of them left because of the claim; ${reports} reports (${early} before the run was ` +
      `recorded, ${late} after its rebuild was over), ${totals.repeated} doubled, ${totals.lost} lost; ${woken} cycles begun by a call-back`,
  );
}

describe('a webhook that cannot be asked, whose runs tell by call-backs how they ended', () => {
  // A start that comes to nothing keeps its key until limits.runTimeout.
  const calm = { calmHours: 26, callBacks: badWay };
  const startedAgain: ProviderSetting = {
    ...calm,
    callBacks: { doubled: 0.3 },
    buildTime: 2 * hour,
    rounds: 6,
    happens: () => 'kill',
    faults: { lostAnswers: 0.9, failsAfterAccept: 0, silentDrops: 0, throttled: 0 },
  };
  const variants: readonly (readonly [string, number, ProviderSetting])[] = [
    ['call-backs doubled, in any order, late and lost', 200, calm],
    [
      'creates that come half an hour late',
      40,
      { ...calm, lateness: 40 * minute, faults: { lostAnswers: 0.6 } },
    ],
    ['second starts that leave at once and say so, while the first one builds for hours', 40, startedAgain],
    ['no call-back at all', 40, { ...calm, callBacks: { lost: 1 } }],
  ];

  it.each(variants)('builds every key once with %s', { timeout }, async (what, count, setting) => {
    const totals = await playProvider(tellingWebhookUnderTest, setting, count);
    told(what, count, totals);
    expect(totals).toMatchObject(right);
    if (setting === startedAgain) expect(totals.exits).toBeGreaterThan(count / 2);
    if (setting !== calm) return;
    const { early, late, repeated, lost } = totals;
    expect(Math.min(early, late, repeated, lost)).toBeGreaterThan(count / 4);
  });
});

it('GitHub builds every key once where its call-backs begin cycles', { timeout }, async () => {
  const under = githubUnderTest(true, 'workflow_dispatch', true);
  const totals = await playProvider(under, { callBacks: badWay }, 200);
  told('GitHub that tells', 200, totals);
  expect(totals).toMatchObject({ ...right, broken: 0 });
  expect(totals.woken).toBeGreaterThan(200);
});
