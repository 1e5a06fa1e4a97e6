import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { formatInstant, parseInstant, type Instant } from '../time.ts';
import { isMap } from './data-equal.ts';
import type { StateChanges, StateFiles } from './files.ts';
import type { Event } from './types.ts';

/** One line of JSON per event. */
export function encodeEvents(events: readonly Event[]): string {
  return events
    .map(
      ({ at, type, image, base, text, data }) =>
        JSON.stringify({ at: formatInstant(at), type, image, base, text, data }) + '\n',
    )
    .join('');
}

/** The events of a log file, and how many of its lines could not be read. */
export function decodeEvents(text: string): {
  readonly events: readonly Event[];
  readonly unreadable: number;
} {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const events = lines.flatMap((line) => decodeEvent(line) ?? []);
  return { events, unreadable: lines.length - events.length };
}

function decodeEvent(line: string): Event | undefined {
  const data = parseLine(line);
  if (!isMap(data)) return undefined;
  const { at, type, image, base, text, data: details } = data;
  const instant = typeof at === 'string' ? parseInstant(at) : undefined;
  if (instant === undefined || typeof type !== 'string' || typeof text !== 'string') return undefined;
  return {
    at: instant,
    type,
    ...(typeof image === 'string' ? { image } : {}),
    ...(typeof base === 'string' ? { base } : {}),
    text,
    ...(isMap(details) ? { data: details } : {}),
  };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/**
 * The file to add for the events of one transaction; nothing for none. It stands in the month of the first, under a name
 * from its time and their content: the same events always give the same path, so that a transaction that is applied
 * again writes the same file.
 */
export function eventChanges(events: readonly Event[]): StateChanges {
  const first = events[0];
  if (!first) return new Map();
  const text = encodeEvents(events);
  const time = formatInstant(first.at);
  const id = `${time.replace(/[-:.]/g, '')}-${bytesToHex(sha256(utf8ToBytes(text))).slice(0, 16)}`;
  return new Map([[`events/${time.slice(0, 7)}/${id}.jsonl`, text]]);
}

const foldedName = 'all.jsonl';

/**
 * Makes one file of a month's, ordered by time; lines that cannot be read stay behind the line they followed.
 * Empty where there is nothing to fold.
 */
export function foldMonth(files: StateFiles, month: string): StateChanges {
  const folder = `events/${month}/`;
  const target = folder + foldedName;
  const paths = [...files.keys()]
    .filter((path) => path.startsWith(folder) && path.endsWith('.jsonl'))
    .toSorted();
  const loose = paths.filter((path) => path !== target);
  if (loose.length === 0) return new Map();
  const lines = [target, ...loose].flatMap((path) => timedLines(files.get(path) ?? ''));
  lines.sort((left, right) => left.at - right.at);
  const changes = new Map<string, string | null>(loose.map((path) => [path, null]));
  return changes.set(target, lines.map(({ line }) => line + '\n').join(''));
}

function timedLines(text: string): { at: Instant; line: string }[] {
  let at = 0;
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      at = decodeEvent(line)?.at ?? at;
      return { at, line };
    });
}

/** Folds every month that ended before the one in which `now` lies. */
export function foldClosedMonths(files: StateFiles, now: Instant): StateChanges {
  const current = formatInstant(now).slice(0, 7);
  const months = new Set<string>();
  for (const path of files.keys()) {
    const month = /^events\/(\d{4}-\d{2})\/[^/]+\.jsonl$/.exec(path)?.[1];
    if (month !== undefined && month < current) months.add(month);
  }
  return new Map([...months].toSorted().flatMap((month) => [...foldMonth(files, month)]));
}
