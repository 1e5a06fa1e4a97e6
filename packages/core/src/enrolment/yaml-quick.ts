import { resolvePlain } from './yaml-scalar.ts';

/** Thrown and caught here; one for all, because making an error costs more than reading a line. */
const notQuick = new Error('the text has something that only the whole parser reads');

export interface QuickYaml {
  readonly root: unknown;
  /** Where each mapping and list starts in the text. */
  readonly starts: ReadonlyMap<object, number>;
}

/**
 * Reads YAML as most configuration is written, several times as fast as the whole parser: block lists and mappings,
 * plain or quoted words on one line, lists and mappings of words in brackets, comments on lines of their own. The
 * answer is the one that the whole parser gives. Undefined: the text has something else, or a mistake, and the whole
 * parser must read it.
 */
export function quickYaml(text: string): QuickYaml | undefined {
  const reader: Reader = { text, at: 0, starts: new Map() };
  try {
    if (nextIndent(reader) !== 0) return undefined;
    const root = readBlock(reader, 0, 0);
    return nextIndent(reader) === -1 ? { root, starts: reader.starts } : undefined;
  } catch (thrown) {
    if (thrown === notQuick) return undefined;
    throw thrown;
  }
}

type Mapping = Record<string, unknown>;

interface Reader {
  readonly text: string;
  /** Start of a line; within one while it is read. */
  at: number;
  readonly starts: Map<object, number>;
}

/** Deeper texts, and longer keys, are left to the whole parser, which knows the limits. */
const deepest = 20;
const longestKey = 100;

const space = 32;
const newline = 10;
const quote = 34;
const hash = 35;
const apostrophe = 39;
const comma = 44;
const dash = 45;
const colon = 58;
const openBracket = 91;
const backslash = 92;
const closeBracket = 93;
const openBrace = 123;
const closeBrace = 125;

function fail(): never {
  throw notQuick;
}

/** Skips blank lines and comments; the indent of the line after them, or -1 at the end. */
function nextIndent(reader: Reader): number {
  const { text } = reader;
  while (reader.at < text.length) {
    let at = reader.at;
    while (text.charCodeAt(at) === space) at += 1;
    const code = text.charCodeAt(at);
    if (code === hash) reader.at = afterComment(text, at);
    else if (code === newline) reader.at = at + 1;
    else if (at < text.length) return at - reader.at;
    else reader.at = at;
  }
  return -1;
}

function afterComment(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === newline) return at + 1;
    // Control characters and halves of pairs may be mistakes; the whole parser says so.
    if (code < space || (code > 126 && code < 160) || code >= 0xd800) fail();
  }
  return text.length;
}

/** The list or mapping whose first line is the one at hand. */
function readBlock(reader: Reader, indent: number, depth: number): unknown {
  if (depth > deepest) fail();
  return isDash(reader.text, reader.at + indent)
    ? readList(reader, indent, depth)
    : readMapping(reader, indent, reader.at + indent, depth);
}

function isDash(text: string, at: number): boolean {
  return text.charCodeAt(at) === dash && text.charCodeAt(at + 1) === space;
}

function readList(reader: Reader, indent: number, depth: number): unknown[] {
  const { text } = reader;
  const list: unknown[] = [];
  reader.starts.set(list, reader.at + indent);
  for (;;) {
    const found = nextIndent(reader);
    if (found > indent) fail();
    if (found < indent || !isDash(text, reader.at + indent)) return list;
    const start = reader.at + indent + 2;
    list.push(
      keyEnd(text, start) === -1
        ? readInline(reader, start)
        : readMapping(reader, indent + 2, start, depth + 1),
    );
  }
}

/** `start`: where the first key stands, which may be behind a dash. */
function readMapping(reader: Reader, indent: number, start: number, depth: number): Mapping {
  if (depth > deepest) fail();
  const { text } = reader;
  const mapping: Mapping = {};
  reader.starts.set(mapping, start);
  for (let at = start; ;) {
    const end = keyEnd(text, at);
    if (end === -1) fail();
    const key = newKey(mapping, text.slice(at, end));
    mapping[key] =
      text.charCodeAt(end + 1) === space
        ? readInline(reader, end + 2)
        : readBelow(reader, end + 2, indent, depth);
    const found = nextIndent(reader);
    if (found > indent) fail();
    if (found < indent || isDash(text, reader.at + indent)) return mapping;
    at = reader.at + indent;
  }
}

function newKey(mapping: Mapping, key: string): string {
  return key === '__proto__' || Object.hasOwn(mapping, key) ? fail() : key;
}

/** The value of a key that has nothing else on its line. A list may stand as far left as the key. */
function readBelow(reader: Reader, nextLine: number, indent: number, depth: number): unknown {
  reader.at = nextLine;
  const found = nextIndent(reader);
  const isBlock = found > indent || (found === indent && isDash(reader.text, reader.at + indent));
  return isBlock ? readBlock(reader, found, depth + 1) : null;
}

/** Where the key's colon stands, with a space or the end of the line behind it; -1 where there is no simple key. */
function keyEnd(text: string, start: number): number {
  if (!isKeyStart(text.charCodeAt(start))) return -1;
  for (let at = start + 1; at - start < longestKey; at += 1) {
    const code = text.charCodeAt(at);
    if (isWord(code)) continue;
    const next = code === colon ? text.charCodeAt(at + 1) : 0;
    return next === space || next === newline ? at : -1;
  }
  return -1;
}

function isKeyStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

/** Letters, digits, and `_`, `-`, `.`, `/`. */
function isWord(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= dash && code <= 57) || code === 95
  );
}

/** A value on the rest of the line; leaves the reader at the next one. */
function readInline(reader: Reader, start: number): unknown {
  const { text } = reader;
  reader.at = afterSpaces(text, start);
  const value = readValue(reader);
  if (reader.at < text.length && text.charCodeAt(reader.at) !== newline) fail();
  reader.at += 1;
  return value;
}

/** Leaves the reader behind the value. */
function readValue(reader: Reader): unknown {
  const code = reader.text.charCodeAt(reader.at);
  if (code === openBracket) return readFlowList(reader);
  if (code === openBrace) return readFlowMapping(reader);
  return code === quote || code === apostrophe ? readQuoted(reader) : readPlain(reader);
}

function readQuoted(reader: Reader): string {
  const { text, at: start } = reader;
  const mark = text.charCodeAt(start);
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === mark) {
      reader.at = at + 1;
      return text.slice(start + 1, at);
    }
    if (code < space || code > 126 || (code === backslash && mark === quote)) fail();
  }
  return fail();
}

/** Signs with which no plain word may begin; some may, in places that are left to the whole parser. */
const indicators = new Set(Array.from('-?:,[]{}#&*!|>\'"%@`', (sign) => sign.charCodeAt(0)));

function readPlain(reader: Reader): unknown {
  const { text, at: start } = reader;
  if (indicators.has(text.charCodeAt(start))) fail();
  let before = 0;
  let at = start;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === newline) break;
    if (code < space || code > 126) fail();
    // A comment, or another key.
    if (before === space && code === hash) fail();
    if (before === colon && code === space) fail();
    before = code;
  }
  if (at === start || before === space || before === colon) fail();
  reader.at = at;
  return resolvePlain(text.slice(start, at));
}

function readFlowList(reader: Reader): unknown[] {
  const { text, at: start } = reader;
  const list: unknown[] = [];
  reader.starts.set(list, start);
  reader.at = afterSpaces(text, start + 1);
  while (text.charCodeAt(reader.at) !== closeBracket) {
    list.push(readFlowWord(reader));
    endItem(reader, closeBracket);
  }
  reader.at += 1;
  return list;
}

function readFlowMapping(reader: Reader): Mapping {
  const { text, at: start } = reader;
  const mapping: Mapping = {};
  reader.starts.set(mapping, start);
  reader.at = afterSpaces(text, start + 1);
  while (text.charCodeAt(reader.at) !== closeBrace) {
    const end = keyEnd(text, reader.at);
    if (end === -1 || text.charCodeAt(end + 1) !== space) fail();
    const key = newKey(mapping, text.slice(reader.at, end));
    reader.at = afterSpaces(text, end + 1);
    mapping[key] = readFlowWord(reader);
    endItem(reader, closeBrace);
  }
  reader.at += 1;
  return mapping;
}

function readFlowWord(reader: Reader): unknown {
  const { text, at: start } = reader;
  const code = text.charCodeAt(start);
  if (code === quote || code === apostrophe) return readQuoted(reader);
  if (!isWord(code) || code === dash) fail();
  let end = start + 1;
  while (isWord(text.charCodeAt(end))) end += 1;
  reader.at = end;
  return resolvePlain(text.slice(start, end));
}

/** Goes on to the next item, or to the closing bracket; a comma before that is left to the whole parser. */
function endItem(reader: Reader, close: number): void {
  const { text } = reader;
  reader.at = afterSpaces(text, reader.at);
  if (text.charCodeAt(reader.at) === close) return;
  if (text.charCodeAt(reader.at) !== comma) fail();
  reader.at = afterSpaces(text, reader.at + 1);
  if (text.charCodeAt(reader.at) === close) fail();
}

function afterSpaces(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) === space) at += 1;
  return at;
}
