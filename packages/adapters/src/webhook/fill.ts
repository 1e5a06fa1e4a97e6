import { createHmac } from 'node:crypto';
import type { WebhookCall, WebhookSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import { fillPlaces, isJsonBody } from '@image-factory/core/enrolment/webhook-places.ts';

export type Places = ReadonlyMap<string, string>;

/** A request that is ready to be sent, but for its secret headers. */
export interface FilledCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/**
 * Puts values into their places, each encoded for where it stands: percent-encoded in the address and in form bodies,
 * escaped as a JSON string in JSON bodies. The failure is a sentence: a header would be cut in two by a line break.
 */
export function fillCall(call: WebhookCall, places: Places): FilledCall | { readonly mistake: string } {
  const valueOf = (name: string): string => places.get(name) ?? '';
  const headers: Record<string, string> = {};
  for (const [name, template] of Object.entries(call.headers)) {
    const value = fillPlaces(template, valueOf);
    // Latin-1 is all that a header carries (RFC 9110, 5.5).
    if (/[^\t\x20-\x7e\xa0-\xff]/.test(value))
      return { mistake: `the header ${name} would hold a control character, or one that no header carries` };
    headers[name] = value;
  }
  const url = fillPlaces(call.url, (name) => encodeURIComponent(valueOf(name)));
  if (call.body === undefined) return { url, headers, body: undefined };
  const json = isJsonBody(call.body, call.headers);
  const type = Object.entries(call.headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const isForm = type !== undefined && /x-www-form-urlencoded/i.test(type);
  const body = fillPlaces(call.body, (name) => {
    const value = valueOf(name);
    if (json) return JSON.stringify(value).slice(1, -1);
    return isForm ? encodeURIComponent(value) : value;
  });
  return {
    url,
    headers: type === undefined && json ? { ...headers, 'content-type': 'application/json' } : headers,
    body,
  };
}

/** The header that proves to the receiver that the body is ours. */
export function signatureOf(
  sign: NonNullable<WebhookSettings['sign']>,
  key: string,
  body: string,
): Readonly<Record<string, string>> {
  const hex = createHmac(sign.algorithm, key).update(body).digest('hex');
  return { [sign.header]: sign.prefix + hex };
}
