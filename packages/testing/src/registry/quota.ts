import type { Reply } from './reply.ts';
import { errorReply } from './reply.ts';

export interface QuotaOptions {
  /** Manifest requests in a window. */
  readonly limit: number;
  /** Length of the window in seconds. */
  readonly window: number;
  /** Do HEAD requests count? Default: no. */
  readonly countHead?: boolean;
  /** Headers and message of the refusal; default: `Retry-After` with the rest of the window. */
  readonly refusal?: { readonly headers: Readonly<Record<string, string>>; readonly body: string };
}

/** Counts manifest requests, and tells the rest in the headers as Docker Hub does. */
export class Quota {
  readonly #options: QuotaOptions;
  readonly #now: () => number;
  #started: number;
  #used = 0;

  constructor(options: QuotaOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
    this.#started = now();
  }

  /** The headers to add, or the refusal. */
  take(method: string): { readonly headers: Readonly<Record<string, string>> } | { readonly refusal: Reply } {
    const { limit, window, countHead = false, refusal } = this.#options;
    if (this.#now() - this.#started >= window * 1000) {
      this.#started = this.#now();
      this.#used = 0;
    }
    const counts = method !== 'HEAD' || countHead;
    if (counts && this.#used >= limit) {
      const rest = Math.ceil((this.#started + window * 1000 - this.#now()) / 1000);
      if (!refusal) {
        return {
          refusal: errorReply(429, 'TOOMANYREQUESTS', 'too many requests', { 'retry-after': String(rest) }),
        };
      }
      return { refusal: { status: 429, headers: refusal.headers, body: Buffer.from(refusal.body) } };
    }
    if (counts) this.#used += 1;
    const left = String(limit - this.#used);
    return {
      headers: { 'ratelimit-limit': `${limit};w=${window}`, 'ratelimit-remaining': `${left};w=${window}` },
    };
  }
}
