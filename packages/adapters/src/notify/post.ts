import { second } from '@image-factory/core/time.ts';
import { AnswerTooLarge, createHttpExchange, type Exchange } from '../ci-http/exchange.ts';
import { notTold } from './failure.ts';

/** Of a whole answer; below the time that a cycle gives to all channels. */
const postTimeout = 15 * second;

export interface Poster {
  /** One POST of JSON; resolves where it was taken. It is not repeated, and follows redirects to its own origin only. */
  post(
    address: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Posts for one channel; the address is a secret wherever `secrets` has it. */
export function createPoster(channel: string, exchange: Exchange = overTheNetwork()): Poster {
  return {
    async post(address, headers, body, signal) {
      const url = URL.canParse(address) ? new URL(address) : undefined;
      if (!url || !/^https?:$/.test(url.protocol))
        throw notTold(
          channel,
          'its address is no http or https address',
          'Set the secret to the whole address.',
        );
      // All behind the host may be the secret.
      const secrets = [address, `${url.pathname}${url.search}`].filter((text) => text.length > 1);
      const sent = { 'content-type': 'application/json', 'user-agent': 'image-factory', ...headers };
      let answer;
      try {
        answer = await exchange({ method: 'POST', url, headers: sent, body }, signal);
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        throw notTold(
          channel,
          `${url.host}: ${reasonOf(thrown)}`,
          'Check its address and the network.',
          secrets,
        );
      }
      if (answer.status >= 200 && answer.status < 300) return;
      throw notTold(
        channel,
        `${url.host} answered ${answer.status} ${answer.text.slice(0, 200)}`,
        answer.status === 429
          ? 'It asks to slow down: the next cycle tells it.'
          : 'Check its address and what it takes.',
        secrets,
      );
    },
  };
}

function overTheNetwork(): Exchange {
  return async (request, signal) => {
    const { exchange, close } = createHttpExchange({ ca: undefined, timeout: postTimeout });
    try {
      return await exchange(request, signal);
    } finally {
      await close();
    }
  };
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof AnswerTooLarge) return 'its answer is too large';
  if (!(thrown instanceof Error)) return 'no answer';
  if (thrown.name === 'TimeoutError') return 'no answer in time';
  const cause = thrown.cause instanceof Error ? thrown.cause : thrown;
  return 'code' in cause ? String(cause.code) : cause.message;
}
