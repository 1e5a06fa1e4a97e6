import { Cron } from 'croner';
import { err, ok, type Result } from '../result.ts';
import type { Memory } from './memory.ts';
import type { Schedule } from './types.ts';

/** A fixed moment to ask for the next run from: the answer must not depend on the clock. */
const someDay = new Date(Date.UTC(2024, 0, 1));

/** Reads `daily`, `0 3 * * *`, `CRON_TZ=Europe/Zurich 0 3 * * *`, or the two parts of the object form. */
export function readSchedule(
  expression: string,
  timeZone: string | undefined,
  memory: Memory,
): Result<Schedule, string> {
  const written = expression.trim();
  if (written === 'daily') {
    return timeZone === undefined
      ? ok({ kind: 'daily' })
      : err('"daily" takes no time zone: write a cron expression');
  }
  const zoned = /^(?:CRON_)?TZ=(\S*)\s+(.*)$/s.exec(written);
  if (zoned && timeZone !== undefined)
    return err('the time zone is written twice: in the expression and as timeZone');
  const zone = zoned?.[1] ?? timeZone ?? 'UTC';
  const cron = (zoned?.[2] ?? written).trim().replaceAll(/\s+/g, ' ');
  if (!isTimeZone(zone, memory)) {
    return err(`"${zone.slice(0, 60)}" is not a time zone: write a name like Europe/Zurich or UTC`);
  }
  const mistake = cronMistake(cron, memory);
  return mistake === undefined ? ok({ kind: 'cron', expression: cron, timeZone: zone }) : err(mistake);
}

export function isTimeZone(zone: string, memory: Memory): boolean {
  const known = memory.zones.get(zone);
  if (known !== undefined) return known;
  let valid = /^[A-Za-z][\w+/-]{0,63}$/.test(zone);
  try {
    if (valid) new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    valid = false;
  }
  memory.zones.set(zone, valid);
  return valid;
}

function cronMistake(cron: string, memory: Memory): string | undefined {
  if (memory.crons.has(cron)) return memory.crons.get(cron);
  const mistake = findCronMistake(cron);
  memory.crons.set(cron, mistake);
  return mistake;
}

function findCronMistake(cron: string): string | undefined {
  const shown = JSON.stringify(cron.slice(0, 60));
  const fields = cron === '' ? 0 : cron.split(' ').length;
  if (cron.length > 200 || (fields !== 5 && fields !== 6)) {
    return `${shown} is neither "daily" nor a cron expression with five or six fields`;
  }
  try {
    const next = new Cron(cron, { paused: true, timezone: 'UTC' }).nextRun(someDay);
    return next ? undefined : `the cron expression ${shown} never comes true`;
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.replace(/^Cron\w*: /, '') : String(thrown);
    return `${shown} is not a cron expression: ${reason.slice(0, 160)}`;
  }
}
