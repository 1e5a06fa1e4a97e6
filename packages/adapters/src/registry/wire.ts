import { Agent, errors, ProxyAgent, type Dispatcher } from 'undici';
import { FactoryError } from '@image-factory/core/problem.ts';
import { second, type Duration } from '@image-factory/core/time.ts';
import { Exchange, type WireAnswer } from './exchange.ts';
import { plainAddress, registryFailure } from './failures.ts';
import type { Proxy, ProxyFor } from './proxies.ts';
import { guardedLookup, mayReach, UnreachableByRule, type Reach, type Resolve } from './reach.ts';

export interface WireRequest {
  /** For messages. */
  readonly registry: string;
  readonly method: 'HEAD' | 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  /** Bytes accepted in the body of a successful answer; of others, 64 KiB are. */
  readonly maxBody: number;
  readonly reach: Reach;
  readonly signal?: AbortSignal | undefined;
}

export interface Timeouts {
  readonly connect: Duration;
  /** Until the headers are there, and between two pieces of the body. */
  readonly idle: Duration;
  /** The whole answer. */
  readonly total: Duration;
}

export const defaultTimeouts: Timeouts = { connect: 10 * second, idle: 20 * second, total: 60 * second };

export interface Wire {
  send(request: WireRequest): Promise<WireAnswer>;
  close(): Promise<void>;
}

/**
 * One HTTP request and its whole answer: no redirects, no retries, no credentials of its own. Sizes and times have
 * limits, and addresses are judged when the connection is made. Failures are FactoryErrors.
 *
 * Through a proxy it is the proxy that resolves names and decides where they may lead; addresses that are written as
 * such are judged here all the same.
 */
export function createWire(options: {
  readonly userAgent: string;
  readonly timeouts: Timeouts;
  /** Connections per origin. */
  readonly connections: number;
  readonly resolve?: Resolve | undefined;
  readonly proxyFor?: ProxyFor | undefined;
}): Wire {
  const { userAgent, timeouts } = options;
  const agents = new Map<Reach | Proxy, Dispatcher>();
  const common = {
    connections: options.connections,
    pipelining: 1,
    headersTimeout: timeouts.idle,
    bodyTimeout: timeouts.idle,
    maxHeaderSize: 64 * 1024,
  };

  function agentFor(way: Reach | Proxy): Dispatcher {
    const known = agents.get(way);
    if (known) return known;
    const agent = typeof way === 'string' ? straight(way) : through(way);
    agents.set(way, agent);
    return agent;
  }

  function straight(reach: Reach): Dispatcher {
    const lookup = guardedLookup(reach, options.resolve);
    return new Agent({ ...common, connect: { timeout: timeouts.connect, lookup } });
  }

  /** TLS goes through a tunnel; plain HTTP is handed to the proxy, many of which refuse tunnels for it. */
  function through({ url, authorization }: Proxy): Dispatcher {
    return new ProxyAgent({
      ...common,
      uri: url.href,
      proxyTunnel: false,
      proxyTls: { timeout: timeouts.connect },
      requestTls: { timeout: timeouts.connect },
      ...(authorization === undefined ? {} : { token: authorization }),
    });
  }

  async function send(request: WireRequest): Promise<WireAnswer> {
    const { url, method, reach, registry } = request;
    if (!mayReach(reach, url.hostname)) {
      throw registryFailure('REGISTRY_BLOCKED', registry, `${plainAddress(url)} is not a public address`);
    }
    const proxy = options.proxyFor?.(url);
    const exchange = new Exchange(request);
    const deadline = setTimeout(() => exchange.giveUp(new TotalTimeout()), timeouts.total);
    deadline.unref();
    const abort = (): void => exchange.giveUp(request.signal?.reason);
    request.signal?.addEventListener('abort', abort, { once: true });
    try {
      request.signal?.throwIfAborted();
      agentFor(proxy ?? reach).dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method,
          headers: { 'user-agent': userAgent, ...request.headers },
          body: request.body ?? null,
          // By default undici closes the connection after each HEAD, and a new one costs more than the request.
          reset: false,
        },
        exchange,
      );
      return await exchange.answer;
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw asFailure(error, request, proxy);
    } finally {
      clearTimeout(deadline);
      request.signal?.removeEventListener('abort', abort);
    }
  }

  return {
    send,
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
      agents.clear();
    },
  };
}

class TotalTimeout extends Error {}

function asFailure(error: unknown, { registry, url }: WireRequest, proxy: Proxy | undefined): FactoryError {
  if (error instanceof FactoryError) return error;
  const rule = causes(error).find((cause) => cause instanceof UnreachableByRule);
  if (rule) return registryFailure('REGISTRY_BLOCKED', registry, `${plainAddress(url)}: ${rule.message}`);
  if (error instanceof errors.HeadersOverflowError) {
    return registryFailure(
      'REGISTRY_TOO_LARGE',
      registry,
      `${plainAddress(url)} sent more than 64 KiB of headers`,
    );
  }
  const failure = causes(error)
    .map(describeFailure)
    .find((text) => text !== undefined);
  const isPlain = url.host === registry && causes(error).some((cause) => noTls.has(codeOf(cause)));
  const hint = isPlain ? plainHttpHint(registry) : proxy && proxyHint;
  return registryFailure(
    'REGISTRY_UNREACHABLE',
    registry,
    `${plainAddress(url)}${proxy ? ` through the proxy ${proxy.url.origin}` : ''}: ${failure ?? 'request failed'}`,
    { cause: error, ...(hint === undefined ? {} : { hint }) },
  );
}

const noTls: ReadonlySet<string> = new Set(['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER']);

function plainHttpHint(registry: string): string {
  return `If it is a registry with plain HTTP, write registries: { "${registry}": { insecure: true } } in factory.yaml.`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** The error, what caused it, and the parts of an aggregate (one per address tried). */
function causes(error: unknown): readonly unknown[] {
  const found: unknown[] = [];
  const open = [error];
  while (open.length > 0 && found.length < 20) {
    const next = open.shift();
    found.push(next);
    if (next instanceof AggregateError) open.push(...(next.errors as readonly unknown[]));
    if (next instanceof Error && next.cause !== undefined) open.push(next.cause);
  }
  return found;
}

const proxyHint =
  'Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY, and whether the proxy lets this registry through.';

const systemFailures: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name could not be resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  EPROTO: 'TLS handshake failed',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the other side does not speak TLS',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself; give its CA in NODE_EXTRA_CA_CERTS',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an unknown CA; give it in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an unknown CA; give it in NODE_EXTRA_CA_CERTS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half-way',
  UND_ERR_SOCKET: 'the connection was closed without a whole answer',
};

function describeFailure(error: unknown): string | undefined {
  if (error instanceof TotalTimeout) return 'the answer took too long';
  const refused = error instanceof Error && /^Proxy .*\((\d{3})\)/.exec(error.message)?.[1];
  if (refused) return `the proxy answered ${refused}`;
  const code = codeOf(error);
  return Object.hasOwn(systemFailures, code) ? systemFailures[code] : undefined;
}
