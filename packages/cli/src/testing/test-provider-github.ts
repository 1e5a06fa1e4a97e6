import { createApi } from '@image-factory/adapters/ci-http/api.ts';
import { createGithubCallBacks } from '@image-factory/adapters/github/call-back.ts';
import { createGithub } from '@image-factory/adapters/github/github.ts';
import { createSecretSource } from '@image-factory/adapters/secrets/secret-source.ts';
import { defaultProviders, type GithubSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import { FakeGithub } from '@image-factory/testing/forges/github.ts';
import type { ProviderUnderTest } from './test-provider-schedules.ts';

const token = 'github_pat_test';

const secret = 'webhook-secret-of-a-test';

/** GitHub, with or without run details, or with the events of a repository; it may tell of its runs by itself. */
export function githubUnderTest(
  details: boolean,
  start: GithubSettings['start'] = 'workflow_dispatch',
  tells = false,
): ProviderUnderTest {
  const settings = { ...defaultProviders.github, start };
  const environment = { GITHUB_TOKEN: token };
  return {
    provider: 'github',
    repo: 'acme/app',
    ...(tells
      ? { callBacks: { secret, reader: createGithubCallBacks({ secret: async () => secret }) } }
      : {}),
    forge(surroundings) {
      const forge = new FakeGithub({ ...surroundings, details });
      forge.add('acme/app');
      forge.tokens.set(token, { permissions: { actions: 'write', contents: 'write' } });
      return forge;
    },
    builder({ exchange, clock, random, startWithin }) {
      const api = createApi({
        provider: 'github',
        url: settings.url,
        ca: undefined,
        clock,
        random,
        exchange,
      });
      const secrets = createSecretSource({ baseDir: '/nowhere', environment });
      return createGithub({
        settings,
        api,
        secrets,
        clock,
        environment,
        ...(startWithin === undefined ? {} : { startWithin }),
      });
    },
  };
}
