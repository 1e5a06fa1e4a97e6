import type { Clock } from '@image-factory/core/ports/clock.ts';
import { second } from '@image-factory/core/time.ts';
import type { Mutex } from '../../directory/mutex.ts';
import type { CacheSlot } from '../cache-slot.ts';
import type { Environment } from '../environment.ts';
import { stateProblem, troubleOf } from '../failure.ts';
import { GitFailure } from '../process.ts';
import type { Remote } from '../remote-url.ts';
import type { StateRepository } from './state-repository.ts';
import { emptyTree, readStateTree, type StateTree } from './state-tree.ts';

export interface NewestStateParts {
  readonly branch: string;
  readonly clock: Clock;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  readonly environment: Environment;
  readonly remote: Remote;
  readonly slot: CacheSlot;
  readonly repository: StateRepository;
  /** One use of the local repository at a time. */
  readonly exclusively: Mutex;
}

/** What stands at the head of the state branch, as far as this process knows. */
export interface NewestState {
  /** What was read or pushed last; undefined before the first of both. */
  known(): StateTree | undefined;
  /** Asks the remote. */
  refresh(signal: AbortSignal | undefined): Promise<StateTree>;
  /** A push made this the head. */
  pushed(tree: StateTree): void;
}

/** A connection that fails is tried so often in all. */
export const connectionAttempts = 3;

export function createNewestState(parts: NewestStateParts): NewestState {
  const { branch, clock, random, environment, remote, slot, repository, exclusively } = parts;
  let known: StateTree | undefined;

  /** The newest state. A local repository that is broken is made anew, once. */
  async function refresh(signal: AbortSignal | undefined): Promise<StateTree> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await exclusively(() => fetchNewest(signal));
      } catch (error) {
        if (
          !(error instanceof GitFailure) ||
          troubleOf(error) !== 'unreachable' ||
          attempt >= connectionAttempts
        )
          throw error;
        await clock.sleep(attempt * second * (0.5 + random()), signal);
      }
    }
  }

  async function fetchNewest(signal: AbortSignal | undefined): Promise<StateTree> {
    await slot.prepare();
    // Looked up before asking: another process may make the branch, and note it, right after the remote has answered.
    const seen = known?.commit ?? repository.lastSeen();
    const head = await mending(() => repository.remoteHead(signal));
    if (head === undefined) return noBranch(seen);
    if (known?.commit !== head) known = await mending(() => load(head, signal));
    if (seen !== head) repository.noteSeen(head);
    return known ?? emptyTree;
  }

  async function load(head: string, signal: AbortSignal | undefined): Promise<StateTree> {
    const tree = (commit: string) => readStateTree(commit, known ?? emptyTree, slot.gitDir, environment);
    // A head that an earlier run has left here needs no network.
    if (known === undefined) {
      const cached = await tree(head).catch(() => undefined);
      if (cached !== undefined) return cached;
    }
    return tree(await repository.fetch(1, signal));
  }

  function noBranch(seen: string | undefined): StateTree {
    if (seen === undefined) return emptyTree;
    // Starting anew here would forget every ledger and hold: that must be a person's decision.
    throw stateProblem(
      'STATE_UNREACHABLE',
      `the state branch ${branch} at ${remote.url} was there (last at ${seen}) and is gone`,
      `Restore it with: git push ${remote.url} ${seen}:refs/heads/${branch} (the commit is also in ${slot.gitDir}); to start with an empty state instead, delete ${slot.note('')}.`,
    );
  }

  async function mending<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (!isLocal(error)) throw error;
      await slot.recreate();
      return step();
    }
  }

  /** Did our own repository fail, and not the remote? */
  function isLocal(error: unknown): boolean {
    if (!(error instanceof GitFailure) || error.reason === 'too-large') return false;
    return troubleOf(error) === 'local' || error.stderr.includes(slot.gitDir);
  }

  return {
    known: () => known,
    refresh,
    pushed(tree) {
      known = tree;
    },
  };
}
