import { formatDuration, type Instant } from '@image-factory/core/time.ts';

/** Colour and time for people. Colours are marks until {@link toTerminal} turns them into escapes or drops them. */
export interface Style {
  readonly width: number;
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
  /** `in 3h`, `2d ago`, `now`. */
  when(at: Instant): string;
}

const marks = { bold: '\uE001', dim: '\uE002', good: '\uE003', warn: '\uE004', bad: '\uE005', end: '\uE000' };
const escapes: Readonly<Record<string, string>> = {
  [marks.bold]: '\u001b[1m',
  [marks.dim]: '\u001b[2m',
  [marks.good]: '\u001b[32m',
  [marks.warn]: '\u001b[33m',
  [marks.bad]: '\u001b[31m',
  [marks.end]: '\u001b[0m',
};

export function createStyle(options: { readonly width: number; readonly now: Instant }): Style {
  const paint = (mark: string) => (text: string) => `${mark}${text}${marks.end}`;
  return {
    width: options.width,
    bold: paint(marks.bold),
    dim: paint(marks.dim),
    good: paint(marks.good),
    warn: paint(marks.warn),
    bad: paint(marks.bad),
    when: (at) => relative(at, options.now),
  };
}

/** Text as it may be printed: control characters from names, registries or messages never reach the terminal. */
export function toTerminal(text: string, colour: boolean): string {
  return printable(text).replaceAll(/[\uE000-\uE005]/g, (mark) => (colour ? (escapes[mark] ?? '') : ''));
}

export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are the characters that must not pass
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD');
}

function relative(at: Instant, now: Instant): string {
  const distance = Math.abs(at - now);
  if (distance < 1000) return 'now';
  return at > now ? `in ${coarse(distance)}` : `${coarse(distance)} ago`;
}

/** The two largest units: nobody wants seconds beside days. */
function coarse(distance: number): string {
  const text = formatDuration(distance);
  return /^(?:\d+[dhms]){1,2}/.exec(text)?.[0] ?? text;
}
