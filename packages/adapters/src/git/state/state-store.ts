import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { StateSnapshot, StateStore, Transaction } from '@image-factory/core/ports/state-store.ts';
import { minute, second, type Duration } from '@image-factory/core/time.ts';
import { createMutex } from '../../directory/mutex.ts';
import { isBranchName } from '../branch-name.ts';
import { takeSlot } from '../cache-slot.ts';
import {
  computeRound,
  rejectAborted,
  settle,
  snapshotOf,
  treesOf,
  type Round,
  type Waiting,
} from './commit-round.ts';
import type { Author, PlannedCommit } from '../commit-stream.ts';
import type { Environment } from '../environment.ts';
import { stateError, stateProblem, troubleOf } from '../failure.ts';
import { connectionAttempts, createNewestState } from './newest-state.ts';
import { GitFailure } from '../process.ts';
import { parseRemote } from '../remote-url.ts';
import { createStateRepository } from './state-repository.ts';

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

/** One push carries so many commits at most. */
const largestGroup = 50;

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
  const newest = createNewestState({
    ...options,
    random,
    environment,
    remote,
    slot,
    repository,
    exclusively,
  });
  let working = false;
  let commitsSinceTidy = 0;

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
    let fresh = newest.known() === undefined;
    let brokenConnections = 0;
    for (let attempt = 0; ; attempt += 1) {
      pending = pending.filter((waiting) => !rejectAborted(waiting));
      if (pending.length === 0) return;
      const known = newest.known();
      const base =
        fresh || known === undefined
          ? await newest.refresh(pending.length === 1 ? pending[0]?.signal : undefined)
          : known;
      const round = computeRound(pending, base, fresh);
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
    newest.pushed(treesOf(round, ids).at(-1) ?? round.base);
    const head = ids.at(-1);
    if (head !== undefined) repository.noteSeen(head);
    commitsSinceTidy += ids.length;
    if (commitsSinceTidy < tidyEvery) return;
    commitsSinceTidy = 0;
    // A tidy that fails costs only space, and a repository that it broke is made anew by the next step.
    await repository.tidy().catch(() => {});
  }

  /** Is the commit in the branch although the push seemed to fail? Throws when that cannot be found out either. */
  async function landed(commit: string): Promise<boolean> {
    const head = (await newest.refresh(undefined)).commit;
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
        return snapshotOf(await newest.refresh(signal));
      } catch (error) {
        throw stateError(error, remote.url);
      }
    },
    commit: enqueue,
    close: () => slot.release(),
  };
}

/** Trying again at once will not help. */
function isFinal(failure: unknown): boolean {
  return (
    failure instanceof GitFailure &&
    ['denied', 'not-found', 'moved', 'disk-full', 'git-missing'].includes(troubleOf(failure))
  );
}
