import { Cron } from 'croner';
import type { FreezeWindow, Schedule } from '../enrolment/types.ts';
import { day, hour, type Instant } from '../time.ts';
import { slotOfDay } from './build-key.ts';

/** The first slot of an image at or after an instant; undefined for a cron expression that never fires again. */
export function nextSlot(name: string, schedule: Schedule, from: Instant): Instant | undefined {
  if (schedule.kind === 'cron') return nextFire(schedule.expression, schedule.timeZone, from);
  const offset = slotOfDay(name);
  return Math.ceil((from - offset) / day) * day + offset;
}

/** The freeze window that covers an instant and when it ends; the one that ends last where several do. */
export function frozenBy(
  windows: readonly FreezeWindow[],
  now: Instant,
  emergency: boolean,
): { readonly window: FreezeWindow; readonly until: Instant } | undefined {
  let latest: { window: FreezeWindow; until: Instant } | undefined;
  for (const window of windows) {
    if (emergency && window.allowEmergency) continue;
    const until = endOf(window, now);
    if (until !== undefined && (!latest || until > latest.until)) latest = { window, until };
  }
  return latest;
}

function endOf(window: FreezeWindow, now: Instant): Instant | undefined {
  if (window.kind === 'between') return window.from <= now && now < window.to ? window.to : undefined;
  const lastStart = nextFire(window.cron, window.timeZone, now - window.duration + 1);
  if (lastStart === undefined || lastStart > now) return undefined;
  return lastStart + window.duration;
}

/** The last time at or before an instant at which an expression fires, and the one before that. */
export function lastFires(
  expression: string,
  timeZone: string,
  now: Instant,
): readonly [Instant, Instant] | undefined {
  for (let span = hour; span <= longestGap; span *= 4) {
    const fires: Instant[] = [];
    for (
      let fire = nextFire(expression, timeZone, now - span);
      fire !== undefined && fire <= now && fires.length < mostFires;
      fire = nextFire(expression, timeZone, fire + 1)
    )
      fires.push(fire);
    const [before, last] = fires.slice(-2);
    if (before !== undefined && last !== undefined && fires.length < mostFires) return [before, last];
  }
  return undefined;
}

const longestGap = 800 * day;
const mostFires = 1000;

const crons = new Map<string, Cron>();

/** At or after `from`. Compiled expressions are kept: a thousand images share a few schedules. */
function nextFire(expression: string, timeZone: string, from: Instant): Instant | undefined {
  const key = `${timeZone} ${expression}`;
  let cron = crons.get(key);
  if (!cron) {
    cron = new Cron(expression, { timezone: timeZone, paused: true });
    crons.set(key, cron);
  }
  return cron.nextRun(new Date(from - 1))?.getTime();
}
