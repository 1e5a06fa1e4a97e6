import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { minute, second, type Duration, type Instant } from '@image-factory/core/time.ts';
import {
  AnswerTooLarge,
  CertificatesUnreadable,
  createHttpExchange,
  type Exchange,
  type ExchangeAnswer,
} from './exchange.ts';
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

export interface ApiAnswer extends ExchangeAnswer {
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
  /** How requests go out. @default over the network */
  readonly exchange?: Exchange;
}

const mostTries = 3;
/** Reads wait so long for a limit to pass; beyond it they are refused, and a later cycle asks again. */
const longestPause = minute;

/** A JSON API of one server. Credentials are given with each request, and go to this origin only. */
export function createApi(options: ApiOptions): Api {
  const { provider, clock, timeout = 30 * second, random = Math.random } = options;
  const root = new URL(options.url);
  const http = options.exchange ? undefined : createHttpExchange({ ca: options.ca, timeout });
  const exchange = options.exchange ?? http?.exchange ?? (() => Promise.reject(new Error('closed')));
  let pausedUntil: Instant = 0;
  /** Refusals by a limit since the last answer. */
  let refusals = 0;

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

  async function once(request: ApiRequest, url: URL): Promise<ApiAnswer> {
    const body = request.json === undefined ? request.body : JSON.stringify(request.json);
    const headers = {
      accept: 'application/json',
      'user-agent': 'image-factory',
      ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    };
    const answer = await exchange({ method: request.method, url, headers, body }, request.signal);
    return answerOf(answer.status, answer.headers, answer.text);
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
          const throttling = throttlingOf(answer, clock.now(), refusals);
          refusals = throttling?.refused ? refusals + 1 : 0;
          if (throttling) pausedUntil = Math.max(pausedUntil, clock.now() + throttling.pause);
          if (!throttling?.refused && answer.status < 500) return answer;
          failed = throttling?.refused
            ? throttled(
                `${what} answered ${answer.status}, to be asked again in ${Math.ceil(throttling.pause / second)} s`,
              )
            : unreachable(`${what} answered ${answer.status}`);
        } catch (error) {
          if (request.signal?.aborted) throw request.signal.reason;
          failed = failureOf(what, error);
          if (failed.problem.code !== 'CI_UNREACHABLE') throw failed;
        }
        if (request.method !== 'GET' || attempt === mostTries) throw failed;
        if (failed.problem.code !== 'CI_THROTTLED') {
          await clock.sleep((second / 2) * 2 ** (attempt - 1) * (0.5 + random()), request.signal);
        }
      }
    },
    async close() {
      await http?.close();
    },
  };

  function failureOf(what: string, error: unknown): FactoryError {
    if (error instanceof FactoryError) return error;
    if (error instanceof AnswerTooLarge)
      return failure(
        'CI_INVALID',
        `${what}: its answer has more than 8 MiB`,
        'Check the address in factory.yaml.',
      );
    if (error instanceof CertificatesUnreadable)
      return failure(
        'CREDENTIALS',
        `the file ${error.message} cannot be read, or has no certificate in it`,
        `Set providers.${provider}.ca in factory.yaml to a file with certificates (PEM).`,
      );
    const reason = reasonOf(error);
    if (unknownAuthority.has(reason))
      return failure(
        'CI_UNREACHABLE',
        `${what}: its certificate is of an unknown authority (${reason})`,
        options.ca === undefined
          ? `Set providers.${provider}.ca in factory.yaml to the file with the server's certificate authority (PEM); that of a proxy that opens TLS goes into NODE_EXTRA_CA_CERTS.`
          : `The authority is not in the file of providers.${provider}.ca, nor in that of NODE_EXTRA_CA_CERTS.`,
      );
    return unreachable(`${what}: ${reason}`);
  }

  function unreachable(message: string): FactoryError {
    return failure(
      'CI_UNREACHABLE',
      message,
      'Check the address in factory.yaml, the network and the server.',
    );
  }
}

/** What OpenSSL calls a certificate whose issuer it does not know. */
const unknownAuthority = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return 'no answer in time';
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause ? String(cause.code) : '';
  return code === '' ? cause.message.slice(0, 200) : code;
}
