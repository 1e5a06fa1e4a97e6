import { day, hour, minute, second } from '@image-factory/core/time.ts';
import { describe, expect, test } from 'vitest';
import { kargoDuration, readKargoDuration } from './duration.ts';

describe('canonical durations', () => {
  test.each([
    [0, '0s'],
    [30 * second, '30s'],
    [5 * minute, '5m0s'],
    [90 * second, '1m30s'],
    [90 * minute, '1h30m0s'],
    [7 * day, '168h0m0s'],
    [hour + 1500, '1h0m1.5s'],
  ])('%d ms is %s', (duration, text) => {
    expect(kargoDuration(duration)).toBe(text);
    expect(readKargoDuration(text)).toBe(duration);
  });

  test.each([-1, 0.5, 500, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d is refused', (duration) => {
    expect(() => kargoDuration(duration)).toThrow(RangeError);
  });

  test.each(['', '1d', '500ms', '5', '-5m', '5m ', '9'.repeat(99) + 'h'])('"%s" is not one', (text) => {
    expect(readKargoDuration(text)).toBeUndefined();
  });

  test('others than the canonical form are read too', () =>
    expect(readKargoDuration('1.5h30m')).toBe(2 * hour));
});
