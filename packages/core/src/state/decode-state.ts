import type { StateFiles } from './files.ts';
import type { Problem } from '../problem.ts';
import type { Result } from '../result.ts';
import { decodeBase, decodeEngine, decodeImage, decodeIntent } from './decode.ts';
import type { AnyRecord, DecodeCache } from './decode-cache.ts';
import { recordAt } from './state-paths.ts';
import type { BaseRecord, EngineRecord, FactoryState, ImageRecord, Intent } from './types.ts';

export const emptyState: FactoryState = {
  images: new Map(),
  bases: new Map(),
  intents: new Map(),
  engine: undefined,
};

export interface DecodedState {
  readonly state: FactoryState;
  readonly problems: readonly Problem[];
  /**
   * Paths whose text could not be read. Nothing ever overwrites them, and an image whose record or intent is among
   * them must not be enrolled anew or built: what is known of it is in the file that nobody can read.
   */
  readonly unreadable: ReadonlySet<string>;
}

/**
 * All records of the state. A file that cannot be read is one problem of its image or base and stops no other.
 * A state that a newer program wrote is not read at all: the one problem is STATE_NEWER and the state is empty.
 * With a cache, texts that were decoded before are not decoded again.
 */
export function decodeState(files: StateFiles, cache?: DecodeCache): DecodedState {
  const images = new Map<string, ImageRecord>();
  const bases = new Map<string, BaseRecord>();
  const intents = new Map<string, Intent>();
  let engine: EngineRecord | undefined;
  const problems: Problem[] = [];
  const unreadable = new Set<string>();

  function decoded<T extends AnyRecord>(
    path: string,
    text: string,
    decode: (path: string, text: string) => Result<T, Problem>,
  ): T | undefined {
    const known = cache?.get(path);
    if (known?.text === text) return known.record as T;
    const result = decode(path, text);
    if (result.ok) {
      cache?.set(path, { text, record: result.value });
      return result.value;
    }
    cache?.delete(path);
    problems.push(result.error);
    unreadable.add(path);
    return undefined;
  }

  function keep<T>(map: Map<string, T>, name: string, record: T | undefined): void {
    if (record !== undefined) map.set(name, record);
  }

  for (const [path, text] of files) {
    const place = recordAt(path);
    if (!place) continue;
    if (place.kind === 'image') keep(images, place.name, decoded(path, text, decodeImage));
    else if (place.kind === 'base') keep(bases, place.name, decoded(path, text, decodeBase));
    else if (place.kind === 'intent') keep(intents, place.name, decoded(path, text, decodeIntent));
    else engine = decoded(path, text, decodeEngine);
  }
  const newer = problems.find((problem) => problem.code === 'STATE_NEWER');
  if (newer) return { state: emptyState, problems: [newer], unreadable };
  if (cache) for (const path of cache.keys()) if (!files.has(path)) cache.delete(path);
  return { state: { images, bases, intents, engine }, problems, unreadable };
}
