import { describe, expect, it } from 'vitest';
import { formatInstant, parseInstant } from '../time.ts';
import { instantInZone } from './zoned-time.ts';

describe('instantInZone', () => {
  it.each([
    ['2026-12-20T18:00', 'UTC', '2026-12-20T18:00:00Z'],
    ['2026-12-20T18:00', 'Europe/Zurich', '2026-12-20T17:00:00Z'],
    ['2026-07-01T00:00', 'Europe/Zurich', '2026-06-30T22:00:00Z'],
    ['2026-07-01T00:00', 'America/St_Johns', '2026-07-01T02:30:00Z'],
    ['2026-01-01T00:00', 'Pacific/Kiritimati', '2025-12-31T10:00:00Z'],
    // Twice: 02:30 summer time comes first.
    ['2026-10-25T02:30', 'Europe/Zurich', '2026-10-25T00:30:00Z'],
    // Skipped: 02:30 does not exist, 03:30 summer time is meant.
    ['2026-03-29T02:30', 'Europe/Zurich', '2026-03-29T01:30:00Z'],
  ])('%s in %s is %s', (wall, zone, instant) => {
    expect(formatInstant(instantInZone(parseInstant(wall) ?? 0, zone))).toBe(instant);
  });
});
