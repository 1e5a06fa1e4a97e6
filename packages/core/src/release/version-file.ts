import { parse as parseVersion } from 'semver';
import { parse as parseToml } from 'smol-toml';
import { isMap, isScalar, parseAllDocuments } from 'yaml';
import type { VersionFile } from '../enrolment/types.ts';
import { err, ok, type Result } from '../result.ts';

/** Where a file says its version. */
export interface VersionPlace {
  /** Without the `v` that may stand before it. */
  readonly version: string;
  /** The version's place in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

const longestVersion = 128;
/** Places of a text that are tried; whoever has more has the key in hundreds of tables. */
const mostPlaces = 100;
/** UTF-16 units that are read for it in all: of a large file fewer places are tried. */
const mostRead = 4 * 1024 * 1024;

/** Finds the version in a file of its form; the failure is a sentence about the file. */
export function findVersion(text: string, file: VersionFile): Result<VersionPlace, string> {
  switch (file.form) {
    case 'text':
      return inText(text);
    case 'yaml':
      return inYaml(text, file.key);
    case 'json':
      return inParsed(text, file.key, JSON.parse, jsonPlaces);
    case 'toml':
      return inParsed(text, file.key, parseToml, tomlPlaces);
  }
}

/** The text with another version, and otherwise the same byte for byte: a `v`, quotes, comments and line ends stay. */
export function withVersion(text: string, file: VersionFile, version: string): Result<string, string> {
  const place = findVersion(text, file);
  if (!place.ok) return place;
  const { start, end } = place.value;
  const changed = text.slice(0, start) + version + text.slice(end);
  const again = findVersion(changed, file);
  return again.ok && again.value.version === version
    ? ok(changed)
    : err(`cannot say ${version} without changing more`);
}

/** What the file says besides its version; the whole text where no version is found in it. */
export function withoutVersion(text: string, file: VersionFile): string {
  const place = findVersion(text, file);
  return place.ok ? `${text.slice(0, place.value.start)}\0${text.slice(place.value.end)}` : text;
}

function inText(text: string): Result<VersionPlace, string> {
  const word = text.replace(/^\uFEFF/, '').trim();
  return placed(word, text.indexOf(word), 'is to be nothing but a version');
}

/** A value as it stands somewhere, with a `v` before it or not. */
function placed(value: string, at: number, otherwise: string): Result<VersionPlace, string> {
  const prefix = /^v(?=\d)/.test(value) ? 1 : 0;
  const version = value.slice(prefix);
  if (version.length > longestVersion || parseVersion(version)?.raw !== version)
    return err(`${otherwise}; got ${JSON.stringify(value.slice(0, 60))}`);
  return ok({ version, start: at + prefix, end: at + value.length });
}

function inYaml(text: string, key: readonly string[]): Result<VersionPlace, string> {
  const [document, ...others] = parseAllDocuments(text, { logLevel: 'silent', uniqueKeys: false });
  if (!document || !('contents' in document) || others.length > 0) return err('is to have one YAML document');
  const [mistake] = document.errors;
  if (mistake) return err(`cannot be read: ${mistake.message.split('\n')[0] ?? ''}`);
  // The parser's own check compares each key with all others: of a large file that takes minutes.
  if (key.some((_, depth) => isTwice(document.getIn(key.slice(0, depth), true), key[depth])))
    return err(`says ${key.join('.')} twice`);
  const node = document.getIn(key, true);
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range)
    return err(`has no text at ${key.join('.')}`);
  const [start, end] = node.range;
  const at = text.indexOf(node.value, start);
  // Escapes of a quoted text are no version.
  if (at < 0 || at + node.value.length > end) return err(`has no plain text at ${key.join('.')}`);
  return placed(node.value, at, `is to have a version at ${key.join('.')}`);
}

function isTwice(map: unknown, key: string | undefined): boolean {
  if (!isMap(map)) return false;
  return map.items.filter((pair) => isScalar(pair.key) && String(pair.key.value) === key).length > 1;
}

type Places = (text: string, last: string, value: string) => readonly number[];

/**
 * Where a reader says what stands at the keys and not where: every place that might be it is tried, and the right one is
 * that which, changed, changes just what the reader says of the keys.
 */
function inParsed(
  text: string,
  key: readonly string[],
  read: (text: string) => unknown,
  placesOf: Places,
): Result<VersionPlace, string> {
  const plain = text.replace(/^\uFEFF/, '');
  const said = reading(plain, read);
  if (!said.ok) return said;
  const value = valueAt(said.value, key);
  if (typeof value !== 'string') return err(`has no text at ${key.join('.')}`);
  const offset = text.length - plain.length;
  const checked = placed(value, 0, `is to have a version at ${key.join('.')}`);
  if (!checked.ok) return checked;
  const probe = `${value}-probe`;
  // What is too deep for its reader to follow is so here too.
  const expected = reading(plain, () => JSON.stringify(changedAt(said.value, key, probe)));
  if (!expected.ok) return expected;
  const tries = Math.min(mostPlaces, Math.max(1, Math.floor(mostRead / plain.length)));
  for (const at of placesOf(plain, key.at(-1) ?? '', value).slice(0, tries)) {
    const probed = plain.slice(0, at) + probe + plain.slice(at + value.length);
    const tried = reading(probed, (text) => JSON.stringify(read(text)));
    if (tried.ok && tried.value === expected.value) return placed(value, at + offset, '');
  }
  return err(`does not write the version at ${key.join('.')} in one piece`);
}

function reading(text: string, read: (text: string) => unknown): Result<unknown, string> {
  try {
    return ok(read(text));
  } catch (thrown) {
    const why = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : '';
    return err(`cannot be read: ${why}`);
  }
}

function valueAt(from: unknown, key: readonly string[]): unknown {
  let value = from;
  for (const part of key) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

function changedAt(from: unknown, [first, ...rest]: readonly string[], value: string): unknown {
  if (first === undefined) return value;
  if (Array.isArray(from))
    return from.map((each: unknown, index) =>
      String(index) === first ? changedAt(each, rest, value) : each,
    );
  const entries = Object.entries(from as Readonly<Record<string, unknown>>);
  return Object.fromEntries(
    entries.map(([name, each]) => [name, name === first ? changedAt(each, rest, value) : each]),
  );
}

function jsonPlaces(text: string, last: string, value: string): readonly number[] {
  return matches(
    text,
    new RegExp(`${escaped(JSON.stringify(last))}\\s*:\\s*"${escaped(value)}"`, 'g'),
    1,
    value,
  );
}

function tomlPlaces(text: string, last: string, value: string): readonly number[] {
  const name = escaped(last);
  // Only such a name stands without quotes; what begins with a space would be looked for at every space.
  const bare = /^[\w-]+$/.test(last) ? `${name}|` : '';
  const pattern = `(?<![\\w-])(?:${bare}"${name}"|'${name}')\\s*=\\s*("""|'''|"|')${escaped(value)}\\1`;
  return matches(text, new RegExp(pattern, 'g'), 0, value);
}

/** Where the value ends each match, but for the quotes behind it. */
function matches(text: string, pattern: RegExp, quotes: 0 | 1, value: string): readonly number[] {
  return [...text.matchAll(pattern)].map((match) => {
    const behind = quotes === 1 ? 1 : (match[1]?.length ?? 0);
    return match.index + match[0].length - behind - value.length;
  });
}

function escaped(literal: string): string {
  return literal.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
