import { isPlain } from './yaml-write.ts';

/** Thrown and caught here; one for all, because making an error costs more than reading a file. */
const notCanonical = new Error("the text is not in the writer's own form");

/**
 * Reads the form that `writeYaml` writes, about ten times faster than a YAML parser. Undefined: the text is in another
 * form, and a YAML parser must read it. It accepts a line only where the writer would have written it so, which is why
 * an answer is always the one that a YAML parser would give.
 */
export function readCanonical(text: string): Record<string, unknown> | undefined {
  if (!text.endsWith('\n')) return undefined;
  const cursor = { text, at: 0 };
  while (text.charCodeAt(cursor.at) === 35) cursor.at = text.indexOf('\n', cursor.at) + 1;
  try {
    const map = readMap(cursor, 0);
    return cursor.at === text.length && map !== undefined ? map : undefined;
  } catch (thrown) {
    if (thrown === notCanonical) return undefined;
    throw thrown;
  }
}

interface Cursor {
  readonly text: string;
  /** At the start of a line, or behind the dash of an item. */
  at: number;
}

/** Deeper texts are left to the YAML parser, which refuses them. */
const deepestIndent = 160;
const space = 32;
const newline = 10;
const dash = 45;
const quote = 34;

function indentAt(cursor: Cursor): number {
  let end = cursor.at;
  while (cursor.text.charCodeAt(end) === space) end += 1;
  return end - cursor.at;
}

/** `first`: the first key stands where the cursor is, behind a dash. */
function readMap(cursor: Cursor, indent: number, first = false): Record<string, unknown> | undefined {
  const map: Record<string, unknown> = {};
  if (indent > deepestIndent) throw notCanonical;
  let inline = first;
  let count = 0;
  while (cursor.at < cursor.text.length) {
    if (!inline) {
      const found = indentAt(cursor);
      if (found < indent) break;
      if (found > indent) throw notCanonical;
      cursor.at += found;
    }
    inline = false;
    const key = readKey(cursor);
    if (key === '__proto__' || Object.hasOwn(map, key)) throw notCanonical;
    map[key] = readTail(cursor, indent);
    count += 1;
  }
  return count === 0 ? undefined : map;
}

function readKey(cursor: Cursor): string {
  const { text, at } = cursor;
  if (text.charCodeAt(at) === quote) {
    const end = closingQuote(text, at);
    if (text.charCodeAt(end + 1) !== 58) throw notCanonical;
    cursor.at = end + 2;
    return unquote(text.slice(at, end + 1));
  }
  let colon = text.indexOf(':', at);
  while (colon !== -1 && text.charCodeAt(colon + 1) !== space && text.charCodeAt(colon + 1) !== newline) {
    colon = text.indexOf(':', colon + 1);
  }
  if (colon === -1) throw notCanonical;
  const key = text.slice(at, colon);
  if (!isPlain(key)) throw notCanonical;
  cursor.at = colon + 1;
  return key;
}

function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 92) at += 1;
    else if (code === quote) return at;
    else if (code === newline) break;
  }
  throw notCanonical;
}

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw notCanonical;
  }
}

/** Behind `key:`; leaves the cursor at the start of the next line that is not part of the value. */
function readTail(cursor: Cursor, indent: number): unknown {
  const code = cursor.text.charCodeAt(cursor.at);
  if (code === space) return readScalarLine(cursor);
  if (code !== newline) throw notCanonical;
  cursor.at += 1;
  if (indentAt(cursor) !== indent + 2) throw notCanonical;
  return cursor.text.charCodeAt(cursor.at + indent + 2) === dash
    ? readItems(cursor, indent + 2)
    : (readMap(cursor, indent + 2) ?? fail());
}

function readItems(cursor: Cursor, indent: number, first = false): unknown[] {
  const items: unknown[] = [];
  if (indent > deepestIndent) throw notCanonical;
  let inline = first;
  while (cursor.at < cursor.text.length) {
    if (!inline) {
      const found = indentAt(cursor);
      if (found < indent) break;
      if (found > indent || cursor.text.charCodeAt(cursor.at + found) !== dash) throw notCanonical;
      cursor.at += found;
    }
    inline = false;
    if (cursor.text.charCodeAt(cursor.at) !== dash || cursor.text.charCodeAt(cursor.at + 1) !== space)
      throw notCanonical;
    items.push(readItem(cursor, indent));
  }
  return items;
}

/** At the dash. */
function readItem(cursor: Cursor, indent: number): unknown {
  const start = cursor.at + 2;
  const { text } = cursor;
  if (text.charCodeAt(start) === dash && text.charCodeAt(start + 1) === space) {
    cursor.at = start;
    return readItems(cursor, indent + 2, true);
  }
  if (startsEntry(text, start)) {
    cursor.at = start;
    return readMap(cursor, indent + 2, true);
  }
  cursor.at += 1;
  return readScalarLine(cursor);
}

function startsEntry(text: string, start: number): boolean {
  if (text.charCodeAt(start) === quote) return text.charCodeAt(closingQuote(text, start) + 1) === 58;
  const end = text.indexOf('\n', start);
  const colon = text.indexOf(': ', start);
  return (colon !== -1 && colon < end) || text.charCodeAt(end - 1) === 58;
}

const canonicalNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/** At the space before the scalar. */
function readScalarLine(cursor: Cursor): unknown {
  const end = cursor.text.indexOf('\n', cursor.at);
  const word = cursor.text.slice(cursor.at + 1, end);
  cursor.at = end + 1;
  const first = word.charCodeAt(0);
  if (first === quote) return unquote(word);
  if (isPlain(word)) return word;
  if (word === 'null') return null;
  if (word === 'true') return true;
  if (word === 'false') return false;
  if (word === '[]') return [];
  if (word === '{}') return {};
  if (!canonicalNumber.test(word)) throw notCanonical;
  const number = Number(word);
  return String(number) === word ? number : fail();
}

function fail(): never {
  throw notCanonical;
}
