import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { minute, second, type Duration, type Instant } from '@image-factory/core/time.ts';
import { EnvHttpProxyAgent, request as send, type Dispatcher } from 'undici';
import { throttlingOf } from './throttling.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the API's root, with a slash in front; or a whole address at the same origin. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON; throws CI_INVALID where it is none. */
  json(): unknown;
}

export interface Api {
  /**
   * One request and its whole answer, whatever its status below 500. Throws CI_UNREACHABLE where no answer came or the
   * server failed (of a request that creates something it is then unknown whether it did), and CI_THROTTLED where the
   * server asked to slow down (then it did nothing). Only GET is repeated: a create is never retried blindly.
   */
  send(request: ApiRequest): Promise<ApiAnswer>;
  /** A failure of this provider. */
  failure(code: ProblemCode, message: string, hint: string): FactoryError;
  close(): Promise<void>;
}

export interface ApiOptions {
  readonly provider: Provider;
  /** The API's root, without a slash at its end. */
  readonly url: string;
  /** File with further certificate authorities. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  /** Between 0 and 1. @default Math.random */
  readonly random?: () => number;
  /** Of a whole answer. @default 30 s */
  readonly timeout?: Duration;
}

const largestAnswer = 8 * 1024 * 1024;
const mostTries = 3;
const mostRedirects = 3;
/** Reads wait so long for a limit to pass; beyond it they are refused, and a later cycle asks again. */
const longestPause = minute;

/** A JSON API of one server. Credentials are given with each request, and go to this origin only. */
export function createApi(options: ApiOptions): Api {
  const { provider, clock, timeout = 30 * second, random = Math.random } = options;
  const root = new URL(options.url);
  let agent: Dispatcher | undefined;
  let pausedUntil: Instant = 0;

  function failure(code: ProblemCode, message: string, hint: string): FactoryError {
    return new FactoryError({ code, message: `${provider}: ${message}`, hint });
  }

  function addressOf({ path, query }: ApiRequest): URL {
    const url = path.startsWith('/') ? new URL(options.url + path) : new URL(path);
    if (url.origin !== root.origin || url.username !== '') {
      throw failure(
        'CI_INVALID',
        `it names an address elsewhere (${url.host})`,
        'Check providers in factory.yaml.',
      );
    }
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  async function once(request: ApiRequest, address: URL): Promise<ApiAnswer> {
    agent ??= new EnvHttpProxyAgent({
      headersTimeout: timeout,
      bodyTimeout: timeout,
      connect: { timeout: 10 * second, ...certificates(options.ca, failure) },
    });
    const deadline = AbortSignal.timeout(timeout);
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
    const body = request.json === undefined ? request.body : JSON.stringify(request.json);
    const headers = {
      accept: 'application/json',
      'user-agent': 'image-factory',
      ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    };
    let url = address;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await send(url, {
        method: request.method,
        headers,
        body: body ?? null,
        signal,
        dispatcher: agent,
      });
      const location = answer.headers['location'];
      const follows = request.method === 'GET' ? [301, 302, 303, 307, 308] : [307, 308]; // The server did nothing yet.
      const next =
        follows.includes(answer.statusCode) && typeof location === 'string'
          ? URL.parse(location, url.href)
          : undefined;
      if (!next || next.origin !== root.origin || redirects === mostRedirects) {
        const flat = Object.entries(answer.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(', ') : (value ?? ''),
        ]);
        return answerOf(
          answer.statusCode,
          Object.fromEntries(flat) as Record<string, string>,
          await textOf(answer.body),
        );
      }
      await answer.body.dump();
      url = next;
    }
  }

  async function textOf(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > largestAnswer) {
        body.destroy();
        throw failure('CI_INVALID', 'its answer has more than 8 MiB', 'Check the address in factory.yaml.');
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  function answerOf(status: number, headers: Readonly<Record<string, string>>, text: string): ApiAnswer {
    return {
      status,
      headers,
      text,
      json() {
        try {
          return JSON.parse(text) as unknown;
        } catch {
          throw failure(
            'CI_INVALID',
            `${status} without JSON: ${JSON.stringify(text.slice(0, 80))}`,
            'Check the address in factory.yaml: a login page or a proxy may have answered.',
          );
        }
      },
    };
  }

  async function waitForTurn(request: ApiRequest): Promise<void> {
    const rest = pausedUntil - clock.now();
    if (rest <= 0) return;
    if (request.method !== 'GET' || rest > longestPause) {
      throw throttled(`not asked: it wants a pause of ${Math.ceil(rest / second)} s more`);
    }
    await clock.sleep(rest, request.signal);
  }

  function throttled(what: string): FactoryError {
    return failure('CI_THROTTLED', what, 'Nothing is to be done: the next cycle asks again.');
  }

  return {
    failure,
    async send(request) {
      const address = addressOf(request);
      const what = `${request.method} ${address.origin}${address.pathname}`;
      for (let attempt = 1; ; attempt += 1) {
        await waitForTurn(request);
        let failed: FactoryError;
        try {
          const answer = await once(request, address);
          const pause = throttlingOf(answer, clock.now());
          if (pause !== undefined) pausedUntil = Math.max(pausedUntil, clock.now() + pause);
          if (pause === undefined && answer.status < 500) return answer;
          failed =
            pause === undefined
              ? unreachable(`${what} answered ${answer.status}`)
              : throttled(
                  `${what} answered ${answer.status}, to be asked again in ${Math.ceil(pause / second)} s`,
                );
        } catch (error) {
          if (error instanceof FactoryError) throw error;
          if (request.signal?.aborted) throw request.signal.reason;
          failed = unreachable(`${what}: ${reasonOf(error)}`);
        }
        if (request.method !== 'GET' || attempt === mostTries) throw failed;
        if (failed.problem.code !== 'CI_THROTTLED') {
          await clock.sleep((second / 2) * 2 ** (attempt - 1) * (0.5 + random()), request.signal);
        }
      }
    },
    async close() {
      await agent?.destroy();
    },
  };

  function unreachable(message: string): FactoryError {
    return failure(
      'CI_UNREACHABLE',
      message,
      'Check the address in factory.yaml, the network and the server.',
    );
  }
}

function certificates(ca: string | undefined, failure: Api['failure']): { readonly ca?: string[] } {
  if (ca === undefined) return {};
  try {
    return { ca: [...rootCertificates, readFileSync(ca, 'utf8')] };
  } catch {
    throw failure(
      'CREDENTIALS',
      `the file ${ca} cannot be read`,
      'Set ca to a file with certificates (PEM).',
    );
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return 'no answer in time';
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause ? String(cause.code) : '';
  return code === '' ? cause.message.slice(0, 200) : code;
}
