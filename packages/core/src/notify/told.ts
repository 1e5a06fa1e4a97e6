import type { Channel } from '../enrolment/notification-settings.ts';
import type { ImageRecord, ToldAlert } from '../state/types.ts';
import { day, type Instant } from '../time.ts';
import type { Alert } from './alerts.ts';

/** Who cannot be told for so long that something is over is not told any more. */
const givenUpAfter = 7 * day;

/**
 * The record with the conditions that there are now; the very same record where they are those of before. A condition
 * that is over and that nobody was told of is forgotten, and so are channels that exist no more.
 */
export function noteAlerts(
  record: ImageRecord,
  alerts: readonly Alert[],
  channels: readonly Channel[],
  now: Instant,
): ImageRecord {
  const before = record.alerts ?? [];
  const names = new Set(channels.map(({ name }) => name));
  const kept = before.flatMap((entry) => {
    const lasts = alerts.some((alert) => isSame(entry, alert));
    return noted(entry, lasts, names, now) ?? [];
  });
  const fresh = alerts
    .filter((alert) => names.size > 0 && !before.some((entry) => isSame(entry, alert)))
    .map(({ kind, base, since = now }): ToldAlert => {
      const begun = Math.min(since, now);
      return { kind, ...(base === undefined ? {} : { base }), since: begun, told: {}, issues: {} };
    });
  const unchanged = fresh.length === 0 && kept.length === before.length;
  return unchanged && kept.every((entry, index) => entry === before[index])
    ? record
    : withAlerts(record, [...kept, ...fresh]);
}

function noted(
  entry: ToldAlert,
  lasts: boolean,
  names: ReadonlySet<string>,
  now: Instant,
): ToldAlert | undefined {
  if (names.size === 0) return undefined;
  const known = knownChannels(entry, names);
  if (lasts) return known.over === undefined ? known : withoutOver(known);
  if (Object.keys(known.told).length === 0) return undefined;
  if (known.over === undefined) return { ...known, over: now };
  return known.over + givenUpAfter <= now ? undefined : known;
}

function knownChannels(entry: ToldAlert, names: ReadonlySet<string>): ToldAlert {
  const { told, issues } = entry;
  if ([...Object.keys(told), ...Object.keys(issues)].every((name) => names.has(name))) return entry;
  return { ...entry, told: only(told, names), issues: only(issues, names) };
}

function only<T>(map: Readonly<Record<string, T>>, names: ReadonlySet<string>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).filter(([name]) => names.has(name)));
}

function withoutOver(entry: ToldAlert): ToldAlert {
  const { over: _, ...rest } = entry;
  return rest;
}

/** Something about a condition that a channel is to be told of. */
export interface Duty {
  readonly entry: ToldAlert;
  readonly phase: 'raised' | 'still' | 'resolved';
}

/** What a channel is to be told about an image now: that a condition began, that it lasts, that it is over. */
export function dutiesOf(
  record: ImageRecord,
  alerts: readonly Alert[],
  channel: Channel,
  now: Instant,
): readonly Duty[] {
  return (record.alerts ?? []).flatMap((entry): readonly Duty[] => {
    const last = Object.hasOwn(entry.told, channel.name) ? entry.told[channel.name] : undefined;
    if (entry.over !== undefined) return last === undefined ? [] : [{ entry, phase: 'resolved' }];
    const alert = alerts.find((each) => isSame(entry, each));
    if (!alert || !wants(channel, alert)) return [];
    if (last === undefined) return now - entry.since >= alert.patience ? [{ entry, phase: 'raised' }] : [];
    return now - last >= channel.remindAfter ? [{ entry, phase: 'still' }] : [];
  });
}

/** The record once a channel was told; as it was where it does not know of the condition any more. */
export function markTold(
  record: ImageRecord,
  { entry, phase }: Duty,
  channel: string,
  issue: string | undefined,
  now: Instant,
): ImageRecord {
  const entries = record.alerts ?? [];
  const index = entries.findIndex((each) => isSame(each, entry) && each.since === entry.since);
  const found = entries[index];
  if (!found) return record;
  const { [channel]: _told, ...told } = found.told;
  const { [channel]: number, ...issues } = found.issues;
  const known = issue ?? number;
  const after: ToldAlert =
    phase === 'resolved'
      ? { ...found, told, issues }
      : {
          ...found,
          told: { ...told, [channel]: now },
          issues: known === undefined ? issues : { ...issues, [channel]: known },
        };
  const done = after.over !== undefined && Object.keys(after.told).length === 0;
  return withAlerts(record, done ? entries.toSpliced(index, 1) : entries.with(index, after));
}

function withAlerts(record: ImageRecord, alerts: readonly ToldAlert[]): ImageRecord {
  const { alerts: _, ...rest } = record;
  return alerts.length === 0 ? rest : { ...rest, alerts };
}

export function isSame(
  entry: { readonly kind: string; readonly base?: string },
  alert: { readonly kind: string; readonly base?: string },
): boolean {
  return entry.kind === alert.kind && entry.base === alert.base;
}

/** Does the channel want to hear of this? */
function wants(
  { events, minSeverity }: Channel,
  { kind, severity }: Pick<Alert, 'kind' | 'severity'>,
): boolean {
  return events.includes(kind) && rank[severity] >= rank[minSeverity];
}

export const rank = { info: 0, warning: 1, error: 2 } as const;
