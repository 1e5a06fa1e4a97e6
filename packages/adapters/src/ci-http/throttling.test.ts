import { minute, second } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { throttlingOf } from './throttling.ts';

const now = Date.UTC(2026, 0, 1, 12);
const inSeconds = (seconds: number): string => String(now / 1000 + seconds);

function of(status: number, headers: Record<string, string> = {}, text = '', earlier = 0) {
  return throttlingOf({ status, headers, text }, now, earlier);
}

describe('limits of a server', () => {
  it.each([
    ['retry-after in seconds', 429, { 'retry-after': '17' }, '', 17 * second],
    ['retry-after as a date', 429, { 'retry-after': 'Thu, 01 Jan 2026 12:02:00 GMT' }, '', 2 * minute],
    ['429 alone', 429, {}, '', minute],
    ['GitHub: 403 with retry-after', 403, { 'retry-after': '60' }, '', minute],
    [
      'GitHub: nothing remains',
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(90) },
      '',
      90 * second,
    ],
    ['GitHub: in words', 403, {}, '{"message":"You have exceeded a secondary rate limit."}', minute],
    ['GitLab', 429, { 'ratelimit-remaining': '0', 'ratelimit-reset': inSeconds(30) }, '', 30 * second],
    [
      'a reset that is over',
      429,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(-9) },
      '',
      second,
    ],
    ['more than an hour', 429, { 'retry-after': '99999' }, '', 60 * minute],
  ])('%s', (_name, status, headers, text, pause) => {
    expect(of(status, headers, text)).toEqual({ refused: true, pause });
  });

  it('are counted from the server’s own time', () => {
    const headers = {
      date: 'Thu, 01 Jan 2026 12:10:00 GMT',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': inSeconds(660),
    };
    expect(of(403, headers)?.pause).toBe(minute);
  });

  it('without a time grow with every refusal, those with one do not', () => {
    expect([0, 1, 2].map((earlier) => of(429, {}, '', earlier)?.pause)).toEqual([
      minute,
      2 * minute,
      4 * minute,
    ]);
    expect(of(429, { 'retry-after': '5' }, '', 4)?.pause).toBe(5 * second);
  });

  it('that were just reached ask for a pause after an answer', () => {
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(20) };
    expect(of(200, headers)).toEqual({ refused: false, pause: 20 * second });
    expect(of(200, { ...headers, 'x-ratelimit-remaining': '1' })).toBeUndefined();
  });

  it('a 503 that names a time says nothing of what was done', () => {
    expect(of(503, { 'retry-after': '5' })).toEqual({ refused: false, pause: 5 * second });
    expect(of(503)).toBeUndefined();
  });

  it('a 403 for want of a permission is none', () => {
    expect(of(403, { 'x-ratelimit-remaining': '4999' }, 'Resource not accessible')).toBeUndefined();
  });
});
