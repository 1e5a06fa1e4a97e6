import { createHmac } from 'node:crypto';
import type { CallBack, CallBackReader } from '@image-factory/core/ports/call-back.ts';
import { idAt, textAt } from '../ci-http/fields.ts';
import {
  bodyOf,
  callBackReader,
  eventOf,
  isSameText,
  lookAt,
  nothing,
  notAuthentic,
  type CallBackOptions,
} from '../ci-runs/call-back.ts';

const provider = 'gitlab';
/** `CI_PIPELINE_SOURCE` of what an API token, a trigger token and a job token start. */
const started = ['api', 'trigger', 'pipeline'];
const signingToken = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
/** Standard Webhooks: a list with spaces between, so that a sender can change its key. */
const signatures = /^v\w{1,5},[\w+/=]{1,200}(?: v\w{1,5},[\w+/=]{1,200}){0,9}$/;

/**
 * The webhooks of a project or a group, by GitLab's documentation "Webhooks" and "Webhook events" (`Pipeline Hook`).
 * Two ways to prove it, and the secret itself says which: a secret token comes as it is in `X-Gitlab-Token`; a signing
 * token (`whsec_...`, gitlab-org/gitlab!230944) signs as Standard Webhooks do. With a signing token nothing else counts.
 *
 * The time that is signed along is not compared with ours: a call-back is as good when it is late, and one that is played
 * again only makes us ask again.
 */
export function createGitlabCallBacks(options: CallBackOptions): CallBackReader {
  return callBackReader(
    {
      provider,
      verify(callBack, secret) {
        const key = signingToken.exec(secret)?.[1];
        if (key === undefined) verifyToken(callBack, secret);
        else verifySigned(callBack, Buffer.from(key, 'base64'));
      },
      news(callBack) {
        const event = eventOf(provider, callBack, 'X-Gitlab-Event');
        if (event !== 'Pipeline Hook') return nothing(`${event}: only Pipeline Hook tells of pipelines`);
        const body = bodyOf(provider, callBack);
        const look = lookAt(provider, idAt(body, 'object_attributes', 'id'), 'object_attributes.id');
        return started.includes(textAt(body, 'object_attributes', 'source') ?? '')
          ? look
          : nothing('a pipeline that nobody started by the API');
      },
    },
    options,
  );
}

function verifyToken({ headers }: CallBack, secret: string): void {
  const given = headers.get('x-gitlab-token');
  if (given === undefined) throw notAuthentic(provider, 'it has no header X-Gitlab-Token');
  if (!isSameText(given, secret)) throw notAuthentic(provider, 'X-Gitlab-Token is not the secret token');
}

/** standard-webhooks, "Signature scheme": `v1,` and base64 of the HMAC-SHA256 of id, time and body with dots between. */
function verifySigned({ headers, body }: CallBack, key: Buffer): void {
  const id = headers.get('webhook-id') ?? '';
  const time = headers.get('webhook-timestamp') ?? '';
  const given = headers.get('webhook-signature') ?? '';
  if (!/^[\x21-\x7e]{1,200}$/.test(id) || !/^\d{1,20}$/.test(time) || !signatures.test(given))
    throw notAuthentic(
      provider,
      'webhook-id, webhook-timestamp and webhook-signature are not all there, or not once',
    );
  const expected = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest();
  const right = `v1,${expected.toString('base64')}`;
  const matches = given.split(' ').filter((each) => isSameText(each, right));
  if (matches.length === 0)
    throw notAuthentic(provider, 'no signature in webhook-signature is that of its body');
}
