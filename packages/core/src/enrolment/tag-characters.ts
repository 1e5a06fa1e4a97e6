/** One byte per ASCII character, 1 where it belongs to the set. Tags have no other characters. */
export type CharacterSet = Uint8Array;

export interface Reader {
  readonly source: string;
  at: number;
}

/** Thrown by the expression's parser only, and turned into a Result at its edge. */
export class PatternMistake extends Error {}

const size = 128;

export const anyCharacter = setOf((code) => code !== 10);
const digits = setOf((code) => code >= 48 && code <= 57);
const wordCharacters = setOf((code) => /\w/.test(String.fromCharCode(code)));
/** RE2's \s: no vertical tab. Tags hold none of these, so JavaScript's larger set makes no difference. */
const spaces = setOf((code) => [9, 10, 12, 13, 32].includes(code));

const namedSets = new Map<string, CharacterSet>([
  ['d', digits],
  ['D', inverse(digits)],
  ['w', wordCharacters],
  ['W', inverse(wordCharacters)],
  ['s', spaces],
  ['S', inverse(spaces)],
]);
const controls = new Map([
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
]);

/** First characters and later characters of a tag (distribution/reference: `[\w][\w.-]{0,127}`). */
export const firstTagCharacters = wordCharacters;
export const tagCharacters = setOf((code) => wordCharacters[code] === 1 || code === 45 || code === 46);

const nothing = new Uint8Array(size);
const singles = Array.from({ length: size }, (_, wanted) => setOf((code) => code === wanted));

export function single(character: string): CharacterSet {
  return singles[character.charCodeAt(0)] ?? nothing;
}

/** Reads `\d`, `\.`, `\x2e`; the reader stands on the backslash. */
export function escapeSet(reader: Reader): { readonly set: CharacterSet; readonly literal?: string } {
  const letter = reader.source[reader.at + 1];
  if (letter === undefined) throw new PatternMistake('the expression ends with a backslash');
  const named = namedSets.get(letter);
  if (named) {
    reader.at += 2;
    return { set: named };
  }
  const control = controls.get(letter);
  if (control !== undefined) {
    reader.at += 2;
    return literal(String.fromCharCode(control));
  }
  const hex = /^\\x([0-9a-fA-F]{2})/.exec(reader.source.slice(reader.at, reader.at + 4))?.[1];
  if (hex !== undefined) {
    reader.at += 4;
    return literal(String.fromCharCode(Number.parseInt(hex, 16)));
  }
  if (/[1-9]/.test(letter) || letter === 'k') {
    throw new PatternMistake(`the back-reference "\\${letter}" is not supported by RE2; write the text out`);
  }
  if (/[0-9a-zA-Z]/.test(letter) || letter.charCodeAt(0) >= size) {
    throw new PatternMistake(
      `"\\${letter}" is not read alike by RE2 and JavaScript; write it in another way`,
    );
  }
  reader.at += 2;
  return literal(letter);
}

/** Reads `[...]`; the reader stands on the bracket. */
export function readClass(reader: Reader): CharacterSet {
  const { source } = reader;
  reader.at += 1;
  const negated = source[reader.at] === '^';
  if (negated) reader.at += 1;
  if (source[reader.at] === ']')
    throw new PatternMistake('a class starts with "]"; write "\\]" for the character itself');
  const set = new Uint8Array(size);
  for (;;) {
    const next = source[reader.at];
    if (next === undefined) throw new PatternMistake('a "[" is not closed');
    if (next === ']') break;
    if (source.startsWith('[:', reader.at)) {
      throw new PatternMistake('classes like [:alpha:] are not supported; write the characters: [a-zA-Z]');
    }
    const low = readClassItem(reader);
    if (source[reader.at] !== '-' || source[reader.at + 1] === ']') {
      include(set, low.set);
      continue;
    }
    reader.at += 1;
    if (reader.at >= source.length) throw new PatternMistake('a "[" is not closed');
    const high = readClassItem(reader);
    if (low.literal === undefined || high.literal === undefined) {
      throw new PatternMistake(
        'a range in a class needs a single character at both ends; write "\\-" for a dash',
      );
    }
    const from = low.literal.charCodeAt(0);
    const to = high.literal.charCodeAt(0);
    if (from > to)
      throw new PatternMistake(`the range "${low.literal}-${high.literal}" is in the wrong order`);
    include(
      set,
      setOf((code) => code >= from && code <= to),
    );
  }
  reader.at += 1;
  return negated ? inverse(set) : set;
}

function readClassItem(reader: Reader): { readonly set: CharacterSet; readonly literal?: string } {
  if (reader.source[reader.at] === '\\') return escapeSet(reader);
  const character = reader.source[reader.at] ?? '';
  reader.at += 1;
  return literal(character);
}

function literal(character: string): { readonly set: CharacterSet; readonly literal: string } {
  return { set: single(character), literal: character };
}

function setOf(belongs: (code: number) => boolean): CharacterSet {
  return Uint8Array.from({ length: size }, (_, code) => (belongs(code) ? 1 : 0));
}

function inverse(set: CharacterSet): CharacterSet {
  return set.map((bit) => 1 - bit);
}

function include(set: CharacterSet, other: CharacterSet): void {
  for (let code = 0; code < size; code += 1) if (other[code] === 1) set[code] = 1;
}
