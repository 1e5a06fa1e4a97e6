import { tmpdir } from 'node:os';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { isBranchName } from './branch-name.ts';
import { credentialFor } from './credentials.ts';
import type { Environment } from './environment.ts';
import { explanation, hintFor, troubleOf } from './failure.ts';
import { GitFailure, runGit } from './process.ts';
import { parseRemote } from './remote-url.ts';

export interface CloneOptions {
  readonly url: string;
  /** Undefined: the remote's own default. */
  readonly branch: string | undefined;
  /** An empty folder, or one that is not there. */
  readonly into: string;
  readonly token: string | undefined;
  readonly environment: Environment;
}

/**
 * The head of a branch as a work tree, without history. Answers the configuration with which other git processes may ask
 * the same server with the same token.
 */
export async function cloneHead(options: CloneOptions): Promise<readonly (readonly [string, string])[]> {
  const { branch, into } = options;
  const { address, config, git } = reachable(options, tmpdir());
  const wanted = branch === undefined ? [] : ['--branch', branch];
  await git(
    ['clone', '--quiet', '--depth', '1', '--single-branch', '--no-tags', ...wanted, '--', address, into],
    /remote branch .* not found/i,
  );
  return config;
}

/**
 * Brings a clone of {@link cloneHead} to the head that its branch has now, wherever that was moved. Throws as that does,
 * and leaves the clone as it was.
 */
export async function refreshClone(options: CloneOptions): Promise<void> {
  const { branch, into } = options;
  const { git } = reachable(options, into);
  // A short name might be a tag's.
  const wanted = branch === undefined ? 'HEAD' : `refs/heads/${branch}`;
  await git(['fetch', '--quiet', '--depth', '1', '--no-tags', 'origin', wanted], /couldn't find remote ref/i);
  await git(['reset', '--quiet', '--hard', 'FETCH_HEAD']);
}

/** The remote that the options name, and git with its credentials; `missing` is what git says of a branch that is not there. */
function reachable({ url, branch, token, environment }: CloneOptions, cwd: string) {
  const remote = parseRemote(url, process.cwd());
  if (!remote.ok)
    throw failure('SOURCE_UNREACHABLE', url, remote.error, 'Write an https:// or ssh:// address.');
  const { value } = remote;
  if (branch !== undefined && !isBranchName(branch))
    throw failure('SOURCE_BRANCH_MISSING', value.url, `"${branch}" is no branch name`, 'Check --git-branch.');
  const { config, secrets } = credentialFor(value, token);
  async function git(args: readonly string[], missing?: RegExp): Promise<void> {
    try {
      await runGit(args, { environment, config, secrets, cwd });
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      const trouble = troubleOf(error);
      const why = explanation(error);
      if (missing?.test(error.stderr))
        throw failure('SOURCE_BRANCH_MISSING', value.url, why, 'Check --git-branch.');
      const code = trouble === 'denied' ? 'SOURCE_DENIED' : 'SOURCE_UNREACHABLE';
      throw failure(code, value.url, why, hintFor(trouble));
    }
  }
  // A path is cloned over the protocol too: --depth means nothing otherwise.
  return { config, git, address: value.kind === 'path' ? `file://${value.url}` : value.url };
}

function failure(code: ProblemCode, url: string, why: string, hint: string): FactoryError {
  return new FactoryError({
    code,
    message: `the factory directory's repository ${url}: ${why}`,
    hint,
    subject: { kind: 'factory' },
  });
}
