import { effectiveChanges } from '@image-factory/core/ports/state-changes.ts';
import type { StateSnapshot, Transaction } from '@image-factory/core/ports/state-store.ts';
import type { PlannedCommit } from '../commit-stream.ts';
import { stateProblem } from '../failure.ts';
import { treeAfter, type StateTree } from './state-tree.ts';

/** A transaction, and who waits for its end. */
export interface Waiting {
  readonly transaction: Transaction;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (snapshot: StateSnapshot) => void;
  readonly reject: (failure: unknown) => void;
}

/** Transactions that share a push, each computed on what those before it leave. */
export interface Round {
  readonly members: readonly { readonly waiting: Waiting; readonly plan: PlannedCommit | undefined }[];
  readonly base: StateTree;
}

/** What each transaction changes. Undefined: what was computed on a state that may be old is not to be believed before it is computed on the newest. */
export function computeRound(group: readonly Waiting[], base: StateTree, fresh: boolean): Round | undefined {
  const members: { waiting: Waiting; plan: PlannedCommit | undefined }[] = [];
  let tree = base;
  for (const waiting of group) {
    const { subject, body } = waiting.transaction;
    try {
      const changes = effectiveChanges(tree.files, waiting.transaction.change(tree.files));
      if (!changes.ok)
        throw stateProblem(
          'INTERNAL',
          `refused to write: ${changes.error}`,
          'This is a bug in Image Factory: please report it.',
        );
      if (changes.value.size === 0 && !fresh) return undefined;
      members.push({
        waiting,
        plan: changes.value.size === 0 ? undefined : { subject, body, changes: changes.value },
      });
      if (changes.value.size > 0) tree = treeAfter(tree, undefined, changes.value);
    } catch (error) {
      if (!fresh) return undefined;
      waiting.reject(error);
    }
  }
  return { members, base };
}

/** True for one whose caller has given up; it is told so. */
export function rejectAborted(waiting: Waiting): boolean {
  if (waiting.signal?.aborted) waiting.reject(waiting.signal.reason);
  return waiting.signal?.aborted === true;
}

/** The push is done: everybody gets the state that follows from the own transaction. */
export function settle(round: Round, ids: readonly string[]): void {
  const trees = treesOf(round, ids);
  for (const [index, { waiting }] of round.members.entries())
    waiting.resolve(snapshotOf(trees[index] ?? round.base));
}

/** The state after each member of the round. */
export function treesOf(round: Round, ids: readonly string[]): StateTree[] {
  let tree = round.base;
  let next = 0;
  return round.members.map(({ plan }) => {
    if (plan !== undefined) tree = treeAfter(tree, ids[next++], plan.changes);
    return tree;
  });
}

export function snapshotOf(tree: StateTree): StateSnapshot {
  return { version: tree.commit ?? '', files: tree.files };
}
