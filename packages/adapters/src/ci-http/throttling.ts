import { minute, second, type Duration, type Instant } from '@image-factory/core/time.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Throttling {
  /** The server did nothing but say so. False: it answered, and has no more to give until later. */
  readonly refused: boolean;
  readonly pause: Duration;
}

const longest = 60 * minute;
/** GitHub: at least a minute where a limit names no time, and longer each time that it comes again. */
const unnamed = minute;

/**
 * How long the server wants to be left alone; undefined if it does not. 429 always means that. GitHub says it with 403
 * too: with `retry-after`, with `x-ratelimit-remaining: 0` and a reset in epoch seconds, or in words only (GitHub REST
 * docs, "Rate limits"); GitLab has `RateLimit-Reset`, also in epoch seconds. `earlier`: refusals in a row before this one.
 */
export function throttlingOf(
  { status, headers, text }: Answer,
  now: Instant,
  earlier = 0,
): Throttling | undefined {
  // Their time is counted from theirs, whatever our clock says.
  const theirs = Date.parse(headers['date'] ?? '');
  const there = Number.isNaN(theirs) ? now : theirs;
  const after = retryAfter(headers['retry-after'], there);
  const spent = (headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']) === '0';
  const reset = Number(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset']);
  const untilReset = spent && reset > 0 ? Math.max(second, reset * second - there) : undefined;
  if (status === 503) return after === undefined ? undefined : { refused: false, pause: bounded(after) };
  const inWords = /secondary rate limit|abuse detection|rate limit exceeded/i.test(text.slice(0, 4096));
  const refused =
    status === 429 || (status === 403 && (after !== undefined || untilReset !== undefined || inWords));
  if (refused) return { refused, pause: bounded(after ?? untilReset ?? unnamed * 2 ** Math.min(earlier, 6)) };
  return untilReset === undefined ? undefined : { refused, pause: bounded(untilReset) };
}

function bounded(pause: Duration): Duration {
  return Math.min(longest, Math.max(second, pause));
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfter(value: string | undefined, now: Instant): Duration | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * second;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : date - now;
}
