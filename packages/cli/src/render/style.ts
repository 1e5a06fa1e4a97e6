import { formatDuration, type Instant } from '@image-factory/core/time.ts';

/** Colour and time for people; plain where the output is no terminal. */
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

export function createStyle(options: { readonly colour: boolean; readonly width: number; readonly now: Instant }): Style {
  const paint = (code: number) => (text: string) => (options.colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    width: options.width,
    bold: paint(1),
    dim: paint(2),
    good: paint(32),
    warn: paint(33),
    bad: paint(31),
    when: (at) => relative(at, options.now),
  };
}

function relative(at: Instant, now: Instant): string {
  const distance = Math.abs(at - now);
  if (distance < 1000) return 'now';
  const text = coarse(distance);
  return at > now ? `in ${text}` : `${text} ago`;
}

/** The two largest units: nobody wants seconds beside days. */
function coarse(distance: number): string {
  return /^(?:\d+[dhms]){1,2}/.exec(formatDuration(distance))?.[0] ?? formatDuration(distance);
}

/** Control characters from names, messages or registries must not reach the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD');
}
