import { addProblem, within, type Scope } from './findings.ts';
import {
  defaultProviders,
  type GiteaSettings,
  type GithubSettings,
  type ProviderSettings,
} from './provider-settings.ts';
import type { ProvidersShape } from './providers-schema.ts';
import { readAddress } from './read-address.ts';
import { readOwnSecret, readSecret } from './read-secret.ts';
import { readLine } from './read-source.ts';
import { readWebhook } from './read-webhook.ts';

type Shapes = { [K in keyof ProvidersShape]-?: NonNullable<ProvidersShape[K]> };
type ForgeShape = Shapes['gitea'];

/** The settings `providers` of factory.yaml, with the public addresses for what it does not say. */
export function readProviders(shape: ProvidersShape | undefined, scope: Scope): ProviderSettings {
  return {
    github: shape?.github ? readGithub(shape.github, within(scope, 'github')) : defaultProviders.github,
    gitlab: shape?.gitlab
      ? {
          ...readForge(shape.gitlab, within(scope, 'gitlab'), defaultProviders.gitlab.url),
          triggerToken: readSecret(shape.gitlab.triggerToken, within(scope, 'gitlab', 'triggerToken')),
          start: shape.gitlab.start ?? defaultProviders.gitlab.start,
        }
      : defaultProviders.gitlab,
    gitea: shape?.gitea && readForge(shape.gitea, within(scope, 'gitea'), undefined),
    forgejo: shape?.forgejo && readForge(shape.forgejo, within(scope, 'forgejo'), undefined),
    webhook: shape?.webhook && readWebhook(shape.webhook, within(scope, 'webhook')),
  };
}

function readForge(shape: ForgeShape, scope: Scope, usual: string | undefined): GiteaSettings {
  return {
    url: readAddress(shape.url, within(scope, 'url'), usual),
    token: readSecret(shape.token, within(scope, 'token')),
    ca: readLine(shape.ca, scope, 'ca'),
    claims: shape.claims ?? true,
    callBack: readOwnSecret(shape.callBack, within(scope, 'callBack')),
  };
}

function readGithub(shape: Shapes['github'], scope: Scope): GithubSettings {
  const forge = readForge(shape, scope, defaultProviders.github.url);
  return { ...forge, app: readApp(shape, scope), start: shape.start ?? defaultProviders.github.start };
}

function readApp({ app, token }: Shapes['github'], scope: Scope): GithubSettings['app'] {
  if (!app) return undefined;
  const here = within(scope, 'app');
  if (token) {
    addProblem(
      here,
      'CONFIG_CONFLICT',
      'providers.github has both a token and an app',
      'Keep one of the two; an App is the safer one.',
      'key',
    );
  }
  const privateKey = readSecret(app.privateKey, within(here, 'privateKey'));
  if (app.id === undefined || !privateKey) {
    addProblem(
      here,
      'CONFIG_CONFLICT',
      'providers.github.app needs id and privateKey',
      'Example: app: { id: 12345, privateKey: { file: /run/secrets/app.pem } }.',
      'key',
    );
    return undefined;
  }
  return { id: String(app.id), installation: app.installation, privateKey };
}
