import { effectiveChanges } from '@image-factory/core/ports/state-changes.ts';
import type { StateFiles, StateSnapshot, StateStore } from '@image-factory/core/ports/state-store.ts';
import { FactoryError } from '@image-factory/core/problem.ts';

/** A transaction that went in, for tests to count. */
export interface MemoryCommit {
  readonly version: string;
  readonly subject: string;
  readonly body: string | undefined;
  /** Paths that it wrote or removed. */
  readonly paths: readonly string[];
}

/** What several stores share, as several processes share one remote. */
export interface MemoryState {
  version: number;
  files: StateFiles;
  readonly commits: MemoryCommit[];
}

/** Where a store waits for the outside, in the order in which a call comes by. */
export type MemoryStep = 'before read' | 'after read' | 'before fetch' | 'before push' | 'after push';

export interface MemoryStateStoreOptions {
  readonly state?: MemoryState;
  /**
   * Called at every await: may throw (a fault), never settle (the process was killed there) or wait (another process
   * goes first). At `after push` the transaction is already in the state.
   */
  readonly at?: (step: MemoryStep) => Promise<void> | void;
  /** Refuses a commit like a hook at the remote would: the message, or undefined. */
  readonly refuse?: (subject: string, files: StateFiles) => string | undefined;
}

export function createMemoryState(files: Iterable<readonly [string, string]> = []): MemoryState {
  const map = new Map(files);
  return { version: map.size > 0 ? 1 : 0, files: map, commits: [] };
}

/** The port's semantics without a disk: optimistic writers on a shared state, all files of a transaction or none. */
export function createMemoryStateStore(
  options: MemoryStateStoreOptions = {},
): StateStore & { readonly state: MemoryState } {
  const state = options.state ?? createMemoryState();
  const at = async (step: MemoryStep) => options.at?.(step);
  const snapshot = (): StateSnapshot => ({
    version: state.version === 0 ? '' : String(state.version),
    files: state.files,
  });
  return {
    state,
    async read(signal) {
      signal?.throwIfAborted();
      await at('before read');
      const seen = snapshot();
      await at('after read');
      return seen;
    },
    async commit(transaction, signal) {
      for (;;) {
        signal?.throwIfAborted();
        await at('before fetch');
        const seen = snapshot();
        const changes = effectiveChanges(seen.files, transaction.change(seen.files));
        if (!changes.ok)
          throw new FactoryError({ code: 'INTERNAL', message: changes.error, hint: 'Please report it.' });
        if (changes.value.size === 0) return seen;
        await at('before push');
        const refusal = options.refuse?.(transaction.subject, seen.files);
        if (refusal !== undefined)
          throw new FactoryError({ code: 'STATE_REFUSED', message: refusal, hint: 'Check the hook.' });
        if (snapshot().version !== seen.version) continue;
        const files = new Map(seen.files);
        for (const [path, text] of changes.value) {
          if (text === null) files.delete(path);
          else files.set(path, text);
        }
        state.files = files;
        state.version += 1;
        const done = snapshot();
        state.commits.push({
          version: done.version,
          subject: transaction.subject,
          body: transaction.body,
          paths: [...changes.value.keys()],
        });
        await at('after push');
        return done;
      }
    },
  };
}
