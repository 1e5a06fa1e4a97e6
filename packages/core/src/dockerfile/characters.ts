/*
 * BuildKit is written in Go, whose white space differs from that of JavaScript: U+0085 counts, U+FEFF does not.
 * Rule: research "dockerfile", section 20.
 */

/** Go's unicode.IsSpace. */
export function isSpace(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x85) return false;
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** The blanks that separate words of an instruction: tab, VT, FF, CR and space. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || (code >= 0x0b && code <= 0x0d);
}

/** What counts as space where BuildKit looks at bytes: a word with any other space in it is none that it knows. */
export function isAsciiSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** `\s` of a Go regular expression: no VT. */
export function isRegexpSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
}

export function trimSpace(text: string): string {
  const start = skipSpace(text, 0);
  let end = text.length;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** The index of the first character from `start` on that is no space. */
export function skipSpace(text: string, start: number): number {
  let index = start;
  while (index < text.length && isSpace(text.charCodeAt(index))) index += 1;
  return index;
}

/** Splits at every run of blanks; keeps empty parts at both ends, as a regexp split does. */
export function splitBlanks(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (!isBlank(text.charCodeAt(index))) continue;
    parts.push(text.slice(start, index));
    while (index + 1 < text.length && isBlank(text.charCodeAt(index + 1))) index += 1;
    start = index + 1;
  }
  parts.push(text.slice(start));
  return parts;
}

export function isAsciiDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

const letter = /^\p{L}$/u;
const digit = /^\p{Nd}$/u;

export function isUnicodeDigit(codePoint: number): boolean {
  return codePoint < 0x80 ? isAsciiDigit(codePoint) : digit.test(String.fromCodePoint(codePoint));
}

export function isUnicodeLetter(codePoint: number): boolean {
  if (codePoint < 0x80)
    return (codePoint >= 0x41 && codePoint <= 0x5a) || (codePoint >= 0x61 && codePoint <= 0x7a);
  return letter.test(String.fromCodePoint(codePoint));
}

/** Go's strconv.ParseBool; undefined for a text that is neither. */
export function parseBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}

const largestInt64 = 2n ** 63n;

/** Go's strconv.Atoi on a 64-bit machine: a signed decimal integer; undefined for anything else, and on overflow. */
export function parseInteger(text: string): number | undefined {
  if (text.length > 4096 || !/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value >= -largestInt64 && value < largestInt64 ? Number(value) : undefined;
}
