import { expect, it } from 'vitest';
import { githubUnderTest } from './testing/test-provider-github.ts';
import { playProvider } from './testing/test-provider-schedules.ts';

it.each([
  ['a GitHub that does not say which run it created', githubUnderTest(false), 200],
  ['a GitHub that is told by events of the repository', githubUnderTest(true, 'repository_dispatch'), 100],
] as const)(
  '%s builds every key once, in as many schedules',
  { timeout: 120_000 },
  async (_name, under, count) => {
    expect(await playProvider(under, {}, count)).toMatchObject({
      doubled: 0,
      doubledAttempts: 0,
      missing: 0,
      stuck: 0,
      drifted: 0,
      broken: 0,
      failed: 0,
    });
  },
);
