import { day } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { quotaOf } from './quota-headers.ts';
import { retryDelay } from './retry-delay.ts';

const now = Date.UTC(2026, 10, 22, 10, 0, 0);
const unix = now / 1000;

describe('how long to wait', () => {
  it.each([
    ['seconds', { 'retry-after': '120' }, '', 120_000],
    ['a fraction of seconds', { 'retry-after': '0.5' }, '', 500],
    ['an HTTP date', { 'retry-after': 'Sun, 22 Nov 2026 10:01:00 GMT' }, '', 60_000],
    [
      'an HTTP date by a clock that is wrong',
      { 'retry-after': 'Sun, 22 Nov 2026 08:01:00 GMT', date: 'Sun, 22 Nov 2026 08:00:00 GMT' },
      '',
      60_000,
    ],
    ['a date that has passed', { 'retry-after': 'Sun, 22 Nov 2026 09:00:00 GMT' }, '', 0],
    ['a Go duration', { 'retry-after': '1m30.5s' }, '', 90_500],
    [
      'the message of GHCR',
      {},
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 880.092µs, allowed: 44000/minute"}]}',
      1,
    ],
    ['the message of GHCR, longer', {}, 'retry-after: 218.304ms, allowed: 44000/minute', 219],
    ['the API of Docker Hub', { 'x-retry-after': String(unix + 42) }, '', 42_000],
    ['the reset of a quota as a time', { 'x-ratelimit-reset': String(unix + 7) }, '', 7000],
    ['the reset of a quota as seconds', { 'ratelimit-reset': '9' }, '', 9000],
    [
      'Retry-After before anything else',
      { 'retry-after': '1', 'x-ratelimit-reset': '500' },
      'retry-after: 5s',
      1000,
    ],
    ['a century, cut to a day', { 'retry-after': '3153600000' }, '', day],
    ['words', { 'retry-after': 'later' }, '', undefined],
    ['nothing', {}, '<html>429 Too Many Requests</html>', undefined],
    ['several headers', { 'retry-after': ['3', '4'] }, '', 3000],
  ])('%s', (_, headers, body, expected) => {
    expect(retryDelay(headers, body, now)).toBe(expected);
  });
});

describe('what is left of a quota', () => {
  it.each([
    [{ 'ratelimit-remaining': '76;w=21600' }, { remaining: 76, window: 21_600_000 }],
    [{ 'ratelimit-remaining': '0' }, { remaining: 0, window: undefined }],
    [{ 'x-ratelimit-remaining': '5' }, { remaining: 5, window: undefined }],
    [{ 'ratelimit-remaining': 'unlimited' }, undefined],
    [{}, undefined],
  ])('%j', (headers, expected) => {
    expect(quotaOf(headers)).toEqual(expected);
  });
});
