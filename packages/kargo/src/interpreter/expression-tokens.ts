/** What expr-lang writes that nothing here knows: an answer that is only nearly right would prove nothing. */
export class ExpressionError extends Error {}

export type Token =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'name'; readonly value: string }
  | { readonly kind: 'sign'; readonly value: string }
  | { readonly kind: 'end'; readonly value: '' };

const longest = 20_000;
const signs = ['?.', '??', '==', '!=', '<=', '>=', '&&', '||', '**', '..'];

/** The words of an expression. Source: expr-lang, "Language definition". */
export function tokensOf(source: string): readonly Token[] {
  if (source.length > longest) throw new ExpressionError(`longer than ${longest} characters`);
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const rest = source.slice(at, at + longest);
    const space = /^\s+/.exec(rest);
    if (space) {
      at += space[0].length;
      continue;
    }
    const number = /^(?:[0-9][0-9_]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/.exec(rest);
    if (number) {
      tokens.push({ kind: 'number', value: Number(number[0].replaceAll('_', '')) });
      at += number[0].length;
      continue;
    }
    const name = /^[A-Za-z_$][\w$]*/.exec(rest);
    if (name) {
      tokens.push({ kind: 'name', value: name[0] });
      at += name[0].length;
      continue;
    }
    const quote = rest[0] ?? '';
    if (quote === '"' || quote === "'" || quote === '`') {
      const { value, length } = readString(rest, quote);
      tokens.push({ kind: 'string', value });
      at += length;
      continue;
    }
    const sign = signs.find((each) => rest.startsWith(each)) ?? quote;
    if (sign.length === 1 && !'()[]{},.:?<>+-*/%!#|^'.includes(sign))
      throw new ExpressionError(`unexpected ${JSON.stringify(sign)} in ${source}`);
    tokens.push({ kind: 'sign', value: sign });
    at += sign.length;
  }
  tokens.push({ kind: 'end', value: '' });
  return tokens;
}

function readString(rest: string, quote: string): { readonly value: string; readonly length: number } {
  let value = '';
  for (let at = 1; at < rest.length; at++) {
    const character = rest[at] ?? '';
    if (character === quote) return { value, length: at + 1 };
    if (character !== '\\' || quote === '`') {
      value += character;
      continue;
    }
    at += 1;
    const escaped = escapes[rest[at] ?? ''];
    if (escaped === undefined) throw new ExpressionError(`unknown escape \\${rest[at] ?? ''}`);
    value += escaped;
  }
  throw new ExpressionError('a string that does not end');
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
};
