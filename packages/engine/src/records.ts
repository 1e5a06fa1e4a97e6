import type { StateFiles, StateStore } from '@image-factory/core/ports/state-store.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { stateChanges } from '@image-factory/core/state/changes.ts';
import { newDecodeCache, type DecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { decodeState, emptyState } from '@image-factory/core/state/decode-state.ts';
import { eventChanges } from '@image-factory/core/state/events.ts';
import { digestsInUse, keptEntries, trimRebuilds, trimState } from '@image-factory/core/state/trim.ts';
import type { Event, FactoryState } from '@image-factory/core/state/types.ts';
import { day } from '@image-factory/core/time.ts';
import type { Changed } from './enter.ts';

/** The newest known records, and the way to change them: as functions of whatever is newest when they are written. */
export interface Records {
  readonly state: FactoryState;
  readonly files: StateFiles;
  /** Files that cannot be read, one problem each. */
  readonly problems: readonly Problem[];
  readonly unreadable: ReadonlySet<string>;
  load(signal?: AbortSignal): Promise<void>;
  /** One commit. `change` may be called again on newer records; without news nothing is written. */
  transact(subject: string, change: (state: FactoryState, files: StateFiles) => Changed): Promise<void>;
}

export interface RecordsOptions {
  readonly store: StateStore;
  /** Records that were decoded before, for the files as they are now; asked once, with the first files. */
  readonly cacheFor?: (files: StateFiles) => DecodeCache;
  /** Changes are applied in memory and never written. */
  readonly dry: boolean;
}

export function openRecords({ store, cacheFor = newDecodeCache, dry }: RecordsOptions): Records {
  let cache: DecodeCache | undefined;
  let state = emptyState;
  let files: StateFiles = new Map();
  let problems: readonly Problem[] = [];
  let unreadable: ReadonlySet<string> = new Set();

  function take(newest: StateFiles): void {
    cache ??= cacheFor(newest);
    const decoded = decodeState(newest, cache);
    const newer = decoded.problems.find(({ code }) => code === 'STATE_NEWER');
    if (newer) throw new FactoryError(newer);
    files = newest;
    ({ state, problems, unreadable } = decoded);
  }

  return {
    get state() {
      return state;
    },
    get files() {
      return files;
    },
    get problems() {
      return problems;
    },
    get unreadable() {
      return unreadable;
    },
    async load(signal) {
      take((await store.read(signal)).files);
      refuseOtherEngine(state);
    },
    async transact(subject, change) {
      const apply = (newest: StateFiles): { changes: ReadonlyMap<string, string | null>; events: readonly Event[] } => {
        const before = decodeState(newest, cache).state;
        refuseOtherEngine(before);
        const { state: after, events } = change(before, newest);
        const changes = new Map([...stateChanges(before, trimmed(after), newest), ...eventChanges(events)]);
        return { changes, events };
      };
      if (dry) {
        const { changes } = apply(files);
        const next = new Map(files);
        for (const [path, text] of changes) text === null ? next.delete(path) : next.set(path, text);
        take(next);
        return;
      }
      // What the events say is known once the change is; the message is written from a rehearsal on the records at hand.
      const { changes, events } = apply(files);
      if (changes.size === 0) return;
      const body = events.map(({ text }) => `- ${text}`).join('\n');
      const snapshot = await store.commit({
        subject,
        ...(body ? { body } : {}),
        change: (newest) => apply(newest).changes,
      });
      take(snapshot.files);
    },
  };
}

/** Digests that may still become a candidate stay in the ledger however busy their tag is. */
const longestUse = 60 * day;

/** Takes old ledger entries and rebuilds out of the records, for the archive, where there are too many. */
function trimmed(state: FactoryState): FactoryState {
  const crowded =
    state.bases.values().some(({ ledger }) => ledger.length > keptEntries) ||
    state.images.values().some((image) => image.ledger.length > keptEntries || trimRebuilds(image) !== image);
  if (!crowded) return state;
  const inUse = digestsInUse(state);
  return trimState(state, (base, digest) => {
    if (inUse(base, digest)) return true;
    const ledger = state.bases.get(base)?.ledger ?? [];
    const newest = ledger.at(-1)?.appeared ?? 0;
    return ledger.some((entry) => entry.digest === digest && entry.appeared > newest - longestUse);
  });
}

/** Only the engine that owns the state writes it; switching is a command of its own (brief 4.4). */
function refuseOtherEngine(state: FactoryState): void {
  if (!state.engine || state.engine.engine === 'embedded') return;
  throw new FactoryError({
    code: 'STATE_EPOCH',
    message: `this state is owned by the ${state.engine.engine} engine (epoch ${state.engine.epoch}), not by the embedded one`,
    hint: 'Set engine: kargo in factory.yaml, or switch engines with the command that drains what is open first.',
    subject: { kind: 'factory' },
  });
}
