import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { second, type Duration } from '@image-factory/core/time.ts';
import { EnvHttpProxyAgent, request as send, type Dispatcher } from 'undici';

export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface ExchangeAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** One request to a server and its whole answer; throws where none came. Repeats nothing, redirects aside. */
export type Exchange = (request: ExchangeRequest, signal?: AbortSignal) => Promise<ExchangeAnswer>;

/** What was read is more than is accepted: not the network's fault, and not to be asked again. */
export class AnswerTooLarge extends Error {}
/** The file with certificate authorities cannot be read, or has none. */
export class CertificatesUnreadable extends Error {}

export interface HttpExchangeOptions {
  /** File with further certificate authorities. */
  readonly ca: string | undefined;
  /** Of a whole answer. */
  readonly timeout: Duration;
}

const largestAnswer = 8 * 1024 * 1024;
const mostRedirects = 3;
const connectTimeout = 10 * second;

/** Over the network, by the proxies that the environment names. */
export function createHttpExchange({ ca, timeout }: HttpExchangeOptions): {
  readonly exchange: Exchange;
  close(): Promise<void>;
} {
  let agent: Dispatcher | undefined;

  const exchange: Exchange = async ({ method, url: first, headers, body }, asked) => {
    agent ??= newAgent(ca, timeout);
    const deadline = AbortSignal.timeout(timeout);
    const signal = asked ? AbortSignal.any([asked, deadline]) : deadline;
    let url = first;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await send(url, { method, headers, body: body ?? null, signal, dispatcher: agent });
      const next = redirectOf(method, answer.statusCode, answer.headers['location'], url);
      if (!next || redirects === mostRedirects) {
        return {
          status: answer.statusCode,
          headers: Object.fromEntries(
            Object.entries(answer.headers).map(([name, value]) => [
              name,
              Array.isArray(value) ? value.join(', ') : (value ?? ''),
            ]),
          ),
          text: await textOf(answer.body),
        };
      }
      await answer.body.dump();
      url = next;
    }
  };

  return {
    exchange,
    async close() {
      await agent?.destroy();
    },
  };
}

/** Only to the same origin: credentials stay where they are meant for. A create goes on only where the server says that it did nothing yet. */
function redirectOf(
  method: string,
  status: number,
  location: string | string[] | undefined,
  from: URL,
): URL | undefined {
  const follows = method === 'GET' ? [301, 302, 303, 307, 308] : [307, 308];
  if (!follows.includes(status) || typeof location !== 'string') return undefined;
  const next = URL.parse(location, from.href);
  return next?.origin === from.origin && next.username === '' ? next : undefined;
}

function newAgent(ca: string | undefined, timeout: Duration): Dispatcher {
  const tls = certificates(ca);
  return new EnvHttpProxyAgent({
    headersTimeout: timeout,
    bodyTimeout: timeout,
    connect: { timeout: connectTimeout, ...tls },
    // Through a proxy the server's certificate is checked in the tunnel, with options of its own.
    ...(ca === undefined ? {} : { requestTls: tls, proxyTls: tls }),
  });
}

async function textOf(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > largestAnswer) {
      body.destroy();
      throw new AnswerTooLarge();
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function certificates(ca: string | undefined): { readonly ca?: string[] } {
  if (ca === undefined) return {};
  try {
    const further = readFileSync(ca, 'utf8');
    if (!further.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no certificate in it');
    // Those of NODE_EXTRA_CA_CERTS are among the usual ones: a proxy that opens TLS has its own.
    return { ca: [...getCACertificates('default'), further] };
  } catch (cause) {
    throw new CertificatesUnreadable(ca, { cause });
  }
}
