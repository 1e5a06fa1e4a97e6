import { ChangeRequests } from '@image-factory/testing/forges/change-requests.ts';
import { exchangeOver } from '@image-factory/testing/forges/fake-forge.ts';
import { giteaRequests } from '@image-factory/testing/forges/gitea-requests.ts';
import { requestsContract, secretToken } from '@image-factory/testing/forges/requests-contract.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGiteaRequests } from './pull-requests.ts';

for (const provider of ['gitea', 'forgejo'] as const) {
  requestsContract(provider, (more) => {
    let now = Date.UTC(2026, 0, 1);
    const clock = { now: () => now, monotonic: () => now, sleep: async (time: number) => void (now += time) };
    const store = new ChangeRequests({ repo: 'acme/app', token: secretToken, random: () => 0.5, ...more });
    const settings = {
      url: 'https://git.example',
      token: undefined,
      ca: undefined,
      callBack: undefined,
      claims: true,
    };
    const handle = giteaRequests(store, provider === 'gitea' ? 50 : 20);
    const exchange = exchangeOver(handle, { now: () => now, at: async () => undefined });
    const api = createApi({
      provider,
      url: settings.url,
      ca: undefined,
      clock,
      exchange,
    });
    const environment = { GITEA_TOKEN: secretToken, FORGEJO_TOKEN: secretToken };
    const secrets = createSecretSource({ baseDir: '/', environment });
    const image = enrolment({ source: { provider, repo: 'acme/app' } });
    return {
      requests: createGiteaRequests({ provider, settings, api, secrets, clock }),
      store,
      image,
      elsewhere: { ...image, source: { ...image.source, repo: 'https://evil.example/acme/app' } },
    };
  });
}
