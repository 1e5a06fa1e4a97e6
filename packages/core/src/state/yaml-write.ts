/** Words that YAML 1.1 or 1.2 readers take for something else than a string; some take a lone exponent for a number. */
const reservedWord = /^(?:y|n|yes|no|on|off|true|false|null|e[-+0-9_.]+)$/i;
/** `.`, `-`, `+`, `<`, `=` and `~` may begin numbers or special words, and most other signs are indicators. */
const firstCharacters = new Set(
  Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/^$(\\', (c) => c.charCodeAt(0)),
);
/** Numbers of YAML 1.1 and 1.2 in every base, sexagesimals and dates: what starts with a digit and could be one of them. */
const numberLike = /^(?:[0-9][0-9_.,:eE+-]*$|0[xXoObB]|[0-9]{4}-[0-9]{1,2}-[0-9])/;

const space = 32;
const colon = 58;

/**
 * May the text stand without quotes, as value or key of a block mapping, and be read back as the same string by
 * YAML 1.2 readers (core schema) and YAML 1.1 readers (PyYAML, yq)? Cautious: some texts that could are refused.
 */
export function isPlain(text: string): boolean {
  const first = text.charCodeAt(0);
  if (!firstCharacters.has(first)) return false;
  for (let index = 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < space || code > 126) return false;
    // A comment, or a mapping: ` #`, `: `, and both signs at the end.
    if (code !== space && code !== colon) continue;
    if (index + 1 === text.length) return false;
    const next = text[index + 1];
    if (code === space ? next === '#' : next === ' ') return false;
  }
  if (first >= 48 && first <= 57) return !numberLike.test(text);
  return !reservedWord.test(text);
}

// JSON leaves these as they are, but they are line breaks, byte order marks or unprintable to YAML readers.
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

export function doubleQuoted(text: string): string {
  return JSON.stringify(text).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A scalar in block context; numbers that JSON does not know are written as YAML's own words. */
function writeScalar(value: unknown): string {
  if (typeof value === 'string') return isPlain(value) ? value : doubleQuoted(value);
  if (typeof value === 'number') return writeNumber(value);
  return value === true ? 'true' : value === false ? 'false' : 'null';
}

function writeNumber(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (value === Infinity) return '.inf';
  if (value === -Infinity) return '-.inf';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  // YAML 1.1 takes `1e+21` for a string: it wants a dot in the mantissa.
  return text.includes('e') && !text.includes('.') ? text.replace('e', '.0e') : text;
}

/** Implicit keys may be 1024 characters long; longer ones are written as explicit keys. */
const longestImplicitKey = 1000;

/** What follows `key:` with the final newline: a scalar on the same line, or a block that is indented by two more than `indent`. */
export function writeTail(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    return value.length === 0 ? ' []\n' : '\n' + writeItems(value, indent + '  ');
  }
  if (typeof value === 'object' && value !== null) {
    const entries = writeEntries(value as Record<string, unknown>, indent + '  ');
    return entries === '' ? ' {}\n' : '\n' + entries;
  }
  return ' ' + writeScalar(value) + '\n';
}

/** The entries of a block mapping, one line or more each; entries whose value is undefined are left out. */
export function writeEntries(map: Readonly<Record<string, unknown>>, indent: string): string {
  let text = '';
  for (const key of Object.keys(map)) {
    const value = map[key];
    if (value === undefined) continue;
    const written = isPlain(key) ? key : doubleQuoted(key);
    text +=
      written.length <= longestImplicitKey
        ? indent + written + ':' + writeTail(value, indent)
        : indent + '? ' + written + '\n' + indent + ':' + writeTail(value, indent);
  }
  return text;
}

/** The items of a block sequence. */
export function writeItems(list: readonly unknown[], indent: string): string {
  let text = '';
  for (const item of list) text += indent + '-' + writeItemTail(item, indent);
  return text;
}

/** What follows the dash of a sequence item, with the final newline; collections begin on the dash's line. */
export function writeItemTail(item: unknown, indent: string): string {
  const inner = indent + '  ';
  if (Array.isArray(item) && item.length > 0) return ' ' + writeItems(item, inner).slice(inner.length);
  if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
    const entries = writeEntries(item as Record<string, unknown>, inner);
    return entries === '' ? ' {}\n' : ' ' + entries.slice(inner.length);
  }
  return writeTail(item, indent);
}

/** In flow collections only the plainest words stand without quotes. */
const flowPlain = /^[A-Za-z_][A-Za-z0-9_./-]*$/;

/** A value on one line, in flow style: how people write short things by hand. */
export function writeFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeFlow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return `{${entries.map(([key, inner]) => `${writeFlow(key)}: ${writeFlow(inner)}`).join(', ')}}`;
  }
  if (typeof value !== 'string') return writeScalar(value);
  return flowPlain.test(value) && isPlain(value) ? value : doubleQuoted(value);
}

/**
 * JSON-like data as a block YAML document: the form in which state files are written. An own writer, because the
 * libraries take about ten times as long, and because it quotes for readers of YAML 1.1 as well as 1.2.
 */
export function writeYaml(data: Readonly<Record<string, unknown>>, header = ''): string {
  const entries = writeEntries(data, '');
  return header + (entries === '' ? '{}\n' : entries);
}
