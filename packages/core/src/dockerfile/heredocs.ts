import { isAsciiDigit, isRegexpSpace } from './characters.ts';
import { emptyScope, WordLexer } from './word-lexer.ts';
import { Refusal } from './refusal.ts';

/** The start of a heredoc: `3<<-"EOF"`. */
export interface HeredocStart {
  readonly name: string;
  /** Are variables in the text replaced? Not where any part of the delimiter is quoted. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are dropped. */
  readonly chomp: boolean;
}

export interface Heredoc extends HeredocStart {
  /** Everything up to the terminator's line, line ends included. */
  readonly content: string;
}

/** Every heredoc that a logical line starts, in order. Rule: research "dockerfile", section 5. */
export function heredocsOfLine(line: string): HeredocStart[] {
  const starts: HeredocStart[] = [];
  for (const word of wordsOfLine(line)) {
    const start = parseHeredoc(word);
    if (start !== undefined) starts.push(start);
  }
  return starts;
}

/** A line that cannot be lexed (an apostrophe in a shell comment) has no heredocs. */
function wordsOfLine(line: string): readonly string[] {
  try {
    return new WordLexer(line, emptyScope, {
      escape: '\\',
      rawQuotes: true,
      rawEscapes: true,
      keepUnset: true,
      splitWords: true,
    }).run().words;
  } catch (thrown) {
    if (thrown instanceof Refusal) return [];
    throw thrown;
  }
}

/** Digits, `<<`, `-`, blanks, then a delimiter without `<` that lexes to exactly one word. Throws BAD_SUBSTITUTION. */
export function parseHeredoc(word: string): HeredocStart | undefined {
  let index = 0;
  while (isAsciiDigit(word.charCodeAt(index))) index += 1;
  if (!word.startsWith('<<', index)) return undefined;
  index += 2;
  const chomp = word.charAt(index) === '-';
  if (chomp) index += 1;
  while (isRegexpSpace(word.charCodeAt(index))) index += 1;
  const delimiter = word.slice(index);
  if (delimiter === '' || delimiter.includes('<')) return undefined;

  const words = lexDelimiter(delimiter, false);
  if (words.length !== 1) return undefined;
  const rawWords = lexDelimiter(delimiter, true);
  if (rawWords.length !== 1) {
    throw new Refusal(
      'BAD_SUBSTITUTION',
      `internal lexing of heredoc produced inconsistent results: ${delimiter}`,
    );
  }
  const name = words[0] ?? '';
  return { name, chomp, expand: countQuotes(name) === countQuotes(rawWords[0] ?? '') };
}

/** The delimiter's escape is a backslash whatever the directive says. */
function lexDelimiter(delimiter: string, rawQuotes: boolean): readonly string[] {
  return new WordLexer(delimiter, emptyScope, {
    escape: '\\',
    rawQuotes,
    keepUnset: true,
    splitWords: true,
  }).run().words;
}

function countQuotes(text: string): number {
  let count = 0;
  for (const character of text) if (character === "'" || character === '"') count += 1;
  return count;
}
