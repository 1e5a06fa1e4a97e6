import { parseInstant, type Instant } from '../time.ts';
import type { FactoryShape } from './factory-schema.ts';
import { addProblem, shown, within, type Scope } from './findings.ts';
import { isTimeZone, readSchedule } from './read-schedule.ts';
import type { Memory } from './memory.ts';
import { readDuration } from './read-shared.ts';
import { readLine } from './read-source.ts';
import type { FreezeWindow } from './types.ts';
import { instantInZone } from './zoned-time.ts';

type WindowShape = NonNullable<FactoryShape['freezeWindows']>[number];

export function readFreezeWindows(
  shapes: readonly WindowShape[] | undefined,
  scope: Scope,
  memory: Memory,
): FreezeWindow[] {
  const names = new Set<string>();
  return (shapes ?? [])
    .map((shape, index) => {
      const here = within(scope, index);
      const name = readLine(shape.name, here, 'name') ?? `window ${index + 1}`;
      if (names.has(name)) {
        addProblem(
          within(here, 'name'),
          'CONFIG_CONFLICT',
          `two freeze windows are named ${shown(name)}`,
          'Rename one of the two.',
        );
      }
      names.add(name);
      return readWindow(shape, name, here, memory);
    })
    .filter((window) => window !== undefined);
}

function readWindow(
  shape: WindowShape,
  name: string,
  scope: Scope,
  memory: Memory,
): FreezeWindow | undefined {
  const raw = itemAt(scope);
  const single = has(raw, 'from') || has(raw, 'to');
  const recurring = has(raw, 'cron') || has(raw, 'duration');
  if (single === recurring) {
    addProblem(
      scope,
      'CONFIG_CONFLICT',
      `the freeze window ${shown(name)} needs either from and to, or cron and duration`,
      single
        ? 'Keep one of the two pairs.'
        : 'Add from and to for a single window, or cron and duration for a recurring one.',
    );
    return undefined;
  }
  for (const key of single ? (['from', 'to'] as const) : (['cron', 'duration'] as const)) {
    if (has(raw, key)) continue;
    addProblem(scope, 'CONFIG_CONFLICT', `the freeze window ${shown(name)} has no ${key}`, `Add ${key}.`);
  }
  if (shape.timeZone !== undefined && !isTimeZone(shape.timeZone, memory)) {
    addProblem(
      within(scope, 'timeZone'),
      'CONFIG_INVALID_VALUE',
      `${shown(shape.timeZone)} is not a time zone`,
      'Write a name like Europe/Zurich or UTC.',
    );
    return undefined;
  }
  const common = { name, allowEmergency: shape.allowEmergency ?? false };
  const times = single ? readSingle(shape, scope) : readRecurring(shape, scope, memory);
  return times && { ...common, ...times };
}

function readSingle(
  shape: WindowShape,
  scope: Scope,
): { readonly kind: 'between'; readonly from: Instant; readonly to: Instant } | undefined {
  const from = readTime(shape.from, shape.timeZone, within(scope, 'from'), 'from');
  const to = readTime(shape.to, shape.timeZone, within(scope, 'to'), 'to');
  if (from === undefined || to === undefined) return undefined;
  if (from < to) return { kind: 'between', from, to };
  addProblem(
    within(scope, 'to'),
    'CONFIG_CONFLICT',
    `the freeze window ends (${shown(shape.to)}) before it starts (${shown(shape.from)})`,
    'The window ends at the moment that "to" names; a date alone means its 00:00.',
  );
  return undefined;
}

function readTime(
  value: string | undefined,
  zone: string | undefined,
  scope: Scope,
  what: string,
): Instant | undefined {
  if (value === undefined) return undefined;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(value) && value.includes(':');
  const instant = isCalendarDate(value) ? parseInstant(value) : undefined;
  if (instant !== undefined) return zoned ? instant : instantInZone(instant, zone ?? 'UTC');
  addProblem(
    scope,
    'CONFIG_INVALID_VALUE',
    `${what} ${shown(value)} is not a time`,
    'Write 2026-12-20, 2026-12-20T18:00 or 2026-12-20T18:00:00+01:00.',
  );
  return undefined;
}

/** JavaScript reads 30 February as 2 March. */
function isCalendarDate(value: string): boolean {
  const date = value.slice(0, 10);
  const instant = parseInstant(date);
  return instant !== undefined && new Date(instant).toISOString().startsWith(date);
}

function readRecurring(
  shape: WindowShape,
  scope: Scope,
  memory: Memory,
): { kind: 'recurring'; cron: string; timeZone: string; duration: number } | undefined {
  const duration = readDuration(shape.duration, scope, 'duration');
  if (duration === 0) {
    addProblem(
      within(scope, 'duration'),
      'CONFIG_INVALID_VALUE',
      'duration must be longer than 0',
      'Write 62h, for example.',
    );
  }
  if (shape.cron === undefined) return undefined;
  const schedule = readSchedule(shape.cron, shape.timeZone, memory);
  if (schedule.ok && schedule.value.kind === 'cron') {
    if (duration === undefined) return undefined;
    return {
      kind: 'recurring',
      cron: schedule.value.expression,
      timeZone: schedule.value.timeZone,
      duration,
    };
  }
  addProblem(
    within(scope, 'cron'),
    'CONFIG_INVALID_VALUE',
    `cron: ${schedule.ok ? '"daily" is not a cron expression' : schedule.error}`,
    'Write minute hour day month weekday: 0 17 * * 5.',
  );
  return undefined;
}

function itemAt(scope: Scope): unknown {
  let value = scope.yaml.root;
  for (const step of scope.path) value = (value as Record<string | number, unknown>)[step];
  return value;
}

function has(raw: unknown, key: string): boolean {
  return typeof raw === 'object' && raw !== null && Object.hasOwn(raw, key);
}
