import { conditionTypes, severityOf, type Channel } from '../enrolment/notification-settings.ts';
import type { Message } from '../ports/notifier.ts';
import type { BaseRecord, FactoryState, ImageRecord } from '../state/types.ts';
import { formatDuration, formatInstant, minute, type Instant } from '../time.ts';
import type { Alert } from './alerts.ts';
import { isNews, markHappeningTold, type Happening } from './happenings.ts';
import { dutiesOf, isSame, markTold, type Duty } from './told.ts';

/** A message for one channel, and how the record says afterwards that it arrived. */
export interface Telling {
  readonly channel: string;
  readonly message: Message;
  /** The record of its image, or of its base, says so from now on; nothing where there is none any more. */
  readonly mark: (state: ToldState, issue: string | undefined, now: Instant) => void;
}

/** Records that are being marked: many messages are marked in one transaction. */
export interface ToldState {
  readonly images: Map<string, ImageRecord>;
  readonly bases: Map<string, BaseRecord>;
}

/** More than this in one cycle waits for the next one. */
const mostPerChannel = 100;

/**
 * What each channel is to be told now: by channel, then by severity. The records must know the alerts already
 * (`noteAlerts`); what they say was told is not told again.
 */
export function messagesOf(
  state: FactoryState,
  alerts: readonly Alert[],
  happenings: readonly Happening[],
  channels: readonly Channel[],
  now: Instant,
): readonly Telling[] {
  const byImage = Map.groupBy(alerts, ({ image }) => image);
  const noted = [...state.images.values()].filter((record) => record.alerts !== undefined);
  return channels.flatMap((channel) => {
    const tellings: Telling[] = [];
    for (const record of noted) {
      const own = byImage.get(record.name) ?? [];
      for (const duty of dutiesOf(record, own, channel, now))
        tellings.push(ofCondition(record, duty, own, channel.name, now));
    }
    for (const happening of happenings) {
      const { image, base } = happening;
      const record = image === undefined ? state.bases.get(base ?? '') : state.images.get(image);
      if (record && isNews(record, happening, channel))
        tellings.push(ofHappening(record, happening, channel.name));
    }
    const weight = { error: 0, warning: 1, info: 2 };
    return tellings
      .toSorted((left, right) => weight[left.message.severity] - weight[right.message.severity])
      .slice(0, mostPerChannel);
  });
}

function ofCondition(
  record: ImageRecord,
  duty: Duty,
  alerts: readonly Alert[],
  channel: string,
  now: Instant,
): Telling {
  const { entry, phase } = duty;
  const alert = alerts.find((each) => isSame(entry, each));
  const thread = [record.name, entry.kind, ...(entry.base === undefined ? [] : [entry.base])].join(' ');
  const begun = formatInstant(entry.since);
  const number = entry.issues[channel];
  const kind = conditionTypes.find((each) => each === entry.kind);
  const id =
    phase === 'still'
      ? `${thread} ${begun} still ${formatInstant(entry.told[channel] ?? now)}`
      : `${thread} ${begun} ${phase}`;
  return {
    channel,
    message: {
      id,
      thread: `${thread} ${begun}`,
      phase,
      type: kind ?? 'unobserved',
      severity: phase === 'resolved' ? 'info' : (alert?.severity ?? 'warning'),
      at: now,
      title: titleOf(record.name, entry.kind, phase, alert?.what, now - entry.since),
      image: record.name,
      ...(entry.base === undefined ? {} : { base: entry.base }),
      ...ownerOf(record),
      since: entry.since,
      ...detailsOf(phase === 'resolved' ? undefined : alert),
      ...(number === undefined ? {} : { issue: number }),
    },
    mark({ images }, issue, at) {
      const newest = images.get(record.name);
      if (newest) images.set(record.name, markTold(newest, duty, channel, issue, at));
    },
  };
}

function titleOf(
  image: string,
  kind: string,
  phase: Duty['phase'],
  what: string | undefined,
  lasted: number,
): string {
  const length = formatDuration(Math.max(minute, Math.round(lasted / minute) * minute));
  if (phase === 'resolved') return `${image}: ${kind} is over, after ${length}`;
  return phase === 'still' ? `${image}: still, for ${length}: ${what ?? kind}` : `${image}: ${what ?? kind}`;
}

function detailsOf(alert: Alert | undefined): Partial<Message> {
  if (!alert) return {};
  const { times, error, log, next, advice } = alert;
  return {
    ...(times === undefined ? {} : { times }),
    ...(error === undefined ? {} : { error }),
    ...(log === undefined ? {} : { log }),
    next,
    advice,
  };
}

function ofHappening(
  record: ImageRecord | BaseRecord,
  { id, type, image, event }: Happening,
  channel: string,
): Telling {
  const key = event.data?.['key'];
  const own = 'rebuilds' in record ? record : undefined;
  const rebuild = own?.rebuilds.findLast((each) => each.key === key && each.endedAt === event.at);
  const { error, log } = type === 'rebuild-failed' && rebuild ? rebuild : {};
  return {
    channel,
    message: {
      id: `${record.name} ${id}`,
      thread: `${record.name} ${id}`,
      phase: 'happened',
      type,
      severity: severityOf[type],
      at: event.at,
      title: event.text,
      ...(image === undefined ? { base: record.name } : { image }),
      ...(own ? ownerOf(own) : {}),
      ...(error === undefined ? {} : { error }),
      ...(log === undefined ? {} : { log }),
    },
    mark({ images, bases }, _issue, at) {
      const newest = images.get(record.name);
      const newestBase = bases.get(record.name);
      if (own && newest) images.set(record.name, markHappeningTold(newest, id, channel, at));
      if (!own && newestBase) bases.set(record.name, markHappeningTold(newestBase, id, channel, at));
    },
  };
}

function ownerOf({ enrollment }: ImageRecord): { readonly owner?: string } {
  const owner = enrollment['owner'];
  return typeof owner === 'string' ? { owner } : {};
}

/** What `notify --test` sends. */
export function testMessage(channel: string, now: Instant): Message {
  return {
    id: `test ${channel} ${formatInstant(now)}`,
    thread: `test ${channel} ${formatInstant(now)}`,
    phase: 'test',
    type: 'test',
    severity: 'info',
    at: now,
    title: `Test message of Image Factory for the channel ${channel}`,
    advice: 'Nothing is to be done: whoever reads this is told.',
  };
}

/** Lines of a message below its title, as name and text; channels escape them. */
export function linesOf(message: Message): readonly (readonly [string, string])[] {
  const { since, times, error, log, next, advice, owner } = message;
  const lines: (readonly [string, string | undefined])[] = [
    ['since', since === undefined ? undefined : formatInstant(since)],
    ['failed', times === undefined ? undefined : `${times} times`],
    ['last error', error],
    ['log', log],
    ['next try', next],
    ['what to do', advice],
    ['owner', owner],
  ];
  return lines.flatMap(([name, text]) => (text === undefined || text === '' ? [] : [[name, text] as const]));
}
