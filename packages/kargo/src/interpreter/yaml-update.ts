import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';

export interface YamlUpdate {
  readonly key: string;
  readonly value: unknown;
}

interface Failed {
  readonly error: string;
}

interface Place {
  /** From 0. */
  readonly line: number;
  readonly column: number;
}

/**
 * A YAML file with new values, as Kargo writes it: line by line. From its value on, a line is replaced to its end, a comment
 * or a brace behind it included; of two values in one line the last one stays. Everything else is left as it is, but for
 * CRLF, which becomes LF. Source: kargo v1.11, pkg/yaml/yaml.go.
 */
export function updatedYaml(text: string, updates: readonly YamlUpdate[]): string | Failed {
  const counter = new LineCounter();
  const [document] = parseAllDocuments(text, { lineCounter: counter, logLevel: 'silent' });
  const [mistake] = document?.errors ?? [];
  if (mistake) return { error: mistake.message };
  const changes = new Map<number, { readonly column: number; readonly value: unknown }>();
  for (const { key, value } of updates) {
    const parts = keyParts(key);
    if (!Array.isArray(parts)) return parts;
    const found = placeOf(document?.contents, parts, key, counter);
    if ('error' in found) return found;
    changes.set(found.line, { column: found.column, value });
  }
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (lines.at(-1) === '') lines.pop();
  const written = lines.map((line, number) => {
    const change = changes.get(number);
    if (!change) return line;
    const kept = line.slice(0, change.column);
    if (!/^[\x20-\x7e\t]*$/.test(kept))
      throw new Error('values behind other letters than those of ASCII are not known to this interpreter');
    return `${kept}${kept.endsWith(' ') ? '' : ' '}${quotedIfNecessary(change.value)}`;
  });
  return written.map((line) => `${line}\n`).join('');
}

function placeOf(root: unknown, parts: readonly string[], key: string, counter: LineCounter): Place | Failed {
  const none = { error: `${key}: there is no such key` };
  let node: unknown = root;
  for (const part of parts) {
    if (isMap(node)) {
      const pair = node.items.find(({ key: name }) => isScalar(name) && nameOf(name) === part);
      if (!pair) return none;
      node = pair.value;
    } else if (isSeq(node)) {
      if (!/^[0-9]+$/.test(part)) return { error: `${key}: ${part} is no index of a list` };
      // Kargo's controller panics beyond the end, which its engine takes for an error.
      if (Number(part) >= node.items.length) return none;
      node = node.items[Number(part)];
    } else return none;
  }
  if (isAlias(node) || !isScalar(node)) return { error: `${key} is no value of the file` };
  if (node.anchor !== undefined || node.tag !== undefined || !node.range)
    throw new Error('values with an anchor or a tag are not known to this interpreter');
  const { line, col } = counter.linePos(node.range[0]);
  return { line: line - 1, column: col - 1 };
}

/** As it is written, where it is no text: `1.10`. */
function nameOf({ source, value }: { readonly source?: string; readonly value: unknown }): string {
  return source ?? String(value);
}

/**
 * Dots part a key, `\\.` and `\\:` stand for themselves, and a colon in front says that a number is a name. Source: kargo
 * v1.11, pkg/sjson/split_key.go.
 */
export function keyParts(written: string): string[] | Failed {
  const key = written.trim();
  const parts = [''];
  const wrong = { error: `${JSON.stringify(written)} is no key` };
  for (let at = 0; at < key.length; at++) {
    const character = key[at] ?? '';
    const last = parts.at(-1) ?? '';
    if (character === '\\') {
      const next = key[++at];
      if (next !== '.' && next !== ':') return wrong;
      parts[parts.length - 1] = last + next;
    } else if (character === '.') {
      if (last === '') return wrong;
      parts.push('');
    } else if (character === ':') {
      if (last !== '') return wrong;
    } else parts[parts.length - 1] = last + character;
  }
  return parts.at(-1) === '' ? wrong : parts;
}

/** Text that Go takes for a number, a truth value or JSON gets quotes. Source: kargo v1.11, pkg/yaml/quote.go. */
function quotedIfNecessary(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  return numberLike.test(value) || truths.has(value) || isJson(value) ? JSON.stringify(value) : value;
}

/** What Go's `strconv.ParseFloat` takes. */
const numberLike =
  /^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan|0x[0-9a-f]*\.?[0-9a-f]*p[+-]?[0-9]+)$/i;
const truths = new Set(['t', 'T', 'true', 'TRUE', 'True', 'f', 'F', 'false', 'FALSE', 'False']);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
