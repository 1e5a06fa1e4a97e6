import { minute, second, type Duration, type Instant } from '@image-factory/core/time.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

const longest = 60 * minute;
/** GitHub's word for a limit that names no time. */
const unnamed = minute;

/**
 * How long the server wants to be left alone; undefined if it does not. 429 always means that. GitHub says it with 403
 * too: with `retry-after`, with `x-ratelimit-remaining: 0` and a reset in epoch seconds, or in words only (GitHub REST
 * docs, "Rate limits"); GitLab has `RateLimit-Reset`, also in epoch seconds.
 */
export function throttlingOf({ status, headers, text }: Answer, now: Instant): Duration | undefined {
  if (status !== 429 && status !== 403 && status !== 503) return undefined;
  const after = retryAfter(headers['retry-after'], now);
  const spent = (headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']) === '0';
  const reset = Number(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset']);
  const untilReset = spent && reset > 0 ? Math.max(second, reset * second - now) : undefined;
  if (status === 503) return bounded(after);
  const inWords = /secondary rate limit|abuse detection|rate limit exceeded/i.test(text.slice(0, 4096));
  if (status === 403 && after === undefined && untilReset === undefined && !inWords) return undefined;
  return bounded(after ?? untilReset ?? unnamed);
}

function bounded(pause: Duration | undefined): Duration | undefined {
  return pause === undefined ? undefined : Math.min(longest, Math.max(second, pause));
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfter(value: string | undefined, now: Instant): Duration | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * second;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : date - now;
}
