import type { Channel, HappeningType } from '../enrolment/notification-settings.ts';
import { severityOf } from '../enrolment/notification-settings.ts';
import { decodeEvents } from '../state/events.ts';
import type { StateFiles } from '../state/files.ts';
import type { Event, ToldEvent } from '../state/types.ts';
import { day, formatInstant, parseInstant, type Instant } from '../time.ts';
import { rank } from './told.ts';

/** What happened earlier is no news. */
const newsFor = day;
const rememberedFor = 2 * day;

/** An event of the audit log that people may want to hear of. */
export interface Happening {
  readonly id: string;
  readonly type: HappeningType;
  /** The image, or else the base, that it happened to: its record says who was told. */
  readonly image: string | undefined;
  readonly base: string | undefined;
  readonly event: Event;
}

/** What the audit log says happened to images and bases in the last day, oldest first. */
export function happeningsOf(files: StateFiles, now: Instant): readonly Happening[] {
  const since = now - newsFor;
  const months = new Set([since, now].map((instant) => formatInstant(instant).slice(0, 7)));
  const found: Happening[] = [];
  for (const [path, text] of files) {
    const [, month = '', time] = /^events\/(\d{4}-\d{2})\/(\d{8}T\d{6}|all)[^/]*\.jsonl$/.exec(path) ?? [];
    if (!months.has(month) || (time !== 'all' && (startOf(time ?? '') ?? 0) < since - newsFor)) continue;
    for (const event of decodeEvents(text).events) {
      if (event.at < since || event.at > now + newsFor) continue;
      const { image } = event;
      const base = image === undefined ? event.base : undefined;
      const type = image === undefined ? typeOfBase(event) : typeOf(event);
      if (!type || (image ?? base) === undefined) continue;
      found.push({ id: `${formatInstant(event.at)} ${type}`, type, image, base, event });
    }
  }
  return found.toSorted((left, right) => left.event.at - right.event.at);
}

/** `20260131T120000`, as file names have it. */
function startOf(time: string): Instant | undefined {
  return parseInstant(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:$6Z'));
}

function typeOf({ type, data }: Event): HappeningType | undefined {
  switch (type) {
    case 'rebuild-ended': {
      const outcome = data?.['outcome'];
      if (outcome === 'success') return 'rebuild-succeeded';
      return outcome === 'failure' || outcome === 'base-drift' ? 'rebuild-failed' : undefined;
    }
    case 'intent':
      return data?.['emergency'] === true ? 'emergency' : undefined;
    case 'rollback':
    case 'hold':
    case 'release':
      return type;
    default:
      return undefined;
  }
}

function typeOfBase({ type }: Event): HappeningType | undefined {
  return type === 'hold' || type === 'release' ? `base-${type}` : undefined;
}

/** A record that says which events were told. */
interface Telling {
  readonly toldEvents?: readonly ToldEvent[];
}

/** Is the channel still to be told of it? */
export function isNews(record: Telling, { id, type }: Happening, channel: Channel): boolean {
  const wanted = channel.events.includes(type) && rank[severityOf[type]] >= rank[channel.minSeverity];
  return (
    wanted &&
    !record.toldEvents?.some(({ event, channels }) => event === id && channels.includes(channel.name))
  );
}

/** The record once a channel was told; what nobody will ask for again is forgotten on this occasion. */
export function markHappeningTold<T extends Telling>(
  record: T,
  id: string,
  channel: string,
  now: Instant,
): T {
  const before = record.toldEvents ?? [];
  const known = before.find(({ event }) => event === id);
  if (known?.channels.includes(channel)) return record;
  const kept = before.filter(({ event }) => event !== id && isRemembered(event, now));
  const marked: ToldEvent = { event: id, channels: [...(known?.channels ?? []), channel] };
  return { ...record, toldEvents: [...kept, marked] };
}

function isRemembered(id: string, now: Instant): boolean {
  return (parseInstant(id.split(' ', 1)[0] ?? '') ?? 0) > now - rememberedFor;
}
