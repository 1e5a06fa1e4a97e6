import { hour, minute, second, type Duration, type Instant } from '../time.ts';

/**
 * The instant at which the clocks of a time zone show what `wall` shows in UTC. An hour that the zone skips gives
 * the same time after the change; of an hour that comes twice the first is taken.
 */
export function instantInZone(wall: Instant, timeZone: string): Instant {
  if (timeZone === 'UTC') return wall;
  const offsets = [wall - 24 * hour, wall + 24 * hour].map((near) => offsetAt(near, timeZone));
  const fitting = offsets.map((offset) => wall - offset).filter((at) => at + offsetAt(at, timeZone) === wall);
  return fitting.length > 0 ? Math.min(...fitting) : wall - Math.min(...offsets);
}

function offsetAt(instant: Instant, timeZone: string): Duration {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(instant);
  const value = (type: string): number => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const wall =
    Date.UTC(value('year'), value('month') - 1, value('day')) +
    value('hour') * hour +
    value('minute') * minute +
    value('second') * second;
  return wall - Math.floor(instant / second) * second;
}
