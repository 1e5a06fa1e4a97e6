import { day, formatInstant, hour, parseInstant, second, type Instant } from '@image-factory/core/time.ts';
import { readKargoDuration } from '../manifests/duration.ts';
import type { WatchedWarehouse } from './watched-warehouse.ts';

/** Why a Warehouse is left as it is. */
export type LeftBecause =
  /** It has no hour, or its hour is another one than now. */
  | 'other-hour'
  /** Its looks are not whole days apart, so they cannot stay in one hour. */
  | 'other-interval'
  /** Kargo has not looked yet, is looking, or fails to: it looks again by itself. */
  | 'looking'
  /** Its last look was in its hour, and so will be the next. */
  | 'in-its-hour'
  /** Somebody asked for a look within the last 25 hours, or at a time that cannot be told. */
  | 'asked-lately';

export type LookDecision =
  /** Kargo is to look now. */
  { readonly ask: string } | { readonly left: LeftBecause };

/**
 * Longer than a day by the length of an hour's run, so that two requests of ours are never closer than a day, whenever in
 * their hours they are made.
 */
const restAfterRequest = 25 * hour;

/**
 * Whether Kargo is to be asked for one look, which moves all later ones of this Warehouse into its hour: Kargo counts its
 * interval from the last look. The request has the same text for the whole hour, and Kargo looks once for a text, so
 * a second run in the hour changes nothing. By Kargo's interval and these requests together a Warehouse is looked at no
 * more than twice in any 24 hours.
 */
export function decideLook(warehouse: WatchedWarehouse, now: Instant): LookDecision {
  const { slot, interval, discoveredAt, isLooking, asked, handled } = warehouse;
  if (slot !== hourOf(now)) return { left: 'other-hour' };
  const between = interval === undefined ? undefined : readKargoDuration(interval);
  if (between === undefined || between === 0 || between % day !== 0) return { left: 'other-interval' };
  if (isLooking || discoveredAt === undefined) return { left: 'looking' };
  if (hourOf(discoveredAt) === slot) return { left: 'in-its-hour' };
  if (asked !== undefined) {
    const at = timeOfRequest(asked);
    if (asked !== handled || at === undefined || now - at < restAfterRequest) return { left: 'asked-lately' };
  }
  return { ask: formatInstant(now - (now % hour)) };
}

/** Hour of the day in UTC, as in the label. */
export function hourOf(instant: Instant): string {
  return String(Math.floor((instant % day) / hour)).padStart(2, '0');
}

/** Kargo, its receivers and its command line write RFC 3339, and people what `date +%s` prints. */
function timeOfRequest(text: string): Instant | undefined {
  return /^\d{9,11}$/.test(text) ? Number(text) * second : parseInstant(text);
}
