import { defaultProviders } from '@image-factory/core/enrolment/provider-settings.ts';
import { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { exchangeOver } from '@image-factory/testing/forges/fake-forge.ts';
import { githubRequests } from '@image-factory/testing/forges/github-requests.ts';
import { requestsContract, secretToken } from '@image-factory/testing/forges/requests-contract.ts';
import { checkedAgainstDescription } from '@image-factory/testing/forges/test-github-checked.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { expect, it } from 'vitest';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGithubRequests } from './pull-requests.ts';

const mistakes: string[][] = [];
const seen: Set<string>[] = [];

requestsContract('github', (more) => {
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, monotonic: () => now, sleep: async (time: number) => void (now += time) };
  const store = new ChangeRequests({ repo: 'acme/app', token: secretToken, random: () => 0.5, ...more });
  const checked = checkedAgainstDescription(githubRequests(store));
  mistakes.push(checked.mistakes);
  seen.push(checked.seen);
  const settings = defaultProviders.github;
  const exchange = exchangeOver(checked.handle, { now: () => now, at: async () => undefined });
  const environment = { GITHUB_TOKEN: secretToken };
  const api = createApi({ provider: 'github', url: settings.url, ca: undefined, clock, exchange });
  const secrets = createSecretSource({ baseDir: '/', environment });
  const image = enrolment({ source: { provider: 'github', repo: 'acme/app' } });
  return {
    requests: createGithubRequests({ settings, api, secrets, clock, environment }),
    store,
    image,
    elsewhere: { ...image, source: { ...image.source, repo: 'https://evil.example/acme/app' } },
  };
});

it('was asked and answered as GitHub describes it', () => {
  expect(mistakes.flat()).toStrictEqual([]);
  const operations = new Set(seen.flatMap((each) => [...each]).filter((each) => / 20\d$/.test(each)));
  expect(operations.size).toBe(4);
});
