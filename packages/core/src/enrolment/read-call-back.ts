import { addProblem, within, type Scope } from './findings.ts';
import type { BodySignature, WebhookCallBack } from './provider-settings.ts';
import type { ProvidersShape } from './providers-schema.ts';
import { readOwnSecret, readSecret } from './read-secret.ts';
import { checkHeader, readJsonPath, readTold } from './webhook-parts.ts';

type WebhookShape = NonNullable<ProvidersShape['webhook']>;

/** The settings `providers.webhook.callBack`; undefined where nothing could be believed that comes in. */
export function readCallBack(
  shape: NonNullable<WebhookShape['callBack']>,
  scope: Scope,
): WebhookCallBack | undefined {
  if (!shape.sign || shape.state === undefined || !shape.success?.length) {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      'callBack needs sign, state and success',
      'Example: callBack: { sign: { header: X-Signature-256, secret: { env: CI_CALL_BACK_KEY } }, state: $.status, success: [success], failure: [failed] }.',
      'key',
    );
    return undefined;
  }
  const sign = readSignature(shape.sign, within(scope, 'sign'), readOwnSecret);
  return (
    sign && {
      ...readTold(shape, scope),
      sign,
      key: readJsonPath(shape.key, within(scope, 'key')) ?? '$.key',
      attempt: readJsonPath(shape.attempt, within(scope, 'attempt')) ?? '$.attempt',
    }
  );
}

export function readSignature(
  shape: NonNullable<WebhookShape['sign']>,
  scope: Scope,
  read = readSecret,
): BodySignature | undefined {
  const { header, algorithm = 'sha256', prefix = '' } = shape;
  const secret = read(shape.secret, within(scope, 'secret'));
  if (header !== undefined) checkHeader(header, prefix, within(scope, 'header'));
  if (header !== undefined && secret) return { header, secret, algorithm, prefix };
  addProblem(
    scope,
    'CONFIG_CONFLICT',
    'sign needs header and secret',
    'Example: sign: { header: X-Signature-256, secret: { env: CI_HMAC_KEY } }.',
    'key',
  );
  return undefined;
}
