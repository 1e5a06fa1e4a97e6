import { builderContract } from '@image-factory/testing/forges/builder-contract.ts';
import { FakeGithub } from '@image-factory/testing/forges/github.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGithub } from './github.ts';

const token = 'github_pat_0123456789';

function imageOn(branch: string | undefined) {
  return enrolment({
    name: 'app',
    source: { provider: 'github', repo: 'acme/app', branch, dockerfile: 'Dockerfile' },
  });
}

function contract(name: string, start: 'workflow_dispatch' | 'repository_dispatch', details = true): void {
  builderContract({
    name: `GitHub, ${name}`,
    image: imageOn(start === 'workflow_dispatch' ? 'main' : undefined),
    ...(start === 'workflow_dispatch' ? { refused: imageOn('gone') } : {}),
    secrets: [token],
    ...(details
      ? {}
      : {
          isProbe: ({ body }, reply) =>
            body.includes('return_run_details') && reply !== 'lost' && reply.status === 400,
        }),
    open(options) {
      const forge = new FakeGithub({ ...options, details });
      forge.add('acme/app');
      forge.tokens.set(token, { permissions: { actions: 'write', contents: 'write' } });
      return { forge, expire: () => forge.tokens.clear() };
    },
    builder({ url, clock }) {
      const settings = {
        url,
        token: undefined,
        ca: undefined,
        callBack: undefined,
        claims: true,
        app: undefined,
        start,
      };
      const api = createApi({ provider: 'github', url, ca: undefined, clock });
      const environment = { GITHUB_TOKEN: token };
      const secrets = createSecretSource({ baseDir: '/', environment });
      return {
        builder: createGithub({ settings, api, secrets, clock, environment }),
        close: () => api.close(),
      };
    },
  });
}

contract('a dispatch that answers with its run', 'workflow_dispatch');
contract('an Enterprise server that answers 400 to return_run_details', 'workflow_dispatch', false);
contract('repository_dispatch', 'repository_dispatch');
