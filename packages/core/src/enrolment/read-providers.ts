import { addProblem, looksSecret, shown, within, type Scope } from './findings.ts';
import {
  defaultProviders,
  type GiteaSettings,
  type GithubSettings,
  type ProviderSettings,
  type SecretReference,
  type WebhookCall,
  type WebhookSettings,
  type WebhookStatus,
} from './provider-settings.ts';
import type { ProvidersShape } from './providers-schema.ts';
import { hasControlCharacter } from './read-path.ts';
import { readLine } from './read-source.ts';

type Shapes = { [K in keyof ProvidersShape]-?: NonNullable<ProvidersShape[K]> };
type ForgeShape = Shapes['gitea'];
type SecretShape = ForgeShape['token'];
type CallShape = NonNullable<Shapes['webhook']['start']>;

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

/** An http(s) address without user, query and fragment; a slash at its end is dropped. */
function readAddress(written: string | undefined, scope: Scope, usual: string | undefined): string {
  if (written === undefined) {
    if (usual !== undefined) return usual;
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'url is missing: this provider has no public address',
      'Example: url: https://git.example.com.',
      'key',
    );
    return 'https://invalid';
  }
  const isAddress = /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/i.test(written) && !looksSecret(written);
  if (!isAddress) {
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `url ${shown(written)} is not an address of a server`,
      'Write https://host or https://host/path, without a user name and without a query.',
    );
    return 'https://invalid';
  }
  return written.replace(/\/+$/, '');
}

function readSecret(shape: SecretShape, scope: Scope): SecretReference | undefined {
  if (!shape) return undefined;
  const said = (['env', 'file', 'gitCredential'] as const).filter(
    (key) => shape[key] !== undefined && shape[key] !== false,
  );
  if (said.length !== 1) {
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `a secret is named by exactly one of env, file and gitCredential; got ${said.length === 0 ? 'none' : said.join(' and ')}`,
      'Example: token: { env: FACTORY_TOKEN }.',
    );
    return undefined;
  }
  if (said[0] === 'gitCredential') return { kind: 'git-credential' };
  if (said[0] === 'file') {
    const path = shape.file ?? '';
    if (path !== '' && path.length <= 4096 && !hasControlCharacter(path) && !looksSecret(path))
      return { kind: 'file', path };
    addProblem(
      within(scope, 'file'),
      'CONFIG_INVALID_VALUE',
      'file is not a path',
      'Write the path of a file that holds the secret, never the secret itself.',
    );
    return undefined;
  }
  const name = shape.env ?? '';
  const isName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name);
  if (isName && !looksSecret(name) && !/^[0-9a-fA-F]{32,}$/.test(name)) return { kind: 'env', name };
  // What stands here may be the secret itself: it is not repeated.
  addProblem(
    within(scope, 'env'),
    'CONFIG_INVALID_VALUE',
    'env is not the name of an environment variable',
    'Write the name of the variable, never the secret; replace the secret if it was committed here.',
  );
  return undefined;
}

function readWebhook(shape: Shapes['webhook'], scope: Scope): WebhookSettings | undefined {
  if (!shape.start) {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'providers.webhook has no start',
      'Say which request starts a build: start: { url: https://ci.example.com/... }.',
      'key',
    );
    return undefined;
  }
  const { sign } = shape;
  const key = sign && readSecret(sign.secret, within(scope, 'sign', 'secret'));
  if (sign && (sign.header === undefined || !key)) {
    addProblem(
      within(scope, 'sign'),
      'CONFIG_CONFLICT',
      'sign needs header and secret',
      'Example: sign: { header: X-Signature-256, secret: { env: CI_HMAC_KEY } }.',
      'key',
    );
  }
  return {
    start: readCall(shape.start, within(scope, 'start'), 'POST'),
    sign:
      sign?.header !== undefined && key
        ? {
            header: sign.header,
            secret: key,
            algorithm: sign.algorithm ?? 'sha256',
            prefix: sign.prefix ?? '',
          }
        : undefined,
    run: shape.run && {
      path: readJsonPath(shape.run.path, within(scope, 'run', 'path')),
      header: readLine(shape.run.header, within(scope, 'run'), 'header'),
    },
    status: shape.status && readStatus(shape.status, within(scope, 'status')),
    find: shape.find && readCall(shape.find, within(scope, 'find'), 'GET'),
    cancel: shape.cancel && readCall(shape.cancel, within(scope, 'cancel'), 'POST'),
    ca: readLine(shape.ca, scope, 'ca'),
    claims: shape.claims ?? false,
  };
}

function readStatus(shape: NonNullable<Shapes['webhook']['status']>, scope: Scope): WebhookStatus {
  const path = (key: 'state' | 'digest' | 'link' | 'log') => readJsonPath(shape[key], within(scope, key));
  if (shape.state === undefined || !shape.success?.length) {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'status needs state and success',
      'Example: status: { url: ..., state: $.result, success: [SUCCESS], failure: [FAILURE] }.',
      'key',
    );
  }
  return {
    ...readCall(shape, scope, 'GET'),
    state: path('state') ?? '$.status',
    success: shape.success ?? [],
    failure: shape.failure ?? [],
    cancelled: shape.cancelled ?? [],
    digest: path('digest'),
    link: path('link'),
    log: path('log'),
  };
}

function readCall(shape: CallShape, scope: Scope, method: WebhookCall['method']): WebhookCall {
  const secretHeaders: Record<string, { secret: SecretReference; prefix: string }> = {};
  for (const [name, header] of Object.entries(shape.secretHeaders ?? {})) {
    const secret = readSecret(header.secret, within(scope, 'secretHeaders', name, 'secret'));
    if (secret) secretHeaders[name] = { secret, prefix: header.prefix ?? '' };
  }
  for (const [name, value] of Object.entries(shape.headers ?? {})) {
    if (!looksSecret(value) && !/^(authorization|private-token|cookie)$/i.test(name)) continue;
    addProblem(
      within(scope, 'headers', name),
      'CONFIG_INVALID_VALUE',
      `the header ${shown(name)} holds a credential`,
      'Name the secret under secretHeaders, and replace it if the file was committed.',
      'key',
    );
  }
  return {
    url: readTemplate(shape.url, within(scope, 'url')),
    method: shape.method ?? method,
    headers: shape.headers ?? {},
    secretHeaders,
    body: shape.body,
  };
}

/** The host must be written out: what fills a place must not choose who is asked. */
function readTemplate(written: string | undefined, scope: Scope): string {
  if (
    written !== undefined &&
    /^https?:\/\/[^\s/?#@{}]+(?:[/?][^\s#]*)?$/i.test(written) &&
    !looksSecret(written)
  )
    return written;
  addProblem(
    scope,
    written === undefined ? 'CONFIG_CONFLICT' : 'CONFIG_INVALID_VALUE',
    written === undefined ? 'url is missing' : `url ${shown(written)} is not an address`,
    'Write https://host/path; places such as {{image}} stand behind the host only, and secrets under secretHeaders.',
  );
  return 'https://invalid';
}

/** `$.a.b[0]`: names and numbers only. */
function readJsonPath(written: string | undefined, scope: Scope): string | undefined {
  if (written === undefined || /^\$(?:\.[\w-]{1,100}|\[\d{1,4}\]){1,20}$/.test(written)) return written;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `${shown(written)} is not a JSON path`,
    'Write names and list positions: $.run.id, $.items[0].state.',
  );
  return undefined;
}
