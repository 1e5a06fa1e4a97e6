import { isMap } from './data-equal.ts';
import type { StateChanges, StateFiles } from './files.ts';
import { basePath, enginePath, imagePath, intentPath, recordAt } from './state-paths.ts';
import type { BaseRecord, EngineRecord, FactoryState, ImageRecord, Intent } from './types.ts';

export type AnyRecord = ImageRecord | BaseRecord | Intent | EngineRecord;

/** What was decoded before, by path; an entry counts only for the very same text. */
export type DecodeCache = Map<string, { readonly text: string; readonly record: AnyRecord }>;

export function newDecodeCache(): DecodeCache {
  return new Map();
}

/** Enters what was just written: `changes` are what `stateChanges` made of this state, and need not be read back. */
export function rememberWritten(cache: DecodeCache, state: FactoryState, changes: StateChanges): void {
  function remember(path: string, record: AnyRecord): void {
    const text = changes.get(path);
    if (typeof text === 'string') cache.set(path, { text, record });
  }
  for (const record of state.images.values()) remember(imagePath(record.name), record);
  for (const record of state.bases.values()) remember(basePath(record.name), record);
  for (const record of state.intents.values()) remember(intentPath(record.image), record);
  if (state.engine) remember(enginePath, state.engine);
}

/** Raised when records change their form, so that caches of other programs are not read. */
const cacheVersion = 1;

/**
 * 64 bits of a text, in hex: tells one version of a file from another in a local cache. Not for anything that an
 * attacker may choose; who can write the state can write the records directly.
 */
export function textHash(text: string): string {
  let low = 0x9e3779b9 ^ text.length;
  let high = 0x85ebca6b ^ text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul((high << 5) ^ (high >>> 27) ^ code, 0x9e3779b1);
  }
  low = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d);
  high = Math.imul(high ^ (high >>> 13), 0x297a2d39);
  return hex(low ^ (high >>> 16)) + hex(high ^ (low >>> 15));
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

/** The cache as JSON, with the text's hash in place of the text. */
export function exportDecodeCache(cache: DecodeCache): string {
  const entries = Array.from(cache, ([path, { text, record }]) => [path, textHash(text), record]);
  return JSON.stringify({ version: cacheVersion, entries });
}

/** The part of an exported cache that fits these files. Anything else, damaged caches included, counts as no cache. */
export function importDecodeCache(json: string, files: StateFiles): DecodeCache {
  const cache = newDecodeCache();
  for (const [path, hash, record] of entriesOf(json)) {
    const text = files.get(path);
    if (text !== undefined && recordAt(path) && textHash(text) === hash) cache.set(path, { text, record });
  }
  return cache;
}

function entriesOf(json: string): readonly (readonly [string, string, AnyRecord])[] {
  try {
    const data: unknown = JSON.parse(json);
    if (!isMap(data) || data['version'] !== cacheVersion || !Array.isArray(data['entries'])) return [];
    return data['entries'].filter(isEntry);
  } catch {
    return [];
  }
}

function isEntry(entry: unknown): entry is readonly [string, string, AnyRecord] {
  return (
    Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'string' && isMap(entry[2])
  );
}
