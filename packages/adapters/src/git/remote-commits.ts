import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { minute } from '@image-factory/core/time.ts';
import { createMutex } from '../directory/mutex.ts';
import { takeSlot, type CacheSlot } from './cache-slot.ts';
import { credentialFor } from './credentials.ts';
import type { Environment } from './environment.ts';
import { troubleOf } from './failure.ts';
import { GitFailure, runGit, type GitOutput } from './process.ts';
import { isDumb, keptPartial, mostPacks } from './remote-repository.ts';
import type { Remote } from './remote-url.ts';
import { sourceProblem } from './source-problems.ts';
import { refOf } from './wanted-revision.ts';

export interface RemoteCommitsOptions {
  /** For partial clones; losing it loses nothing. */
  readonly cacheDir: string;
  readonly clock: Clock;
  readonly environment: Environment;
  /** As of sources: asked before each contact with an http remote. */
  readonly token?:
    | ((remote: { readonly provider: Provider; readonly url: string }) => Promise<string | undefined>)
    | undefined;
}

/** Which commit of which repository; the branch is where it was seen. */
export interface WantedCommit {
  readonly remote: Remote;
  readonly provider: Provider;
  readonly label: string;
  readonly commit: string;
  /** Or tag or commit, as `wantedOf` says it. */
  readonly branch: string | undefined;
}

/** A repository that has a commit and all its folders. */
export interface CommitAtHand {
  readonly gitDir: string;
  /** Fetches those of these file contents that are not there yet. Throws GitFailure. */
  bring(ids: readonly string[]): Promise<void>;
}

/** Commits of repositories elsewhere, for builds. */
export interface RemoteCommits {
  /**
   * Does the work while the commit is at hand; the others of its repository wait so long. Throws FactoryError with a
   * SOURCE_ code where it cannot be fetched.
   */
  use<T>(
    wanted: WantedCommit,
    signal: AbortSignal,
    work: (repository: CommitAtHand) => Promise<T>,
  ): Promise<T>;
}

const keptRef = 'refs/factory/checkout';

/**
 * Fetches a commit without history, and of its files only what a build asks for. The clones are not those that
 * Dockerfiles are read from: a build may last while the next cycle reads, and throws its clone away.
 */
export function createRemoteCommits(options: RemoteCommitsOptions): RemoteCommits {
  const queues = new Map<string, ReturnType<typeof createMutex>>();

  function queueOf(url: string): ReturnType<typeof createMutex> {
    const queue = queues.get(url) ?? createMutex();
    queues.set(url, queue);
    return queue;
  }

  return {
    use: (wanted, signal, work) =>
      queueOf(wanted.remote.url)(async () => {
        signal.throwIfAborted();
        const { url } = wanted.remote;
        const { cacheDir, clock, environment } = options;
        const slot = takeSlot(cacheDir, `checkout ${url}`, url, clock, environment);
        try {
          return await attempt(slot, wanted, signal, work);
        } catch (error) {
          if (signal.aborted || !(error instanceof GitFailure)) throw error;
          throw new FactoryError(sourceProblem(error, wanted.label), { cause: error });
        } finally {
          slot.release();
        }
      }),
  };

  /** A clone that is broken is made anew, once. */
  async function attempt<T>(
    slot: CacheSlot,
    wanted: WantedCommit,
    signal: AbortSignal,
    work: (repository: CommitAtHand) => Promise<T>,
  ): Promise<T> {
    await slot.prepare();
    if (packsIn(slot.gitDir) > mostPacks) await slot.recreate();
    const clone = cloneOf(options, slot, wanted, signal);
    try {
      await clone.bringCommit();
      return await work(clone);
    } catch (error) {
      if (signal.aborted || !(error instanceof GitFailure)) throw error;
      if (troubleOf(error) !== 'local' && !error.stderr.includes(slot.gitDir)) throw error;
      await slot.recreate();
      await clone.bringCommit();
      return work(clone);
    }
  }
}

interface Clone extends CommitAtHand {
  bringCommit(): Promise<void>;
}

function cloneOf(
  { environment, token }: RemoteCommitsOptions,
  { gitDir }: CacheSlot,
  { remote, provider, label, commit, branch }: WantedCommit,
  signal: AbortSignal,
): Clone {
  async function fetch(
    settings: readonly string[],
    more: readonly string[],
    input: string,
    partial: readonly string[] = keptPartial,
  ): Promise<GitOutput> {
    const credential = credentialFor(remote, await token?.({ provider, url: remote.url }));
    const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--force', ...more];
    return runGit([...partial, ...settings, ...args, '--stdin', '--end-of-options', 'origin'], {
      environment,
      gitDir,
      signal,
      timeout: 10 * minute,
      input,
      ...credential,
    });
  }

  async function absent(ids: readonly string[]): Promise<readonly string[]> {
    const input = ids.map((id) => `${id}\n`).join('');
    const args = ['cat-file', '--batch-check=%(objecttype)'];
    const { stdout } = await runGit(args, { environment, gitDir, signal, input });
    return stdout
      .toString('utf8')
      .split('\n')
      .flatMap((line) => (/ missing$/.exec(line) ? [line.slice(0, line.indexOf(' '))] : []));
  }

  async function isHere(): Promise<boolean> {
    return (await absent([commit])).length === 0;
  }

  return {
    gitDir,
    async bringCommit() {
      if (await isHere()) return;
      try {
        await fetch([], ['--depth=1'], `+${commit}:${keptRef}\n`);
      } catch (error) {
        if (!(error instanceof GitFailure) || !asksForBranch.test(error.stderr)) throw error;
        const whole = existsSync(join(gitDir, 'shallow')) ? ['--unshallow'] : [];
        const head = refOf(branch);
        if (head === undefined) throw error;
        await fetch([], whole, `+${head}:${keptRef}\n`, isDumb.test(error.stderr) ? [] : keptPartial);
      }
      if (!(await isHere())) throw commitMissing(label, commit);
    },
    async bring(ids) {
      const missing = await absent([...new Set(ids)]);
      if (missing.length > 0)
        await fetch(['-c', 'fetch.negotiationAlgorithm=noop'], [], `${missing.join('\n')}\n`);
    },
  };
}

/** Servers that give a branch and not a commit by its id, or that know no shallow clones. */
const asksForBranch = /not our ref|unadvertised object|no such remote ref|dumb http|shallow/i;

export function commitMissing(label: string, commit: string): FactoryError {
  return new FactoryError({
    code: 'SOURCE_UNREACHABLE',
    message: `the source repository ${label} has no commit ${commit}`,
    hint: 'Its branch may have been rewritten since it was read: the next cycle reads it again.',
  });
}

function packsIn(gitDir: string): number {
  const folder = join(gitDir, 'objects', 'pack');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pack')).length : 0;
}
