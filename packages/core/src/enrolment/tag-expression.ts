import { err, ok, type Result } from '../result.ts';
import {
  anyCharacter,
  escapeSet,
  PatternMistake,
  readClass,
  single,
  type CharacterSet,
  type Reader,
} from './tag-characters.ts';

export type TagExpression =
  | { readonly kind: 'character'; readonly set: CharacterSet; readonly literal?: string }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  /** One after the other; empty matches the empty text. */
  | { readonly kind: 'all'; readonly of: readonly TagExpression[] }
  /** One of them. */
  | { readonly kind: 'any'; readonly of: readonly TagExpression[] }
  | { readonly kind: 'repeat'; readonly of: TagExpression; readonly min: number; readonly max: number };

/** RE2's own limit on counted repetition. */
const mostRepetitions = 1000;
const longestExpression = 1000;
const deepestGroups = 50;

/** Parses what RE2 and JavaScript read alike. */
export function parseTagExpression(source: string): Result<TagExpression, string> {
  if (source.length > longestExpression) return err(`longer than ${longestExpression} characters`);
  const reader: Reader = { source, at: 0 };
  try {
    const expression = readAlternatives(reader, 0);
    if (reader.at < source.length)
      throw new PatternMistake('a ")" has no "("; write "\\)" for the character itself');
    return ok(expression);
  } catch (thrown) {
    if (thrown instanceof PatternMistake) return err(thrown.message);
    throw thrown;
  }
}

function readAlternatives(reader: Reader, depth: number): TagExpression {
  if (depth > deepestGroups) throw new PatternMistake(`groups are nested more than ${deepestGroups} deep`);
  const alternatives = [readSequence(reader, depth)];
  while (reader.source[reader.at] === '|') {
    reader.at += 1;
    alternatives.push(readSequence(reader, depth));
  }
  const [only] = alternatives;
  return alternatives.length === 1 && only ? only : { kind: 'any', of: alternatives };
}

function readSequence(reader: Reader, depth: number): TagExpression {
  const parts: TagExpression[] = [];
  for (;;) {
    const next = reader.source[reader.at];
    if (next === undefined || next === '|' || next === ')') return { kind: 'all', of: parts };
    const atom = readAtom(reader, next, depth);
    parts.push(readRepetition(reader, atom));
  }
}

function readAtom(reader: Reader, next: string, depth: number): TagExpression {
  if (next === '(') return readGroup(reader, depth);
  if (next === '[') return { kind: 'character', set: readClass(reader) };
  if (next === '\\') return readEscape(reader);
  if ('*+?{}'.includes(next)) {
    throw new PatternMistake(`"${next}" repeats nothing here; write "\\${next}" for the character itself`);
  }
  reader.at += 1;
  if (next === '^') return { kind: 'start' };
  if (next === '$') return { kind: 'end' };
  if (next === '.') return { kind: 'character', set: anyCharacter };
  return { kind: 'character', set: single(next), literal: next };
}

function readGroup(reader: Reader, depth: number): TagExpression {
  const head = /^\(\?(?:<?[=!]|P?<|>|[-a-zA-Z]+[:)]|:)?/.exec(reader.source.slice(reader.at))?.[0] ?? '(';
  const mistake = groupMistake(head);
  if (mistake !== undefined) throw new PatternMistake(mistake);
  reader.at += head.length;
  const inner = readAlternatives(reader, depth + 1);
  if (reader.source[reader.at] !== ')') throw new PatternMistake('a "(" is not closed');
  reader.at += 1;
  return inner;
}

function groupMistake(head: string): string | undefined {
  if (head === '(' || head === '(?:') return undefined;
  if (/^\(\?<?[=!]$/.test(head)) {
    return `lookaround "${head}...)" is not supported by RE2; list the wanted tags with alternatives "(a|b)" instead`;
  }
  if (head === '(?<' || head === '(?P<') return 'named groups are not needed; write a plain group "(...)"';
  if (head === '(?>') return 'atomic groups "(?>...)" are not supported; write a plain group "(...)"';
  return `flags "${head}" are not supported; write both cases instead: [aA]`;
}

function readRepetition(reader: Reader, atom: TagExpression): TagExpression {
  const found = /^(?:[*+?]|\{\d{1,6}(?:,\d{0,6})?\})/.exec(
    reader.source.slice(reader.at, reader.at + 20),
  )?.[0];
  if (found === undefined) return atom;
  if (atom.kind === 'start' || atom.kind === 'end') throw new PatternMistake(`"${found}" repeats an anchor`);
  reader.at += found.length;
  // Lazy or not makes no difference to whether a tag matches.
  if (reader.source[reader.at] === '?') reader.at += 1;
  if (/^(?:[*+?]|\{\d)/.test(reader.source.slice(reader.at, reader.at + 2))) {
    throw new PatternMistake(
      `"${found}${reader.source[reader.at]}" repeats a repetition; put a group around it`,
    );
  }
  const [min, max] = bounds(found);
  if (min > mostRepetitions || (max !== Infinity && max > mostRepetitions)) {
    throw new PatternMistake(`"${found}" repeats more than ${mostRepetitions} times`);
  }
  if (max < min) throw new PatternMistake(`"${found}" has its bounds in the wrong order`);
  return { kind: 'repeat', of: atom, min, max };
}

function bounds(found: string): [number, number] {
  if (found === '*') return [0, Infinity];
  if (found === '+') return [1, Infinity];
  if (found === '?') return [0, 1];
  const [least = '', most] = found.slice(1, -1).split(',');
  if (most === undefined) return [Number(least), Number(least)];
  return [Number(least), most === '' ? Infinity : Number(most)];
}

function readEscape(reader: Reader): TagExpression {
  const escape = escapeSet(reader);
  return { kind: 'character', ...escape };
}
