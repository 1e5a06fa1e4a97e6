import { addProblem, looksSecret, shown, within, type Scope } from './findings.ts';
import { nearest } from '../nearest.ts';
import type { SecretReference, WebhookCall, WebhookSettings, WebhookStatus } from './provider-settings.ts';
import type { ProvidersShape } from './providers-schema.ts';
import { readCallBack, readSignature } from './read-call-back.ts';
import { readSecret } from './read-secret.ts';
import { readLine } from './read-source.ts';
import { checkHeader, readJsonPath, readTold } from './webhook-parts.ts';
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
  return {
    start: readCall(shape.start, within(scope, 'start'), 'POST', 'start'),
    sign: shape.sign && readSignature(shape.sign, within(scope, 'sign')),
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
    callBack: shape.callBack && readCallBack(shape.callBack, within(scope, 'callBack')),
    ca: readLine(shape.ca, scope, 'ca'),
    claims: shape.claims ?? false,
  };
}

function readStatus(shape: NonNullable<WebhookShape['status']>, scope: Scope): WebhookStatus {
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
    ...readTold(shape, scope),
    items: readJsonPath(shape.items, within(scope, 'items')),
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
