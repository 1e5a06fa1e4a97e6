import type { StateChanges, StateFiles } from '../state/files.ts';

export type { StateChanges, StateFiles } from '../state/files.ts';

export interface StateSnapshot {
  /** Commit id, or a counter in directory mode; empty for a state that does not exist yet. */
  readonly version: string;
  readonly files: StateFiles;
}

/** What a transaction wants: computed on the newest files, and again when somebody else was faster. */
export interface Transaction {
  /** First line of the commit message, without `[skip ci]`. */
  readonly subject: string;
  readonly body?: string;
  /** Pure: called again on newer files when the push is refused. An empty result writes nothing. */
  readonly change: (files: StateFiles) => StateChanges;
}

/** Git as database: one commit per transaction, all files of it or none. Throws FactoryError with a STATE_ code. */
export interface StateStore {
  /** The newest state, fetched from the remote where there is one. */
  read(signal?: AbortSignal): Promise<StateSnapshot>;
  /** Applies the change and returns the state after it. A change that is empty returns the newest state. */
  commit(transaction: Transaction, signal?: AbortSignal): Promise<StateSnapshot>;
}
