import { builderContract } from '@image-factory/testing/forges/builder-contract.ts';
import { fakeGitea, type FakeGiteaOptions } from '@image-factory/testing/forges/gitea.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createGitea } from './create-gitea.ts';

const token = '0123456789abcdef0123456789abcdef01234567';
const repo = 'acme/images';

function imageOn(provider: 'gitea' | 'forgejo', branch: string | undefined) {
  return enrolment({
    name: 'app',
    source: { provider, repo, branch, dockerfile: 'Dockerfile', workflow: 'image.yml' },
  });
}

function contract(
  name: string,
  provider: 'gitea' | 'forgejo',
  variant: Partial<FakeGiteaOptions> & { readonly branch?: string | undefined },
): void {
  const { branch, ...fake } = variant;
  builderContract({
    name: `${provider}, ${name}`,
    image: imageOn(provider, branch),
    refused: imageOn(provider, 'gone'),
    secrets: [token],
    without: fake.cancels === false ? ['cancel'] : [],
    open(options) {
      const forge = fakeGitea({ ...options, dialect: provider, repo, workflow: 'image.yml', token, ...fake });
      return {
        forge,
        mistakes: forge.mistakes,
        expire() {
          forge.expired = true;
        },
      };
    },
    builder({ url, clock }) {
      const settings = { url, token: undefined, ca: undefined, callBack: undefined, claims: true };
      const api = createApi({ provider, url, ca: undefined, clock });
      const name = provider === 'gitea' ? 'GITEA_TOKEN' : 'FORGEJO_TOKEN';
      const secrets = createSecretSource({ baseDir: '/', environment: { [name]: token } });
      return {
        builder: createGitea({ provider, settings, api, secrets, clock }),
        close: () => api.close(),
      };
    },
  });
}

contract('a dispatch that answers with its run', 'gitea', { branch: 'main' });
contract('a dispatch that answers 204, the default branch', 'gitea', { details: false, cancels: false });
contract('pages of two runs', 'gitea', { branch: 'main', largestPage: 2 });
contract('a dispatch that answers with its run', 'forgejo', { branch: 'main' });
contract('a dispatch that answers 204, run titles', 'forgejo', {
  details: false,
  cancels: false,
  titles: true,
});
