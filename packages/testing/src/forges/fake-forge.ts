import { second, type Duration, type Instant } from '@image-factory/core/time.ts';
import type { ForgeHandler, ForgeReply } from './serve-forge.ts';
import type { WorkflowRun } from './workflow-runs.ts';

/** What can go wrong at a forge; each is a chance between 0 and 1 per request, and may be changed at any time. */
export interface ForgeFaults {
  /** A create is accepted, and answered with a 5xx. */
  failsAfterAccept: number;
  /** A create is accepted, and the connection ends without an answer. */
  lostAnswers: number;
  /** A create is answered as if accepted, but nothing is ever run. */
  silentDrops: number;
  /** A create fails with a 5xx before anything was done. */
  failsBeforeAccept: number;
  /** A create is refused because of a limit: nothing was done. */
  throttled: number;
  /** A read fails with a 5xx. */
  failedReads: number;
}

export const noFaults: Readonly<ForgeFaults> = {
  failsAfterAccept: 0,
  lostAnswers: 0,
  silentDrops: 0,
  failsBeforeAccept: 0,
  throttled: 0,
  failedReads: 0,
};

/** A forge in memory: its HTTP side, and what tests see of its inside. */
export interface FakeForge {
  /** Served over HTTP by `serveForge`, or in virtual time by {@link exchangeOver}. */
  readonly handle: ForgeHandler;
  /** Every run that was ever created, in order: nothing in the forge removes duplicates. */
  readonly runs: readonly WorkflowRun[];
  readonly faults: ForgeFaults;
  /** Lets the runs go on until now. Every request does it first. */
  catchUp(): void;
}

/** One exchange of the adapters' `Api`: what its option `exchange` takes. */
export type FakeExchange = (request: {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}) => Promise<{
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}>;

export interface ExchangeSurroundings {
  now(): Instant;
  /** A point at which the process may be killed or stand still: one before each exchange and one after it. */
  at(label: string): Promise<void>;
  /** Of the API's root, where it is not the server's: what the handler does not see of the path. @default '' */
  readonly prefix?: string;
  /** A call gives up after so long; it sends nothing after that. @default 30 s */
  readonly timeout?: Duration;
}

/**
 * Exchanges with a forge in virtual time, without HTTP: for `createApi({ ..., exchange })`, so that everything else of
 * the real client (limits, retries of reads) is part of the test.
 */
export function exchangeOver(handle: ForgeHandler, surroundings: ExchangeSurroundings): FakeExchange {
  const { now, at, prefix = '', timeout = 30 * second } = surroundings;
  return async ({ method, url, headers, body }) => {
    const calledAt = now();
    const what = `${method} ${url.pathname}`;
    await at(what);
    // It stood still for longer than a call may take: the connection is gone, nothing was sent.
    if (now() - calledAt > timeout) throw timedOut();
    const reply = await handle({
      method,
      path: url.pathname.slice(prefix.length),
      query: url.searchParams,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      body: body ?? '',
    });
    await at(`answered ${what}`);
    if (now() - calledAt > timeout) throw timedOut();
    if (reply === 'lost') throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
    return {
      status: reply.status,
      headers: reply.headers ?? {},
      text:
        typeof reply.body === 'string'
          ? reply.body
          : reply.body === undefined
            ? ''
            : JSON.stringify(reply.body),
    };
  };
}

function timedOut(): Error {
  return Object.assign(new Error('no answer'), { name: 'TimeoutError' });
}

/** A create with the forge's faults around it. */
export function faulty(
  faults: ForgeFaults,
  random: () => number,
  answers: {
    readonly create: () => ForgeReply;
    /** The answer to a create that comes to nothing. */
    readonly drop: () => ForgeReply;
    readonly throttle: () => ForgeReply;
  },
): ForgeReply | 'lost' {
  if (random() < faults.throttled) return answers.throttle();
  if (random() < faults.failsBeforeAccept) return { status: 503, body: { message: 'Service Unavailable' } };
  if (random() < faults.silentDrops) return answers.drop();
  const reply = answers.create();
  // What is refused for a reason is refused; faults are those of a create that was accepted.
  if (reply.status >= 400) return reply;
  if (random() < faults.failsAfterAccept) return { status: 502, body: { message: 'Server Error' } };
  return random() < faults.lostAnswers ? 'lost' : reply;
}
