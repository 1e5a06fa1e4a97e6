import { isUnicodeDigit, isUnicodeLetter } from './characters.ts';
import { replaceAll, replaceFirst, trimPrefix, trimSuffix } from './pattern.ts';
import { Refusal } from './refusal.ts';
import { WordCollector } from './word-collector.ts';

/** The character that escapes: chosen by the `escape` directive. */
export type Escape = '\\' | '`';

export interface LexerOptions {
  readonly escape: Escape;
  /** Keep quotes in the result. */
  readonly rawQuotes?: boolean;
  /** Keep escape characters in the result. */
  readonly rawEscapes?: boolean;
  /** Quotes are ordinary characters (the text of a heredoc). */
  readonly ignoreQuotes?: boolean;
  /** Leave `$N` as it is where N has no value. */
  readonly keepUnset?: boolean;
  /** Collect words beside the text. */
  readonly splitWords?: boolean;
}

/** Variables by name. */
export interface Scope {
  get(name: string): string | undefined;
}

export const emptyScope: Scope = new Map<string, string>();

/** BuildKit has no limit; a Dockerfile that needs more than this is an attack (`ARG A=$B$B`, repeated). */
const longestResult = 32_768;
const deepestNesting = 200;

/**
 * BuildKit's shell-word lexer: removes quotes and escapes, replaces `$N` and the `${N...}` forms, and splits at white
 * space beside. One lexer reads one word. Throws BAD_SUBSTITUTION. Rule: research "dockerfile", section 8.
 */
export class WordLexer {
  /** Names that were looked up and found, and not found. */
  readonly matched = new Set<string>();
  readonly unmatched = new Set<string>();
  readonly #text: string;
  readonly #scope: Scope;
  readonly #options: LexerOptions;
  readonly #longest: number;
  #position: number;
  #rawEscapes: boolean;
  #depth = 0;
  /** Shared by nested words on purpose: a nested one forgets what the outer word had so far, as BuildKit does. */
  #word = '';

  constructor(text: string, scope: Scope, options: LexerOptions) {
    this.#text = text;
    this.#scope = scope;
    this.#options = options;
    this.#rawEscapes = options.rawEscapes ?? false;
    this.#longest = Math.max(longestResult, text.length);
    this.#position = text.startsWith('\uFEFF') ? 1 : 0;
  }

  /** The whole text as one string, and its words. */
  run(): { readonly text: string; readonly words: readonly string[] } {
    return this.#readUntil(undefined, this.#rawEscapes);
  }

  #readUntil(stop: string | undefined, rawEscapes: boolean): { text: string; words: string[] } {
    const outerRawEscapes = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    this.#depth += 1;
    if (this.#depth > deepestNesting) throw bad('substitutions are nested too deeply');
    this.#word = '';
    const words = new WordCollector();
    const splits = this.#options.splitWords ?? false;
    let text = '';
    for (;;) {
      const character = this.#peek();
      if (character === '') break;
      if (character === stop) {
        this.#position += 1;
        this.#rawEscapes = outerRawEscapes;
        this.#depth -= 1;
        this.#word = words.finish(this.#word);
        return { text, words: words.list };
      }
      const special = this.#readSpecial(character);
      if (special !== undefined) {
        text += special;
        if (splits)
          this.#word = character === '$' ? words.add(this.#word, special) : words.addRaw(this.#word, special);
      } else {
        this.#position += 1;
        let literal = character;
        if (character === this.#options.escape) {
          if (this.#rawEscapes) {
            if (splits) this.#word = words.addRaw(this.#word, character);
            text += character;
          }
          literal = this.#peek();
          if (literal === '') break;
          this.#position += 1;
          if (splits) this.#word = words.addRaw(this.#word, literal);
        } else if (splits) {
          this.#word = words.add(this.#word, literal);
        }
        text += literal;
      }
      if (text.length > this.#longest) throw bad(`a word expands to more than ${this.#longest} characters`);
    }
    if (stop !== undefined) throw bad(`unexpected end of statement while looking for matching ${stop}`);
    this.#rawEscapes = outerRawEscapes;
    this.#depth -= 1;
    this.#word = words.finish(this.#word);
    return { text, words: words.list };
  }

  #readSpecial(character: string): string | undefined {
    if (character === '$') return this.#readDollar();
    if (character === '<') return this.#readHeredocMark();
    if (this.#options.ignoreQuotes) return undefined;
    if (character === "'") return this.#readSingleQuotes();
    return character === '"' ? this.#readDoubleQuotes() : undefined;
  }

  #readSingleQuotes(): string {
    const close = this.#text.indexOf("'", this.#position + 1);
    if (close === -1) {
      this.#position = this.#text.length;
      throw bad('unexpected end of statement while looking for matching single-quote');
    }
    const raw = this.#options.rawQuotes ?? false;
    const inner = this.#text.slice(this.#position + (raw ? 0 : 1), close + (raw ? 1 : 0));
    this.#position = close + 1;
    return inner;
  }

  #readDoubleQuotes(): string {
    const quote = this.#options.rawQuotes ? '"' : '';
    let result = quote;
    this.#position += 1;
    for (;;) {
      const character = this.#peek();
      if (character === '') throw bad('unexpected end of statement while looking for matching double-quote');
      if (character === '$') {
        result += this.#readDollar();
        continue;
      }
      this.#position += 1;
      if (character === '"') return result + quote;
      if (character !== this.#options.escape) {
        result += character;
        continue;
      }
      if (this.#rawEscapes) result += character;
      const next = this.#peek();
      if (next === '') continue;
      const escaped = next === '"' || next === '$' || next === this.#options.escape;
      if (escaped) this.#position += 1;
      result += escaped ? next : character;
    }
  }

  /** `<<` takes the blanks behind it along, so that a heredoc's delimiter may stand apart. */
  #readHeredocMark(): string {
    this.#position += 1;
    if (this.#peek() !== '<') return '<';
    const start = this.#position - 1;
    this.#position += 1;
    while (' \t\r'.includes(this.#peek() || 'x')) this.#position += 1;
    return this.#text.slice(start, this.#position);
  }

  #readDollar(): string {
    this.#position += 1;
    if (this.#peek() !== '{') {
      const name = this.#readName();
      if (name === '') return '$';
      const value = this.#lookUp(name);
      return value ?? (this.#options.keepUnset ? `$${name}` : '');
    }
    this.#position += 1;
    const first = this.#peek();
    if (first === '') throw bad("syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':') throw bad('syntax error: bad substitution');
    const name = this.#readName();
    const operator = this.#next();
    if (operator === '}') {
      const value = this.#lookUp(name);
      return value ?? (this.#options.keepUnset ? `\${${name}}` : '');
    }
    if (operator === '/') return this.#readReplacement(name);
    if (operator === ':') return this.#readModifier(name, ':', this.#next());
    if (operator !== '' && '+-?#%'.includes(operator)) return this.#readModifier(name, '', operator);
    throw unsupported(operator || '�');
  }

  #readModifier(name: string, colon: '' | ':', operator: string): string {
    const trims = operator === '#' || operator === '%';
    const written = colon + (operator || '�');
    if (trims && colon === ':') throw unsupported(written);
    const word = this.#readInner('}', trims, "syntax error: missing '}'");
    const value = this.#lookUp(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${written}${word}}`;
    const missing = value === undefined || (colon === ':' && value === '');
    switch (operator) {
      case '-':
        return missing ? word : (value ?? '');
      case '+':
        return missing ? '' : word;
      case '?':
        if (!missing) return value ?? '';
        throw bad(`${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`);
      case '#':
      case '%': {
        const greedy = word.startsWith(operator);
        const trim = operator === '#' ? trimPrefix : trimSuffix;
        return trim(greedy ? word.slice(1) : word, value ?? '', greedy);
      }
      default:
        throw unsupported(written);
    }
  }

  #readReplacement(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#position += 1;
    const pattern = this.#readInner('/', true, "syntax error: missing '/' in ${}");
    const replacement = this.#readInner('}', true, "syntax error: missing '}'");
    const value = this.#lookUp(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}/${pattern}/${replacement}}`;
    const result = (all ? replaceAll : replaceFirst)(pattern, value ?? '', replacement);
    if (result.length > this.#longest) throw bad(`a word expands to more than ${this.#longest} characters`);
    return result;
  }

  /** A nested word. Whatever goes wrong in it at the end of the text is reported as the missing end. */
  #readInner(stop: string, rawEscapes: boolean, missing: string): string {
    try {
      return this.#readUntil(stop, rawEscapes).text;
    } catch (thrown) {
      if (thrown instanceof Refusal && this.#position >= this.#text.length) throw bad(missing);
      throw thrown;
    }
  }

  #readName(): string {
    const start = this.#position;
    const first = this.#text.codePointAt(start);
    if (first === undefined) return '';
    if (isUnicodeDigit(first)) {
      this.#skipWhile(isUnicodeDigit);
    } else if ('@*#?-$!'.includes(String.fromCodePoint(first))) {
      this.#position += 1;
    } else {
      this.#skipWhile((code) => code === 0x5f || isUnicodeLetter(code) || isUnicodeDigit(code));
    }
    return this.#text.slice(start, this.#position);
  }

  #skipWhile(accepts: (codePoint: number) => boolean): void {
    for (;;) {
      const code = this.#text.codePointAt(this.#position);
      if (code === undefined || !accepts(code)) return;
      this.#position += code > 0xffff ? 2 : 1;
    }
  }

  #lookUp(name: string): string | undefined {
    const value = this.#scope.get(name);
    (value === undefined ? this.unmatched : this.matched).add(name);
    return value;
  }

  #peek(): string {
    return this.#text.charAt(this.#position);
  }

  /** The next whole character; empty at the end. */
  #next(): string {
    const code = this.#text.codePointAt(this.#position);
    if (code === undefined) return '';
    const character = String.fromCodePoint(code);
    this.#position += character.length;
    return character;
  }
}

function bad(message: string): Refusal {
  return new Refusal('BAD_SUBSTITUTION', message);
}

function unsupported(modifier: string): Refusal {
  return bad(`unsupported modifier (${modifier}) in substitution`);
}
