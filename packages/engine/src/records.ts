import type { StateChanges, StateFiles, StateStore } from '@image-factory/core/ports/state-store.ts';
import type { Settings } from '@image-factory/core/enrolment/types.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { stateChanges } from '@image-factory/core/state/changes.ts';
import { newDecodeCache, rememberWritten, type DecodeCache } from '@image-factory/core/state/decode-cache.ts';
import { decodeState, emptyState, type DecodedState } from '@image-factory/core/state/decode-state.ts';
import { eventChanges, foldClosedMonths } from '@image-factory/core/state/events.ts';
import type { Event, FactoryState } from '@image-factory/core/state/types.ts';
import { trimmed, type DelayOf } from './trimmed.ts';

/** A state and what happened on the way to it. */
export interface Changed {
  readonly state: FactoryState;
  readonly events: readonly Event[];
}

/** What surrounds the records: the texts, and which of them cannot be read. */
export interface Surroundings {
  readonly files: StateFiles;
  readonly unreadable: ReadonlySet<string>;
}

/** Pure: applied first to the records at hand, and again to newer ones while others are faster. */
export type Change = (state: FactoryState, surroundings: Surroundings) => Changed;

/** The newest known records, and the way to change them: as functions of whatever is newest when they are written. */
export interface Records {
  readonly state: FactoryState;
  readonly files: StateFiles;
  /** Files that cannot be read, one problem each. */
  readonly problems: readonly Problem[];
  readonly unreadable: ReadonlySet<string>;
  load(signal?: AbortSignal): Promise<void>;
  /** One commit; without news nothing is written. Afterwards the records are those of this commit. */
  transact(subject: string, change: Change): Promise<void>;
}

export interface RecordsOptions {
  readonly store: StateStore;
  /** Records that were decoded before, for the files as they are now; asked once, with the first files. */
  readonly cacheFor?: (files: StateFiles) => DecodeCache;
  /** Changes are applied in memory and never written. */
  readonly dry: boolean;
  /** The engine that works here; undefined for a person's change, which any engine takes up. */
  readonly engine?: Settings['engine'];
  /** The delays in force; without them no ledger is trimmed, because nobody knows what is still waited for. */
  readonly delayOf?: DelayOf;
}

interface Applied {
  readonly after: FactoryState;
  /** The changed files that hold records of it. */
  readonly written: StateChanges;
  /** Those and all others, the audit log among them. */
  readonly changes: StateChanges;
  readonly events: readonly Event[];
}

export function openRecords(options: RecordsOptions): Records {
  const { store, cacheFor = newDecodeCache, dry, engine, delayOf } = options;
  let cache: DecodeCache | undefined;
  let files: StateFiles = new Map();
  let decoded: DecodedState = { state: emptyState, problems: [], unreadable: new Set() };

  function decode(newest: StateFiles): DecodedState {
    cache ??= cacheFor(newest);
    const found = decodeState(newest, cache);
    const newer = found.problems.find(({ code }) => code === 'STATE_NEWER');
    if (newer) throw new FactoryError(newer);
    if (engine) refuseOtherEngine(found.state, engine);
    return found;
  }

  function take(newest: StateFiles): void {
    decoded = decode(newest);
    files = newest;
  }

  function apply(change: Change, newest: StateFiles): Applied {
    const { state: before, unreadable } = newest === files ? decoded : decode(newest);
    const { state, events } = change(before, { files: newest, unreadable });
    const after = trimmed(state, delayOf);
    const written = stateChanges(before, after, newest);
    const changes = withFolding(new Map([...written, ...eventChanges(events)]), events, newest);
    return { after, written, changes, events };
  }

  return {
    get state() {
      return decoded.state;
    },
    get files() {
      return files;
    },
    get problems() {
      return decoded.problems;
    },
    get unreadable() {
      return decoded.unreadable;
    },
    async load(signal) {
      take((await store.read(signal)).files);
    },
    async transact(subject, change) {
      // What the events say is known once the change is applied; the message is that of the records at hand.
      let applied = apply(change, files);
      if (applied.changes.size === 0) return;
      let newest: StateFiles;
      if (dry) newest = withChanges(files, applied.changes);
      else {
        const body = applied.events.map(({ text }) => `- ${text}`).join('\n');
        const snapshot = await store.commit({
          subject,
          ...(body ? { body } : {}),
          change(found) {
            if (found !== files) applied = apply(change, found);
            return applied.changes;
          },
        });
        newest = snapshot.files;
      }
      if (cache) rememberWritten(cache, applied.after, applied.written);
      take(newest);
    },
  };
}

/** Months that are over become one file each, along with the first events of a later one: never by a commit of its own. */
function withFolding(changes: StateChanges, events: readonly Event[], files: StateFiles): StateChanges {
  const last = events.at(-1);
  return last ? new Map([...foldClosedMonths(files, last.at), ...changes]) : changes;
}

function withChanges(files: StateFiles, changes: StateChanges): StateFiles {
  const next = new Map(files);
  for (const [path, text] of changes) {
    if (text === null) next.delete(path);
    else next.set(path, text);
  }
  return next;
}

/** Only the engine that owns the state writes it; switching is a command of its own (brief 4.4). */
function refuseOtherEngine({ engine: owner }: FactoryState, engine: Settings['engine']): void {
  if (!owner || owner.engine === engine) return;
  throw new FactoryError({
    code: 'STATE_EPOCH',
    message: `this state is owned by the ${owner.engine} engine (epoch ${owner.epoch}), and factory.yaml says engine: ${engine}`,
    hint: `Hand it over with image-factory engine ${engine}, or set engine: ${owner.engine}.`,
    subject: { kind: 'factory' },
  });
}
