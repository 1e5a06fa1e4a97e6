import { WordLexer, type Escape, type Scope } from './word-lexer.ts';

/** What a word becomes, and the names that it asked for. */
export interface Expansion {
  readonly text: string;
  readonly matched: ReadonlySet<string>;
  readonly unmatched: ReadonlySet<string>;
}

const none: ReadonlySet<string> = new Set();

/** One word in, one string out: quotes and escapes removed, variables replaced. Throws BAD_SUBSTITUTION. */
export function expandWord(word: string, scope: Scope, escape: Escape): Expansion {
  if (isPlain(word, escape)) return { text: word, matched: none, unmatched: none };
  const lexer = new WordLexer(word, scope, { escape });
  const { text } = lexer.run();
  return { text, matched: lexer.matched, unmatched: lexer.unmatched };
}

/** As {@link expandWord}, where only the text matters. */
export function expandText(word: string, scope: Scope, escape: Escape): string {
  return isPlain(word, escape) ? word : new WordLexer(word, scope, { escape }).run().text;
}

/** Expands, then splits at white space that is not quoted. */
export function expandWords(word: string, scope: Scope, escape: Escape): readonly string[] {
  return new WordLexer(word, scope, { escape, splitWords: true }).run().words;
}

/** The text of a heredoc: variables are replaced, quotes stay, backslash escapes whatever the directive says. */
export function expandHeredoc(content: string, scope: Scope): string {
  if (!content.includes('$')) return content;
  return new WordLexer(content, scope, { escape: '\\', ignoreQuotes: true }).run().text;
}

function isPlain(word: string, escape: Escape): boolean {
  for (let index = 0; index < word.length; index += 1) {
    const code = word.charCodeAt(index);
    // $ " ' and U+FEFF, which the lexer drops at the start
    if (code === 0x24 || code === 0x22 || code === 0x27 || code === 0xfeff || code === escape.charCodeAt(0))
      return false;
  }
  return true;
}
