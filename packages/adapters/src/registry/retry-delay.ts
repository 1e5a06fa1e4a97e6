import type { Duration, Instant } from '@image-factory/core/time.ts';
import { day, second } from '@image-factory/core/time.ts';
import type { AnswerHeaders } from './answer-headers.ts';
import { headerOf } from './answer-headers.ts';

const longestDelay = day;
const goUnits: Readonly<Record<string, number>> = {
  ns: 1e-6,
  µs: 1e-3,
  μs: 1e-3,
  us: 1e-3,
  ms: 1,
  s: second,
  m: 60 * second,
  h: 3600 * second,
};

/**
 * How long a registry asks us to wait, in milliseconds, in any of the forms that are in use: `Retry-After` (seconds,
 * HTTP date or a duration as Go writes it), the same words in the message (GHCR), `X-Retry-After` (Unix time, Docker
 * Hub), `RateLimit-Reset` and `X-RateLimit-Reset` (seconds or Unix time). Undefined: it does not say.
 */
export function retryDelay(headers: AnswerHeaders, body: string, now: Instant): Duration | undefined {
  // Dates are relative to the registry's own clock where it tells it.
  const date = Date.parse(headerOf(headers, 'date') ?? '');
  const base = Number.isNaN(date) ? now : date;
  const candidates = [
    () => fromRetryAfter(headerOf(headers, 'retry-after'), base),
    () => fromSecondsOrTime(headerOf(headers, 'x-retry-after'), base),
    () => goDuration(/retry-after:\s*([0-9][^\s,;"}]*)/i.exec(body.slice(0, 4096))?.[1]),
    () => fromSecondsOrTime(headerOf(headers, 'ratelimit-reset'), base),
    () => fromSecondsOrTime(headerOf(headers, 'x-ratelimit-reset'), base),
  ];
  for (const candidate of candidates) {
    const delay = candidate();
    if (delay !== undefined) return Math.min(longestDelay, Math.max(0, Math.ceil(delay)));
  }
  return undefined;
}

function fromRetryAfter(value: string | undefined, now: Instant): Duration | undefined {
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return fromSecondsOrTime(value, now);
  const go = goDuration(value);
  if (go !== undefined) return go;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time - now;
}

/** Numbers above a thousand million are Unix times (in seconds, or milliseconds), smaller ones are seconds to wait. */
function fromSecondsOrTime(value: string | undefined, now: Instant): Duration | undefined {
  const number = /^\s*(\d+(?:\.\d+)?)/.exec(value ?? '')?.[1];
  if (number === undefined) return undefined;
  const amount = Number(number);
  if (amount > 1e12) return amount - now;
  return amount > 1e9 ? amount * second - now : amount * second;
}

/** `880.092µs`, `1m30s` */
function goDuration(text: string | undefined): Duration | undefined {
  if (text === undefined) return undefined;
  let rest = text.trim();
  let total = 0;
  while (rest !== '') {
    const match = /^(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/.exec(rest);
    if (!match) return undefined;
    total += Number(match[1]) * (goUnits[match[2] ?? ''] ?? 0);
    rest = rest.slice(match[0].length);
  }
  return text.trim() === '' ? undefined : total;
}
