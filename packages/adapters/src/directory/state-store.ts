import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { effectiveChanges } from '@image-factory/core/ports/state-changes.ts';
import type { StateSnapshot, StateStore, Transaction } from '@image-factory/core/ports/state-store.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { minute, type Duration } from '@image-factory/core/time.ts';
import { directoryError } from './failure.ts';
import { isInterrupted, recoverTransaction, writeTransaction } from './journal.ts';
import { createMutex } from './mutex.ts';
import { codeOf, tryLock, type ForeignLock, type ProcessLock } from './process-lock.ts';
import {
  filesAfter,
  readStateFiles,
  sameTexts,
  stillAsRead,
  versionOf,
  type KnownFiles,
} from './state-files.ts';

export interface DirectoryStateStoreOptions {
  /** The folder `state/`; made by the first commit. */
  readonly root: string;
  readonly clock: Clock;
  /** From 0 to 1, for jitter. */
  readonly random?: () => number;
  /** How long to wait while another process writes; default ten minutes. */
  readonly retryFor?: Duration;
  /** Flush to the disk, so that a power cut loses nothing either; default true. */
  readonly durable?: boolean;
}

/** A lock from another machine or container that stays as it is for so long was left by a dead process. */
const foreignPatience = minute;
/** Drafts of the lock that a killed process has left. */
const draftAge = minute;

/** The version costs a hash of everything, and is seldom asked for. */
function snapshotOf(files: KnownFiles): StateSnapshot {
  const texts = new Map<string, string>();
  for (const [path, { text }] of files) texts.set(path, text);
  let version: string | undefined;
  return {
    files: texts,
    get version() {
      version ??= versionOf(files);
      return version;
    },
  };
}

/**
 * State as plain files in plain sight. A transaction is computed and written under a lock and in one go, so that a
 * reader never sees half of one; a person may edit the files with any editor at any time.
 */
export function createDirectoryStateStore(options: DirectoryStateStoreOptions): StateStore {
  const { clock } = options;
  const root = resolve(options.root);
  const durable = options.durable ?? true;
  const random = options.random ?? Math.random;
  const inOrder = createMutex();
  let known: KnownFiles = new Map();
  let snapshot: StateSnapshot = { version: '', files: new Map() };

  /** The newest files, read under the lock. */
  function load(): StateSnapshot {
    recoverTransaction(root, durable);
    return remember(readStateFiles(root, known));
  }

  function remember(files: KnownFiles): StateSnapshot {
    // The same object for the same state: callers may compare, and nothing is copied for no news.
    if (!sameTexts(known, files)) snapshot = snapshotOf(files);
    known = files;
    return snapshot;
  }

  function apply(transaction: Transaction): StateSnapshot | undefined {
    const before = load();
    const changes = effectiveChanges(before.files, transaction.change(before.files));
    if (!changes.ok) {
      throw new FactoryError({
        code: 'INTERNAL',
        message: `refused to write: ${changes.error}`,
        hint: 'This is a bug in Image Factory: please report it.',
      });
    }
    if (changes.value.size === 0) return before;
    if (!stillAsRead(root, changes.value.keys(), known)) return undefined;
    removeDrafts();
    writeTransaction(root, changes.value, known, durable);
    return remember(filesAfter(changes.value, known));
  }

  function removeDrafts(): void {
    for (const name of readdirSync(root)) {
      if (!/^\.lock\.[0-9a-f-]{36}/.test(name)) continue;
      const stats = lstatSync(join(root, name), { throwIfNoEntry: false });
      if (stats !== undefined && Date.now() - stats.mtimeMs > draftAge)
        rmSync(join(root, name), { force: true });
    }
  }

  /** Runs the step under the lock, in one go: nothing of it waits, so the lock is never held for longer than the step takes. */
  async function locked<T>(step: () => T, signal: AbortSignal | undefined): Promise<T> {
    const start = clock.monotonic();
    const isStale = foreignWatch(clock);
    for (;;) {
      signal?.throwIfAborted();
      const lock: ProcessLock | undefined = tryLock(join(root, '.lock'), isStale);
      if (lock !== undefined) {
        try {
          return step();
        } finally {
          lock.release();
        }
      }
      if (clock.monotonic() - start > (options.retryFor ?? 10 * minute)) {
        throw new FactoryError({
          code: 'STATE_CONTENDED',
          message: `another process has kept ${join(root, '.lock')} for too long`,
          hint: 'Look for a second factory on this folder; if there is none, delete the lock file.',
        });
      }
      await clock.sleep(5 + 45 * random(), signal);
    }
  }

  async function read(signal: AbortSignal | undefined): Promise<StateSnapshot> {
    // A read must not make the folder.
    if (lstatSync(root, { throwIfNoEntry: false }) === undefined) return remember(new Map());
    try {
      return await locked(load, signal);
    } catch (error) {
      if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT'].includes(codeOf(error)) || isInterrupted(root))
        throw error;
      return readWithoutLock(signal);
    }
  }

  /** Where no lock can be made (read-only, full disk) nobody writes either, at least not from here: look twice. */
  async function readWithoutLock(signal: AbortSignal | undefined): Promise<StateSnapshot> {
    for (;;) {
      const first = versionOf(readStateFiles(root, new Map()));
      const second = remember(readStateFiles(root, new Map()));
      if (first === second.version && !isInterrupted(root)) return second;
      await clock.sleep(100, signal);
    }
  }

  async function commit(transaction: Transaction, signal: AbortSignal | undefined): Promise<StateSnapshot> {
    signal?.throwIfAborted();
    mkdirSync(root, { recursive: true });
    for (;;) {
      const after = await locked(() => apply(transaction), signal);
      if (after !== undefined) return after;
    }
  }

  const translated = <T>(step: () => Promise<T>) =>
    inOrder(async () => {
      try {
        return await step();
      } catch (error) {
        throw directoryError(error, root);
      }
    });

  return {
    read: (signal) => translated(() => read(signal)),
    commit: (transaction, signal) => translated(() => commit(transaction, signal)),
  };
}

/** Judges foreign locks by how long we have seen them unchanged: the clocks of two machines need not agree. */
function foreignWatch(clock: Clock): (lock: ForeignLock) => boolean {
  const firstSeen = new Map<string, number>();
  return ({ token, touched }) => {
    const key = `${token} ${touched}`;
    const since = firstSeen.get(key) ?? clock.monotonic();
    firstSeen.set(key, since);
    return clock.monotonic() - since > foreignPatience;
  };
}
