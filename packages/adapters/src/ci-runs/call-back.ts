import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { BodySignature } from '@image-factory/core/enrolment/provider-settings.ts';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { CallBack, CallBackNews, CallBackReader } from '@image-factory/core/ports/call-back.ts';
import { FactoryError } from '@image-factory/core/problem.ts';

/** What readers are made with. */
export interface CallBackOptions {
  /** Asked anew for every call-back, so that a secret that was changed counts at once. Throws CREDENTIALS. */
  readonly secret: () => Promise<string>;
}

/** How one outside system proves and words its call-backs. */
export interface CallBackDialect {
  readonly provider: Provider;
  /** Over the very bytes; throws CALL_BACK_REFUSED. Nothing of the body has been looked at before. */
  verify(callBack: CallBack, secret: string): void;
  /** Throws CALL_BACK_INVALID. */
  news(callBack: CallBack): CallBackNews;
}

/** Forges send some 20 to 50 KiB about a run; GitHub never more than 25 MiB about anything. */
const largestBody = 4 * 1024 * 1024;
/** The deepest of theirs has less than ten levels. */
const deepest = 60;

/** Believes first, and reads only then. */
export function callBackReader(
  { provider, verify, news }: CallBackDialect,
  { secret }: CallBackOptions,
): CallBackReader {
  return {
    provider,
    async read(callBack) {
      if (callBack.body.byteLength > largestBody)
        throw notUnderstood(
          provider,
          `it has ${callBack.body.byteLength} bytes, expected at most ${largestBody}`,
        );
      verify(callBack, await readSecret(provider, secret));
      return news(callBack);
    },
  };
}

async function readSecret(provider: Provider, secret: () => Promise<string>): Promise<string> {
  let text = '';
  try {
    text = await secret();
  } catch (cause) {
    throw withoutSecret(provider, cause);
  }
  // A HMAC with an empty key is one that anybody can make.
  if (text === '') throw withoutSecret(provider);
  return text;
}

function withoutSecret(provider: Provider, cause?: unknown): FactoryError {
  return new FactoryError(
    {
      code: 'CREDENTIALS',
      message: `a call-back of ${provider} cannot be checked: ${cause instanceof FactoryError ? cause.message : 'its secret could not be read'}`,
      hint: `Look where providers.${provider}.callBack in factory.yaml says that it is.`,
    },
    cause === undefined ? {} : { cause },
  );
}

/** Neither the secret nor what was sent instead of a signature may stand in `why`. */
export function notAuthentic(provider: Provider, why: string): FactoryError {
  return new FactoryError({
    code: 'CALL_BACK_REFUSED',
    message: `a call-back of ${provider} is not believed: ${why}`,
    hint: 'Write the same secret at the webhook there and where factory.yaml says that it is here.',
  });
}

export function notUnderstood(provider: Provider, why: string, hint?: string): FactoryError {
  return new FactoryError({
    code: 'CALL_BACK_INVALID',
    message: `a call-back of ${provider} cannot be understood: ${why}`,
    hint: hint ?? `Compare the webhook with the section "Call-backs" of docs/providers/${provider}.md.`,
  });
}

/**
 * The HMAC of the body, as hex digits behind a prefix. A header that was sent twice reaches us as one with a comma in it,
 * which has not the form of any signature.
 */
export function verifyBody(
  provider: Provider,
  { headers, body }: CallBack,
  { header, prefix, algorithm }: Pick<BodySignature, 'header' | 'prefix' | 'algorithm'>,
  secret: string,
): void {
  const given = headers.get(header.toLowerCase());
  if (given === undefined || given === '') throw notAuthentic(provider, `it has no header ${header}`);
  const expected = createHmac(algorithm, secret).update(body).digest();
  const digits = given.startsWith(prefix) ? given.slice(prefix.length) : '';
  if (digits.length !== expected.length * 2 || !/^[0-9a-f]+$/i.test(digits))
    throw notAuthentic(provider, `the header ${header} does not have the form of a signature`);
  if (!timingSafeEqual(Buffer.from(digits, 'hex'), expected))
    throw notAuthentic(provider, `the signature in ${header} is not that of its body`);
}

/** Without telling by its time how much of them is equal, nor how long the secret is. */
export function isSameText(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}

/** The JSON object that the body is. */
export function bodyOf(provider: Provider, { body }: CallBack): unknown {
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    if (!isDeep(text)) value = JSON.parse(text) as unknown;
  } catch {
    // Said below, in our words: those of the parser quote the body.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw notUnderstood(
    provider,
    'its body is not a JSON object of usual depth',
    'Set the content type of the webhook to application/json.',
  );
}

/** More brackets open at once than anything about a run has. */
function isDeep(text: string): boolean {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (inText) {
      if (char === '\\') index++;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    if (depth > deepest) return true;
  }
  return false;
}

/** The name of an event, from its header. */
export function eventOf(provider: Provider, { headers }: CallBack, header: string): string {
  const event = headers.get(header.toLowerCase()) ?? '';
  if (/^[\w. -]{1,60}$/.test(event)) return event;
  throw notUnderstood(
    provider,
    event === '' ? `it has no header ${header}` : `the header ${header} does not name one event`,
  );
}

/** Whoever follows this run asks now; `field` is where its id should stand. */
export function lookAt(provider: Provider, run: string | undefined, field: string): CallBackNews {
  if (run !== undefined) return { kind: 'look', run };
  throw notUnderstood(provider, `${field} is not the id of a run`);
}

export function nothing(why: string): CallBackNews {
  return { kind: 'nothing', why };
}
