import { addProblem, looksSecret, shown, within, type Scope } from './findings.ts';
import { nearest } from '../nearest.ts';
import type { SecretReference, WebhookCall, WebhookSettings, WebhookStatus } from './provider-settings.ts';
import type { ProvidersShape } from './providers-schema.ts';
import { hasControlCharacter } from './read-path.ts';
import { readSecret } from './read-secret.ts';
import { readLine } from './read-source.ts';
import { fillPlaces, isJsonBody, placesIn, placesOfCall } from './webhook-places.ts';

type WebhookShape = NonNullable<ProvidersShape['webhook']>;
type CallShape = NonNullable<WebhookShape['start']>;

/** The settings `providers.webhook`. */
export function readWebhook(shape: WebhookShape, scope: Scope): WebhookSettings | undefined {
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
  if (shape.start.method === 'GET') {
    addProblem(
      within(scope, 'start', 'method'),
      'CONFIG_INVALID_VALUE',
      'method GET cannot start a build: proxies and clients repeat it as they like',
      'Write POST; every CI system takes its start that way too.',
    );
  }
  const { sign } = shape;
  const key = sign && readSecret(sign.secret, within(scope, 'sign', 'secret'));
  if (sign?.header !== undefined)
    checkHeader(sign.header, sign.prefix ?? '', within(scope, 'sign', 'header'));
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
    start: readCall(shape.start, within(scope, 'start'), 'POST', 'start'),
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
    find: shape.find && {
      ...readCall(shape.find, within(scope, 'find'), 'GET', 'find'),
      items: readJsonPath(shape.find.items, within(scope, 'find', 'items')),
    },
    cancel: shape.cancel && readCall(shape.cancel, within(scope, 'cancel'), 'POST', 'cancel'),
    ca: readLine(shape.ca, scope, 'ca'),
    claims: shape.claims ?? false,
  };
}

function readStatus(shape: NonNullable<WebhookShape['status']>, scope: Scope): WebhookStatus {
  const path = (key: 'state' | 'digest' | 'link' | 'log' | 'items') =>
    readJsonPath(shape[key], within(scope, key));
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
    ...readCall(shape, scope, 'GET', 'status'),
    state: path('state') ?? '$.status',
    success: shape.success ?? [],
    failure: shape.failure ?? [],
    cancelled: shape.cancelled ?? [],
    superseded: shape.superseded ?? [],
    items: path('items'),
    digest: path('digest'),
    link: path('link'),
    log: path('log'),
  };
}

function readCall(
  shape: CallShape,
  scope: Scope,
  method: WebhookCall['method'],
  kind: 'start' | 'status' | 'find' | 'cancel',
): WebhookCall {
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
  checkCall(shape, scope, kind);
  return {
    url: readTemplate(shape.url, within(scope, 'url')),
    method: shape.method ?? method,
    headers: shape.headers ?? {},
    secretHeaders,
    body: shape.body,
  };
}

/** Every place must be one that this request knows, and what it makes must be something that can be sent. */
function checkCall(shape: CallShape, scope: Scope, kind: 'start' | 'status' | 'find' | 'cancel'): void {
  const { body, headers = {} } = shape;
  const known = placesOfCall(kind);
  checkPlaces(shape.url, within(scope, 'url'), known);
  checkPlaces(body, within(scope, 'body'), known);
  for (const [name, value] of Object.entries(headers)) {
    checkPlaces(value, within(scope, 'headers', name), known);
    checkHeader(name, value, within(scope, 'headers', name));
  }
  for (const [name, { prefix }] of Object.entries(shape.secretHeaders ?? {}))
    checkHeader(name, prefix ?? '', within(scope, 'secretHeaders', name));
  if (body === undefined || !isJsonBody(body, headers)) return;
  try {
    JSON.parse(fillPlaces(body, () => '1'));
  } catch {
    addProblem(
      within(scope, 'body'),
      'CONFIG_INVALID_VALUE',
      'body is not JSON once its places are filled',
      'Put each place between double quotes: { "image": "{{image}}" }; or set the content-type header to another type.',
    );
  }
}

function checkPlaces(template: string | undefined, scope: Scope, known: readonly string[]): void {
  for (const name of placesIn(template ?? '')) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    addProblem(
      scope,
      'CONFIG_INVALID_VALUE',
      `{{${name.slice(0, 60)}}} is not known here${near === undefined ? '' : `; did you mean {{${near}}}?`}`,
      `Known places: ${known.map((each) => `{{${each}}}`).join(', ')}.`,
    );
  }
}

/** RFC 9110, 5.1 and 5.5: a token as name, and no control characters in the value. */
function checkHeader(name: string, value: string, scope: Scope): void {
  if (/^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(name) && !hasControlCharacter(value)) return;
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `${shown(name)} is not a header that can be sent`,
    'Write a name without spaces, and one line of text as its value.',
    'key',
  );
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
