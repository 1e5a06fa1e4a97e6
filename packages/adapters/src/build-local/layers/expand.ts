/**
 * Replaces `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}` and `${NAME:+word}` and removes quotes, as a Dockerfile word
 * is read. Undefined: a form that is not among these.
 */
export function expandWord(
  word: string,
  values: ReadonlyMap<string, string>,
  escape: string,
): string | undefined {
  let result = '';
  let quote = '';
  for (let index = 0; index < word.length; index += 1) {
    const character = word.charAt(index);
    if (character === escape && quote !== "'") {
      index += 1;
      const next = word.charAt(index);
      result += quote === '"' && !['"', '$', escape].includes(next) ? escape + next : next;
    } else if (character === quote) {
      quote = '';
    } else if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
    } else if (character === '$' && quote !== "'") {
      const found = variableAt(word.slice(index), values, escape);
      if (!found) return undefined;
      result += found.text;
      index += found.length - 1;
    } else {
      result += character;
    }
  }
  return quote === '' ? result : undefined;
}

function variableAt(
  text: string,
  values: ReadonlyMap<string, string>,
  escape: string,
): { readonly text: string; readonly length: number } | undefined {
  const plain = /^\$([A-Za-z_]\w*)/.exec(text);
  if (plain?.[1]) return { text: values.get(plain[1]) ?? '', length: plain[0].length };
  const braced = /^\$\{([A-Za-z_]\w*)(?:(:?-|:\+)([^{}]*))?\}/.exec(text);
  if (!braced?.[1]) return text.startsWith('${') ? undefined : { text: '$', length: 1 };
  const value = values.get(braced[1]);
  const word = expandWord(braced[3] ?? '', values, escape);
  if (word === undefined) return undefined;
  const length = braced[0].length;
  if (braced[2] === '-') return { text: value ?? word, length };
  if (braced[2] === ':-') return { text: value ? value : word, length };
  if (braced[2] === ':+') return { text: value ? word : '', length };
  return { text: value ?? '', length };
}
