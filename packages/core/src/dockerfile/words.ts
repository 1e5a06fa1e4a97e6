import { isSpace } from './characters.ts';
import { Refusal } from './refusal.ts';
import type { Escape } from './word-lexer.ts';

/** Words of ARG, ENV and LABEL: split at white space outside quotes; quotes and escapes stay. */
export interface QuotedWord {
  readonly text: string;
  /** Where it begins in the text that was split. */
  readonly start: number;
}

export function splitQuotedWords(text: string, escape: Escape): QuotedWord[] {
  const words: QuotedWord[] = [];
  let index = 0;
  while (index < text.length) {
    if (isSpace(text.charCodeAt(index))) {
      index += 1;
      continue;
    }
    const word = readQuotedWord(text, index, escape);
    if (word.text !== '') words.push({ text: word.text, start: index });
    index = word.end;
  }
  return words;
}

function readQuotedWord(text: string, start: number, escape: Escape): { text: string; end: number } {
  let quote = '';
  let copied = start;
  let word = '';
  let index = start;
  for (; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote === '' && isSpace(text.charCodeAt(index))) break;
    if (character === escape && quote !== "'") {
      if (index + 1 === text.length) {
        // An escape at the very end escapes nothing and vanishes.
        word += text.slice(copied, index);
        copied = index + 1;
      } else {
        index += 1;
      }
    } else if (quote === '' && (character === "'" || character === '"')) {
      quote = character;
    } else if (character === quote) {
      quote = '';
    }
  }
  const end = Math.min(index, text.length);
  return { text: word + text.slice(copied, end), end };
}

/**
 * The strings of a JSON array, or undefined where the text is none and is read as words instead.
 * Throws INVALID_INSTRUCTION for an array that holds anything but strings.
 */
export function parseJsonArray(text: string): string[] | undefined {
  let start = 0;
  while (isSpace(text.charCodeAt(start))) start += 1;
  if (text.charAt(start) !== '[') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text.slice(start));
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || hasHugeNumber(value)) return undefined;
  if (!value.every((item) => typeof item === 'string')) {
    throw new Refusal(
      'INVALID_INSTRUCTION',
      'when using JSON array syntax, arrays must be comprised of strings only',
    );
  }
  return value.map((item: string) => item.toWellFormed());
}

/** A number that fits no float makes the text no JSON for Go. Nested arrays are looked at one level deep only: enough. */
function hasHugeNumber(values: readonly unknown[]): boolean {
  return values.some((value) => typeof value === 'number' && !Number.isFinite(value));
}
