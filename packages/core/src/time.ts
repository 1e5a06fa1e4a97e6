import { err, ok, type Result } from './result.ts';

/** Milliseconds since 1970-01-01T00:00:00Z. The core is handed instants; it never reads a clock. */
export type Instant = number;
/** Milliseconds. */
export type Duration = number;

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

const unitLengths: Record<string, Duration> = { s: second, m: minute, h: hour, d: day, w: 7 * day };
/** Longer durations are taken for mistakes. */
const longestDuration = 3650 * day;

/** Reads `7d`, `12h`, `1d12h`, `90s`, `2w` or `0`: whole numbers with units, largest unit first, each at most once. */
export function parseDuration(text: string): Result<Duration, string> {
  if (text === '0') return ok(0);
  const match = /^(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?$/.exec(text);
  if (!match || text === '') {
    return err(
      `"${text.slice(0, 40)}" is not a duration; write a number with a unit: 7d, 12h, 30m, 90s, or 1d12h`,
    );
  }
  const units = ['w', 'd', 'h', 'm', 's'];
  const total = units.reduce(
    (sum, unit, index) => sum + Number(match[index + 1] ?? 0) * (unitLengths[unit] ?? 0),
    0,
  );
  return total > longestDuration ? err(`"${text}" is longer than ten years`) : ok(total);
}

/** The shortest text that {@link parseDuration} reads back, to the second: `7d`, `1d12h`, `0s`. */
export function formatDuration(duration: Duration): string {
  let rest = Math.round(duration / second);
  if (rest <= 0) return '0s';
  let text = '';
  for (const [unit, length] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}

/** Whole seconds in UTC where the instant has no fraction (`2026-11-22T10:00:00Z`), else with milliseconds. */
export function formatInstant(instant: Instant): string {
  return new Date(instant).toISOString().replace('.000Z', 'Z');
}

/** Reads ISO 8601 with or without a zone (without: UTC), as the older Python tool writes it too; undefined if it is none. */
export function parseInstant(text: string): Instant | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text))
    return undefined;
  let iso = text.replace(' ', 'T').replace(/(\.\d{3})\d+/, '$1');
  if (iso.includes('T') && !/(Z|[+-]\d{2}:?\d{2})$/.test(iso)) iso += 'Z';
  const instant = Date.parse(iso);
  return Number.isNaN(instant) ? undefined : instant;
}
