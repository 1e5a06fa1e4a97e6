import { effectiveChanges } from '@image-factory/core/ports/state-changes.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { StateSnapshot, StateStore, Transaction } from '@image-factory/core/ports/state-store.ts';
import { minute, second, type Duration } from '@image-factory/core/time.ts';
import { takeSlot } from './cache-slot.ts';
import { isBranchName } from './branch-name.ts';
import type { Author, PlannedCommit } from './commit-stream.ts';
import type { Environment } from './environment.ts';
import { stateError, stateProblem, troubleOf } from './failure.ts';
import { createMutex } from '../directory/mutex.ts';
import { GitFailure } from './process.ts';
import { parseRemote } from './remote-url.ts';
import { createStateRepository } from './state-repository.ts';
import { emptyTree, readStateTree, treeAfter, type StateTree } from './state-tree.ts';

export interface GitStateStoreOptions {
  /** A URL, `user@host:path` or an absolute path of the repository that holds the state. */
  readonly remote: string;
  readonly branch: string;
  /** A folder of the machine for the working copy; losing it loses nothing. */
  readonly cacheDir: string;
  readonly author: Author;
  /** An OpenPGP key id, or an ssh key (file or `key::...`); commits are then signed. */
  readonly signingKey?: string | undefined;
  /** Asked before each contact with an http remote; `user:password` or a token alone. */
  readonly token?: (() => Promise<string | undefined>) | undefined;
  readonly clock: Clock;
  /** From 0 to 1, for jitter. */
  readonly random?: () => number;
  /** How long a commit is tried again when others are faster; default ten minutes. */
  readonly retryFor?: Duration;
  /** A commit waits so long for others, to share a push with them; default 0. */
  readonly groupWindow?: Duration;
  /** What git processes see; default: this process's environment. */
  readonly environment?: Environment;
}

export interface GitStateStore extends StateStore {
  /** Gives the cached repository to the next process. A process that just ends need not call it. */
  close(): void;
}

interface Waiting {
  readonly transaction: Transaction;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (snapshot: StateSnapshot) => void;
  readonly reject: (failure: unknown) => void;
}

interface Round {
  readonly members: readonly { readonly waiting: Waiting; readonly plan: PlannedCommit | undefined }[];
  readonly base: StateTree;
}

/** One push carries so many commits at most. */
const largestGroup = 50;
/** A connection that fails is tried so often in all. */
const connectionAttempts = 3;
/** More commits than this are not made by others between a push and the look whether it has happened. */
const landedDepth = 100;
const tidyEvery = 200;

/**
 * Git as database (design brief 4.5). Writers hold no locks: a commit is made on the head that is known, and pushed
 * on the condition that the branch still stands there; who was too late fetches and computes the same transaction
 * again. The remote's one ref update is the whole transaction, so a kill at any moment leaves the old or the new state.
 */
export function createGitStateStore(options: GitStateStoreOptions): GitStateStore {
  const { clock, branch } = options;
  const random = options.random ?? Math.random;
  const environment = options.environment ?? process.env;
  const parsed = parseRemote(options.remote, '/');
  if (!parsed.ok)
    throw stateProblem(
      'CONFIG_INVALID_VALUE',
      `state remote: ${parsed.error}`,
      'Correct state.remote in factory.yaml.',
    );
  const remote = parsed.value;
  if (!isBranchName(branch))
    throw stateProblem(
      'CONFIG_INVALID_VALUE',
      `state branch: "${branch.slice(0, 80)}" is not a valid branch name`,
      'Correct state.branch in factory.yaml.',
    );
  const slot = takeSlot(options.cacheDir, `state ${remote.url} ${branch}`, remote.url, clock, environment);
  const repository = createStateRepository({
    ...options,
    slot,
    remote,
    environment,
    signingKey: options.signingKey,
    token: options.token,
  });
  const exclusively = createMutex();
  const queue: Waiting[] = [];
  let known: StateTree | undefined;
  let working = false;
  let commitsSinceTidy = 0;

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

  function enqueue(transaction: Transaction, signal: AbortSignal | undefined): Promise<StateSnapshot> {
    const { promise, resolve, reject } = Promise.withResolvers<StateSnapshot>();
    queue.push({ transaction, signal, resolve, reject });
    if (!working) {
      working = true;
      void drain();
    }
    return promise;
  }

  async function drain(): Promise<void> {
    if (options.groupWindow) await clock.sleep(options.groupWindow);
    while (queue.length > 0) {
      const group = queue.splice(0, largestGroup);
      await runGroup(group).catch((error: unknown) => {
        for (const waiting of group) waiting.reject(stateError(error, remote.url));
      });
    }
    working = false;
  }

  /** Computes, writes and pushes until it is done, refused or out of time. */
  async function runGroup(group: readonly Waiting[]): Promise<void> {
    const start = clock.monotonic();
    let pending = group;
    let fresh = known === undefined;
    let brokenConnections = 0;
    for (let attempt = 0; ; attempt += 1) {
      pending = pending.filter((waiting) => !rejectAborted(waiting));
      if (pending.length === 0) return;
      const base =
        fresh || known === undefined
          ? await refresh(pending.length === 1 ? pending[0]?.signal : undefined)
          : known;
      const round = compute(pending, base, fresh);
      if (round === undefined) {
        fresh = true;
        continue;
      }
      pending = round.members.map((member) => member.waiting);
      const commits = round.members.flatMap((member) => member.plan ?? []);
      if (commits.length === 0) return settle(round, []);
      const { ids, outcome } = await exclusively(() => writeAndPush(round, commits));
      if (outcome.kind === 'done') return settle(round, ids);
      if (outcome.kind === 'refused') return refuse(pending, outcome.message);
      if (outcome.kind === 'unknown' && isFinal(outcome.failure)) throw outcome.failure;
      if ((outcome.kind === 'unknown' || outcome.sent) && (await landed(ids.at(-1) ?? '')))
        return settle(round, ids);
      if (outcome.kind === 'unknown' && (brokenConnections += 1) >= connectionAttempts) throw outcome.failure;
      if (clock.monotonic() - start > (options.retryFor ?? 10 * minute)) return contended(pending);
      fresh = true;
      await clock.sleep(Math.min(5 * second, 40 * 2 ** Math.min(attempt, 10)) * (0.25 + random()));
    }
  }

  /** Undefined: what was computed on a state that may be old is not to be believed before it is computed on the newest. */
  function compute(group: readonly Waiting[], base: StateTree, fresh: boolean): Round | undefined {
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

  async function writeAndPush(round: Round, commits: readonly PlannedCommit[]) {
    await slot.prepare();
    const parent = round.base.commit;
    const ids = await repository.write(parent, commits, clock.now()).catch(async (error: unknown) => {
      if (!(error instanceof GitFailure) || troubleOf(error) === 'disk-full') throw error;
      // The repository is broken, or was emptied by somebody: make it anew around the parent.
      await slot.recreate();
      if (parent !== undefined && (await repository.fetch(1)) !== parent) return undefined;
      return repository.write(parent, commits, clock.now());
    });
    if (ids === undefined) return { ids: [], outcome: { kind: 'stale', sent: false } as const };
    const outcome = await repository.push(parent, ids.at(-1) ?? '');
    if (outcome.kind === 'done') await pushed(round, ids);
    return { ids, outcome };
  }

  async function pushed(round: Round, ids: readonly string[]): Promise<void> {
    known = treesOf(round, ids).at(-1) ?? round.base;
    const newest = ids.at(-1);
    if (newest !== undefined) repository.noteSeen(newest);
    commitsSinceTidy += ids.length;
    if (commitsSinceTidy < tidyEvery) return;
    commitsSinceTidy = 0;
    // A tidy that fails costs only space, and a repository that it broke is made anew by the next step.
    await repository.tidy().catch(() => {});
  }

  /** Is the commit in the branch although the push seemed to fail? Throws when that cannot be found out either. */
  async function landed(commit: string): Promise<boolean> {
    const head = (await refresh(undefined)).commit;
    if (head === undefined || head === commit) return head === commit;
    await exclusively(() => repository.fetch(landedDepth));
    return repository.isAncestor(commit, head);
  }

  /** One refusal must not fail transactions that only shared the push: they go again, each alone. */
  async function refuse(pending: readonly Waiting[], message: string): Promise<void> {
    if (pending.length > 1) {
      for (const waiting of pending)
        await runGroup([waiting]).catch((error: unknown) => waiting.reject(stateError(error, remote.url)));
      return;
    }
    const hint = `Let the factory push to ${branch}: check its rights, the branch protection and the hooks of the remote.`;
    pending[0]?.reject(
      stateProblem('STATE_REFUSED', `${remote.url} refused the push to ${branch}: ${message}`, hint),
    );
  }

  function contended(pending: readonly Waiting[]): void {
    const error = stateProblem(
      'STATE_CONTENDED',
      `other writers kept changing ${branch} at ${remote.url} for too long`,
      'Look for a second factory or a job that pushes to this branch all the time.',
    );
    for (const waiting of pending) waiting.reject(error);
  }

  return {
    async read(signal) {
      try {
        return snapshotOf(await refresh(signal));
      } catch (error) {
        throw stateError(error, remote.url);
      }
    },
    commit: enqueue,
    close: () => slot.release(),
  };
}

function rejectAborted(waiting: Waiting): boolean {
  if (waiting.signal?.aborted) waiting.reject(waiting.signal.reason);
  return waiting.signal?.aborted === true;
}

function settle(round: Round, ids: readonly string[]): void {
  const trees = treesOf(round, ids);
  for (const [index, { waiting }] of round.members.entries())
    waiting.resolve(snapshotOf(trees[index] ?? round.base));
}

/** The state after each member of the round. */
function treesOf(round: Round, ids: readonly string[]): StateTree[] {
  let tree = round.base;
  let next = 0;
  return round.members.map(({ plan }) => {
    if (plan !== undefined) tree = treeAfter(tree, ids[next++], plan.changes);
    return tree;
  });
}

function snapshotOf(tree: StateTree): StateSnapshot {
  return { version: tree.commit ?? '', files: tree.files };
}

/** Trying again at once will not help. */
function isFinal(failure: unknown): boolean {
  return (
    failure instanceof GitFailure &&
    ['denied', 'not-found', 'moved', 'disk-full', 'git-missing'].includes(troubleOf(failure))
  );
}
