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
  const { url, branch, into, environment } = options;
  const remote = parseRemote(url, process.cwd());
  if (!remote.ok)
    throw failure('SOURCE_UNREACHABLE', url, remote.error, 'Write an https:// or ssh:// address.');
  const { config, secrets } = credentialFor(remote.value, options.token);
  // A path is cloned over the protocol too: --depth means nothing otherwise.
  const from = remote.value.kind === 'path' ? `file://${remote.value.url}` : remote.value.url;
  if (branch !== undefined && !isBranchName(branch))
    throw failure(
      'SOURCE_BRANCH_MISSING',
      remote.value.url,
      `"${branch}" is no branch name`,
      'Check --git-branch.',
    );
  const wanted = branch === undefined ? [] : ['--branch', branch];
  try {
    await runGit(
      ['clone', '--quiet', '--depth', '1', '--single-branch', '--no-tags', ...wanted, '--', from, into],
      { environment, config, secrets },
    );
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const trouble = troubleOf(error);
    const why = explanation(error);
    if (/remote branch .* not found/i.test(error.stderr))
      throw failure('SOURCE_BRANCH_MISSING', remote.value.url, why, 'Check --git-branch.');
    const code = trouble === 'denied' ? 'SOURCE_DENIED' : 'SOURCE_UNREACHABLE';
    throw failure(code, remote.value.url, why, hintFor(trouble));
  }
  return config;
}

/** Brings a clone of {@link cloneHead} to the head that its branch has now. Throws as that does. */
export async function refreshClone(options: CloneOptions): Promise<void> {
  const { url, branch, into, environment } = options;
  const remote = parseRemote(url, process.cwd());
  if (!remote.ok)
    throw failure('SOURCE_UNREACHABLE', url, remote.error, 'Write an https:// or ssh:// address.');
  const { config, secrets } = credentialFor(remote.value, options.token);
  const git = (...args: readonly string[]) => runGit(args, { environment, config, secrets, cwd: into });
  try {
    await git('fetch', '--quiet', '--depth', '1', '--no-tags', 'origin', branch ?? 'HEAD');
    await git('reset', '--quiet', '--hard', 'FETCH_HEAD');
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const trouble = troubleOf(error);
    const code = trouble === 'denied' ? 'SOURCE_DENIED' : 'SOURCE_UNREACHABLE';
    throw failure(code, remote.value.url, explanation(error), hintFor(trouble));
  }
}

function failure(code: ProblemCode, url: string, why: string, hint: string): FactoryError {
  return new FactoryError({
    code,
    message: `the factory directory's repository ${url}: ${why}`,
    hint,
    subject: { kind: 'factory' },
  });
}
