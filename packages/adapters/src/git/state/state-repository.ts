import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minute, type Instant } from '@image-factory/core/time.ts';
import type { CacheSlot } from '../cache-slot.ts';
import { commitStream, type Author, type PlannedCommit } from '../commit-stream.ts';
import { credentialFor } from '../credentials.ts';
import type { Environment } from '../environment.ts';
import { troubleOf } from '../failure.ts';
import { GitFailure, runGit, type GitOptions } from '../process.ts';
import { readPushOutcome, type PushOutcome } from '../push-outcome.ts';
import type { Remote } from '../remote-url.ts';

export interface StateRepositoryOptions {
  readonly slot: CacheSlot;
  readonly remote: Remote;
  readonly branch: string;
  readonly author: Author;
  readonly signingKey: string | undefined;
  readonly token: (() => Promise<string | undefined>) | undefined;
  readonly environment: Environment;
}

/** The git commands of the state store, each one step. Throws GitFailure. */
export interface StateRepository {
  /** The branch head at the remote, without fetching it; undefined when there is no such branch. */
  remoteHead(signal?: AbortSignal): Promise<string | undefined>;
  /** Brings the branch head here and returns it. `depth` more than 1 only to look for a commit of ours below it. */
  fetch(depth: number, signal?: AbortSignal): Promise<string>;
  /** Makes the commits, oldest first, and returns their ids. Nothing points at them but a ref of ours. */
  write(
    parent: string | undefined,
    commits: readonly PlannedCommit[],
    now: Instant,
  ): Promise<readonly string[]>;
  /** Moves the remote's branch from exactly `expected` (undefined: it must not exist) to `commit`. */
  push(expected: string | undefined, commit: string): Promise<PushOutcome>;
  isAncestor(older: string, newer: string): Promise<boolean>;
  /** The head that the branch had when we last saw it, kept outside of the disposable repository. */
  lastSeen(): string | undefined;
  noteSeen(commit: string): void;
  /** Packs what many commits have left, when it is much. */
  tidy(): Promise<void>;
}

/** A tip for negotiations: what we have of the branch, pushed or not. */
const headRef = 'refs/factory/head';
const quick = { timeout: minute } as const;

export function createStateRepository(options: StateRepositoryOptions): StateRepository {
  const { slot, remote, environment } = options;
  const branchRef = `refs/heads/${options.branch}`;
  let shallow = true;

  const local = (args: readonly string[], more: Partial<GitOptions> = {}) =>
    runGit(args, { environment, gitDir: slot.gitDir, ...more });
  async function online(args: readonly string[], more: Partial<GitOptions> = {}): ReturnType<typeof runGit> {
    const credential = credentialFor(remote, await options.token?.());
    return local(args, { ...credential, ...more });
  }

  async function remoteHead(signal?: AbortSignal): Promise<string | undefined> {
    const { stdout } = await online(['ls-remote', '--end-of-options', 'origin', branchRef], {
      ...quick,
      signal,
    });
    const line = stdout
      .toString('latin1')
      .split('\n')
      .find((candidate) => candidate.endsWith(`\t${branchRef}`));
    return line?.split('\t')[0];
  }

  /**
   * Shallow, and not blobless: every file of the branch is read, and getting the blobs with the commit costs one
   * round trip and half the time (0.19 s against 0.32 s for 10,000 files).
   */
  async function fetch(depth: number, signal?: AbortSignal): Promise<string> {
    const args = (deep: boolean) => [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--force',
      ...(deep ? [`--depth=${depth}`] : []),
      '--end-of-options',
      'origin',
      `+${branchRef}:${headRef}`,
    ];
    const more = { timeout: 5 * minute, signal };
    try {
      await online(args(shallow), more);
    } catch (error) {
      if (
        !shallow ||
        !(error instanceof GitFailure) ||
        !/shallow/i.test(error.stderr) ||
        /shallow\.lock/.test(error.stderr)
      )
        throw error;
      shallow = false;
      await online(args(false), more);
    }
    const { stdout } = await local(['rev-parse', '--verify', '--end-of-options', headRef], quick);
    return stdout.toString('latin1').trim();
  }

  async function write(
    parent: string | undefined,
    commits: readonly PlannedCommit[],
    now: Instant,
  ): Promise<readonly string[]> {
    const input = commitStream(commits, parent, headRef, options.author, now);
    const { stdout } = await local(
      // Neither small nor delta-compressed: the push does that for what the remote has not, and tidying for the rest.
      [
        '-c',
        'core.compression=1',
        'fast-import',
        '--depth=0',
        '--quiet',
        '--done',
        '--force',
        '--date-format=raw',
      ],
      { input },
    );
    const ids = stdout.toString('latin1').trim().split('\n');
    if (ids.length !== commits.length || ids.some((id) => !/^[0-9a-f]{40,64}$/.test(id))) {
      throw new GitFailure(
        'exit',
        'fast-import',
        `expected ${commits.length} commit ids, got "${ids.join(' ').slice(0, 200)}"`,
      );
    }
    return options.signingKey === undefined ? ids : sign(options.signingKey, parent, ids, commits, now);
  }

  /** The same trees and messages again, as signed commits: fast-import cannot sign. */
  async function sign(
    key: string,
    parent: string | undefined,
    ids: readonly string[],
    commits: readonly PlannedCommit[],
    now: Instant,
  ): Promise<readonly string[]> {
    const date = `${Math.floor(now / 1000)} +0000`;
    const { name, email } = options.author;
    const variables = {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_COMMITTER_DATE: date,
    };
    const format = /^(ssh-|ecdsa-|sk-|key::|\/|~\/)|\.pub$/.test(key) ? ['-c', 'gpg.format=ssh'] : [];
    const signed: string[] = [];
    let below = parent;
    for (const [index] of commits.entries()) {
      const message = await local(['log', '-1', '--format=%B', '--end-of-options', ids[index] ?? ''], quick);
      const parents = below === undefined ? [] : ['-p', below];
      const made = await local(
        [...format, 'commit-tree', `-S${key}`, ...parents, '-F', '-', `${ids[index] ?? ''}^{tree}`],
        {
          ...quick,
          input: `${message.stdout.toString('utf8').trimEnd()}\n`,
          variables,
        },
      );
      below = made.stdout.toString('latin1').trim();
      signed.push(below);
    }
    return signed;
  }

  async function push(expected: string | undefined, commit: string): Promise<PushOutcome> {
    const args = [
      'push',
      '--porcelain',
      '--no-verify',
      '--no-signed',
      '--no-follow-tags',
      '--recurse-submodules=no',
      `--force-with-lease=${branchRef}:${expected ?? ''}`,
      'origin',
      `${commit}:${branchRef}`,
    ];
    try {
      // Not to be aborted: whether the remote took it would then be unknown.
      await online(args, { timeout: 5 * minute });
      return { kind: 'done' };
    } catch (error) {
      if (!(error instanceof GitFailure) || error.reason === 'git-missing') throw error;
      return readPushOutcome(error.stdout, error.stderr) ?? { kind: 'unknown', failure: error };
    }
  }

  return {
    remoteHead,
    fetch,
    write,
    push,
    async isAncestor(older, newer) {
      try {
        await local(['merge-base', '--is-ancestor', older, newer], quick);
        return true;
      } catch (error) {
        if (error instanceof GitFailure && error.reason === 'exit' && troubleOf(error) === 'local')
          return false;
        throw error;
      }
    },
    lastSeen() {
      const path = slot.note('seen');
      return existsSync(path) ? readFileSync(path, 'latin1').trim() : undefined;
    },
    noteSeen: (commit) => writeFileSync(slot.note('seen'), `${commit}\n`),
    async tidy() {
      const objects = join(slot.gitDir, 'objects');
      const packs = readdirSync(join(objects, 'pack')).length / 2;
      // One of the 256 folders of loose objects stands for all, as in git's own estimate.
      const loose = existsSync(join(objects, '17')) ? readdirSync(join(objects, '17')).length * 256 : 0;
      if (packs < 60 && loose < 2000) return;
      await fetch(1);
      await local(['gc', '--quiet', '--prune=now'], { timeout: 10 * minute });
    },
  };
}
