import { defaultProviders } from '@image-factory/core/enrolment/provider-settings.ts';
import { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { exchangeOver } from '@image-factory/testing/forges/fake-forge.ts';
import { gitlabRequests } from '@image-factory/testing/forges/gitlab-requests.ts';
import { requestsContract, secretToken } from '@image-factory/testing/forges/requests-contract.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGitlabRequests } from './merge-requests.ts';

requestsContract('gitlab below a path', (more) => {
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, monotonic: () => now, sleep: async (time: number) => void (now += time) };
  const store = new ChangeRequests({ repo: 'group/sub/app', token: secretToken, random: () => 0.5, ...more });
  const settings = { ...defaultProviders.gitlab, url: 'https://git.example/gitlab' };
  const exchange = exchangeOver(gitlabRequests(store, '/gitlab'), {
    now: () => now,
    at: async () => undefined,
  });
  const api = createApi({ provider: 'gitlab', url: settings.url, ca: undefined, clock, exchange });
  const secrets = createSecretSource({ baseDir: '/', environment: { GITLAB_TOKEN: secretToken } });
  const image = enrolment({ source: { provider: 'gitlab', repo: 'group/sub/app' } });
  return {
    requests: createGitlabRequests({ settings, api, secrets, clock }),
    store,
    image,
    elsewhere: { ...image, source: { ...image.source, repo: 'https://evil.example/group/app' } },
  };
});
