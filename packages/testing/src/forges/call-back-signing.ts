import { createHmac } from 'node:crypto';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { CallBack } from '@image-factory/core/ports/call-back.ts';

export interface SentCallBack extends CallBack {
  readonly provider: Provider;
}

/** What a forge sends, before it is signed. */
export interface CallBackDraft {
  readonly provider: Provider;
  readonly event: string;
  /** Bytes are sent as they are, anything else as JSON. */
  readonly payload: unknown;
  readonly secret: string;
  /** One for each delivery; it stays the same when a delivery is sent again. */
  readonly delivery: string;
}

/** The header of the generic webhook's signature, after `sha256=`. */
export const webhookSignatureHeader = 'X-Factory-Signature';

/** Signs as each of them does, and with every header that it sends, the misleading ones too. */
export function signed(draft: CallBackDraft): SentCallBack {
  const { provider, payload } = draft;
  const pretty = provider === 'gitea' || provider === 'forgejo';
  const body =
    payload instanceof Uint8Array
      ? payload
      : new TextEncoder().encode(JSON.stringify(payload, undefined, pretty ? 2 : undefined));
  const headers = new Map(
    Object.entries({ 'content-type': 'application/json', ...headersOf(draft, body) }).map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    ),
  );
  return { provider, headers, body };
}

function headersOf(
  { provider, event, secret, delivery }: CallBackDraft,
  body: Uint8Array,
): Readonly<Record<string, string>> {
  const hex = (algorithm: string): string => createHmac(algorithm, secret).update(body).digest('hex');
  const hub = {
    'X-GitHub-Event': event,
    'X-GitHub-Delivery': delivery,
    'X-Hub-Signature': `sha1=${hex('sha1')}`,
    'X-Hub-Signature-256': `sha256=${hex('sha256')}`,
  };
  const named = (name: string): Readonly<Record<string, string>> => ({
    [`X-${name}-Event`]: event,
    [`X-${name}-Delivery`]: delivery,
    [`X-${name}-Signature`]: hex('sha256'),
  });
  switch (provider) {
    case 'github':
      return hub;
    case 'gitlab':
      return { 'X-Gitlab-Event': event, 'Idempotency-Key': delivery, ...gitlabProof(secret, delivery, body) };
    case 'gitea':
      return { ...hub, ...named('Gitea'), ...named('Gogs') };
    case 'forgejo':
      return { ...hub, ...named('Forgejo'), ...named('Gitea'), ...named('Gogs') };
    default:
      return { [webhookSignatureHeader]: `sha256=${hex('sha256')}` };
  }
}

/** A secret token as it is, or the signature of a signing token. */
function gitlabProof(secret: string, id: string, body: Uint8Array): Readonly<Record<string, string>> {
  if (!secret.startsWith('whsec_')) return { 'X-Gitlab-Token': secret };
  const time = '1767268800';
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const base64 = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${base64}` };
}
