import { isBlank, isSpace } from './characters.ts';
import type { Escape } from './word-lexer.ts';

/** A flag as BuildKit reads it, and where it stands in the line. */
export interface FlagWord {
  /** Quotes and one level of escape removed: `--from=x`. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A logical line taken apart: instruction word, flags, and the rest. */
export interface SplitLine {
  readonly command: string;
  /** Undefined where nothing follows the instruction word. */
  readonly flags: readonly FlagWord[] | undefined;
  readonly rest: string;
  /** Offset of `rest` in the line. */
  readonly restStart: number;
}

/** Rule: research "dockerfile", sections 3 and 6. */
export function splitInstruction(line: string, escape: Escape): SplitLine {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line.charCodeAt(start))) start += 1;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end -= 1;
  let commandEnd = start;
  while (commandEnd < end && !isBlank(line.charCodeAt(commandEnd))) commandEnd += 1;
  const command = line.slice(start, commandEnd);
  if (commandEnd === end) return { command, flags: undefined, rest: '', restStart: end };

  let restStart = commandEnd;
  while (isBlank(line.charCodeAt(restStart))) restStart += 1;
  const { flags, flagsEnd } = readFlags(line.slice(restStart, end), restStart, escape);
  restStart = flagsEnd;
  while (restStart < end && isSpace(line.charCodeAt(restStart))) restStart += 1;
  return { command, flags, rest: line.slice(restStart, end), restStart };
}

const noFlags: readonly FlagWord[] = [];

function readFlags(
  text: string,
  offset: number,
  escape: Escape,
): { flags: readonly FlagWord[]; flagsEnd: number } {
  const first = text.charCodeAt(0);
  if (first !== 0x2d && !isSpace(first)) return { flags: noFlags, flagsEnd: offset };
  if (isAscii(text)) {
    const { flags, end } = scanFlags(text, escape);
    return { flags: flags.map((flag) => shift(flag, offset)), flagsEnd: offset + end };
  }
  return readFlagsOfBytes(text, offset, escape);
}

/**
 * BuildKit reads flags byte by byte and takes each byte for a character: an `é` comes out as two characters, and
 * an `à` even ends the word. So the bytes are read as Latin-1, and places are counted back.
 */
function readFlagsOfBytes(
  text: string,
  offset: number,
  escape: Escape,
): { flags: readonly FlagWord[]; flagsEnd: number } {
  const bytes = new TextEncoder().encode(text);
  let latin = '';
  const places: number[] = [];
  let index = 0;
  for (const character of text) {
    const width = utf8Width(character.codePointAt(0) ?? 0);
    for (let count = 0; count < width; count += 1) {
      latin += String.fromCharCode(bytes[latin.length] ?? 0);
      places.push(index);
    }
    index += character.length;
  }
  places.push(index);
  const { flags, end } = scanFlags(latin, escape);
  const place = (position: number): number => offset + (places[position] ?? index);
  return {
    flags: flags.map((flag) => ({ text: flag.text, start: place(flag.start), end: place(flag.end) })),
    flagsEnd: place(end),
  };
}

function utf8Width(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** Words that begin with `--`, up to the first other word or a bare `--`. `end` is where the rest begins. */
function scanFlags(text: string, escape: Escape): { flags: FlagWord[]; end: number } {
  const flags: FlagWord[] = [];
  let index = 0;
  for (;;) {
    while (index < text.length && isByteSpace(text.charCodeAt(index))) index += 1;
    if (!text.startsWith('--', index)) return { flags, end: index };
    const word = scanFlag(text, index, escape);
    if (word.text === '--') return { flags, end: word.end };
    flags.push({ text: word.text, start: index, end: word.end });
    index = word.end;
  }
}

function scanFlag(text: string, start: number, escape: Escape): { text: string; end: number } {
  let quote = '';
  let word = '';
  let index = start;
  for (; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote === '') {
      if (isByteSpace(text.charCodeAt(index))) break;
      if (character === '"' || character === "'") {
        quote = character;
        continue;
      }
    } else if (character === quote) {
      quote = '';
      continue;
    }
    if (character !== escape) {
      word += character;
    } else if (index + 1 < text.length) {
      index += 1;
      word += text.charAt(index);
    }
  }
  return { text: word, end: index };
}

/** unicode.IsSpace of a single byte. */
function isByteSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0x85 || code === 0xa0;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

function shift(flag: FlagWord, offset: number): FlagWord {
  return { text: flag.text, start: flag.start + offset, end: flag.end + offset };
}

/** The instruction word in lower case, as BuildKit looks it up. */
export function keywordOf(command: string): string {
  return command.toLowerCase();
}
