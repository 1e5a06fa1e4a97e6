import { hour, minute, second, type Duration } from '@image-factory/core/time.ts';

declare const canonical: unique symbol;

/** A duration as the API server writes it back (`5m0s`), so that GitOps sees no difference. */
export type KargoDuration = string & { readonly [canonical]: true };

/** The form that every duration in a Kargo CRD must have: no days, no `500ms`, not empty. Source: the CRDs' pattern. */
export const durationPattern = /^([0-9]+(\.[0-9]+)?(s|m|h))+$/;

/**
 * The canonical text of a duration, as Go prints a `metav1.Duration`: `0s`, `30s`, `1m30s`, `168h0m0s`.
 *
 * @param duration milliseconds: 0, or at least one second, since Kargo accepts no smaller unit
 * @throws RangeError for what Kargo cannot hold
 */
export function kargoDuration(duration: Duration): KargoDuration {
  const whole = Number.isSafeInteger(duration) && duration >= 0;
  if (!whole || (duration > 0 && duration < second) || duration > longest) {
    throw new RangeError(
      `expected whole milliseconds, 0 or from one second to 290 years, got ${String(duration)}`,
    );
  }
  const hours = Math.floor(duration / hour);
  const minutes = Math.floor((duration % hour) / minute);
  const seconds = `${(duration % minute) / second}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}` as KargoDuration;
  return (minutes > 0 ? `${minutes}m${seconds}` : seconds) as KargoDuration;
}

/** Go counts nanoseconds in 63 bits. */
const longest = 290 * 365 * 24 * hour;

/** Milliseconds of a duration in the CRDs' form; undefined for any other text. */
export function readKargoDuration(text: string): Duration | undefined {
  if (text.length > 100 || !durationPattern.test(text)) return undefined;
  const units: Readonly<Record<string, Duration>> = { s: second, m: minute, h: hour };
  let total = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(s|m|h)/g))
    total += Number(count) * (units[unit] ?? 0);
  return total <= longest ? total : undefined;
}
