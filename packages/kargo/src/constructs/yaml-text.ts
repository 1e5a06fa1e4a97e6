import type { KubernetesManifest } from '../manifests/manifest.ts';

/** Keys of a manifest and of its metadata that come before the others, which follow in the order of the alphabet. */
const firstKeys = ['apiVersion', 'kind', 'metadata', 'name', 'namespace'];
const rankOfKey = new Map(firstKeys.map((key, index) => [key, index]));
/** What a reader looks for first in a step, a container, an argument. */
const rankOfInnerKey = new Map(['name', 'uses', 'as', 'if'].map((key, index) => [key, index]));

/**
 * Manifests as one YAML text with a document each. Keys are in a fixed order, so that the same manifests make the same text.
 * YAML 1.1 and 1.2 read it alike: whatever one of them takes for something else than text stands in quotes.
 *
 * @throws TypeError for values that JSON does not have
 */
export function yamlText(manifests: readonly KubernetesManifest[]): string {
  return [...yamlDocuments(manifests)].join('');
}

/** The same text piece by piece, for more manifests than should be in memory as text. */
export function* yamlDocuments(manifests: readonly KubernetesManifest[]): Generator<string> {
  for (const manifest of manifests) yield `---\n${yamlDocument(manifest)}`;
}

/** One manifest, without the line `---` before it. */
export function yamlDocument(manifest: KubernetesManifest): string {
  const lines: string[] = [];
  const mapping = manifest as unknown as Mapping;
  writeMapping(mapping, sortedKeys(mapping, 'top'), '', lines, 'top');
  return `${lines.join('\n')}\n`;
}

type Mapping = Readonly<Record<string, unknown>>;
type Level = 'top' | 'metadata' | 'other';

/** `lead` is what the first line begins with where that is not the indent: in a list, the dash. */
function writeMapping(
  mapping: Mapping,
  keys: readonly string[],
  indent: string,
  lines: string[],
  level: Level,
  lead = indent,
): void {
  let start = lead;
  for (const key of keys) {
    const inner = level === 'top' && key === 'metadata' ? 'metadata' : 'other';
    writeValue(`${start}${scalarText(key)}:`, mapping[key], indent, lines, inner);
    start = indent;
  }
}

/** Order means nothing to a mapping, so it may mean something to the reader. */
function sortedKeys(mapping: Mapping, level: Level): string[] {
  const keys = Object.keys(mapping).filter((key) => mapping[key] !== undefined);
  if (keys.length < 2) return keys;
  const ranks = level === 'other' ? rankOfInnerKey : rankOfKey;
  const rank = (key: string): number => ranks.get(key) ?? firstKeys.length;
  return keys.toSorted((left, right) => rank(left) - rank(right) || (left < right ? -1 : 1));
}

/** `head` is what stands before the value on its line: a key with its colon, or a dash. */
function writeValue(head: string, value: unknown, indent: string, lines: string[], level: Level): void {
  if (Array.isArray(value)) {
    lines.push(value.length === 0 ? `${head} []` : head);
    writeList(value, `${indent}  `, lines);
  } else if (isMapping(value)) {
    const keys = sortedKeys(value, level);
    lines.push(keys.length === 0 ? `${head} {}` : head);
    writeMapping(value, keys, `${indent}  `, lines, level);
  } else if (typeof value === 'string' && isBlock(value)) writeBlock(head, value, indent, lines);
  else lines.push(`${head} ${scalarText(value)}`);
}

function writeList(list: readonly unknown[], indent: string, lines: string[], lead = indent): void {
  let start = lead;
  for (const item of list) {
    writeItem(item, `${start}-`, indent, lines);
    start = indent;
  }
}

/** The first line of a mapping or list in a list stands beside the dash. */
function writeItem(item: unknown, dash: string, indent: string, lines: string[]): void {
  const inner = `${indent}  `;
  if (Array.isArray(item) && item.length > 0) return writeList(item, inner, lines, `${dash} `);
  const keys = isMapping(item) ? sortedKeys(item, 'other') : [];
  if (isMapping(item) && keys.length > 0) return writeMapping(item, keys, inner, lines, 'other', `${dash} `);
  writeValue(dash, item, indent, lines, 'other');
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Several lines, none of which YAML would fold, indent or strip in another way than we mean. */
function isBlock(text: string): boolean {
  return (
    text.includes('\n') && /^[^\s#]/.test(text) && /^[\x20-\x7e\n]+$/.test(text) && !text.endsWith('\n\n')
  );
}

function writeBlock(head: string, text: string, indent: string, lines: string[]): void {
  const ends = text.endsWith('\n');
  lines.push(`${head} ${ends ? '|' : '|-'}`);
  for (const line of (ends ? text.slice(0, -1) : text).split('\n'))
    lines.push(line === '' ? '' : `${indent}  ${line}`);
}

function scalarText(value: unknown): string {
  if (typeof value === 'string') return isPlain(value) ? value : quote(value);
  if (typeof value === 'boolean' || value === null) return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  throw new TypeError(`expected a value of JSON, got ${typeof value}`);
}

/** What no version of YAML takes for a number, a date, a truth value, or the start of something. */
function isPlain(text: string): boolean {
  if (!/^[A-Za-z_./][\w./@+=-]*(?::[\w./@+=-]+)*$/.test(text) || text.length > 200) return false;
  return (
    !/^(?:y|n|yes|no|on|off|true|false|null|\.inf|\.nan|[._][\d_.]*|\.\d.*|[._\d]*e[+-]?\d+)$/i.test(text) &&
    !/^\.{3}/.test(text)
  );
}

/** JSON's escapes are YAML's too, but for the characters that YAML cannot hold bare. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
