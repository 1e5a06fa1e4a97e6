import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { nearestOf } from '@image-factory/core/nearest.ts';
import { explanation, hintFor, troubleOf } from './failure.ts';
import { GitFailure } from './process.ts';
import { commitIn, tagIn, wordsFor } from './wanted-revision.ts';

/** One source in messages: which repository and branch, and the paths as enrolled. */
export interface SourceName {
  readonly label: string;
  /** Or tag or commit. */
  readonly branch: string | undefined;
  readonly dockerfile: string;
}

const place = ({ label, branch }: SourceName) =>
  `${label}${branch === undefined ? '' : ` at ${wordsFor(branch).replaceAll('"', '')}`}`;

/** Largest Dockerfile that is read, in bytes. */
export const largestDockerfile = 1024 * 1024;

export function escapes(
  what: 'dockerfile' | 'context',
  path: string,
  name: SourceName,
  why: string,
): Problem {
  return {
    code: 'CONFIG_PATH_ESCAPES',
    message: `source.${what} "${path.slice(0, 200)}" in ${place(name)} ${why}`,
    hint: `Write a path below the root of the repository.`,
  };
}

export function dockerfileMissing(name: SourceName, near: readonly string[], submodule = false): Problem {
  const hint = submodule
    ? 'The path leads into a submodule: enrol the image with the submodule’s repository as its source.'
    : near.length > 0
      ? `Did you mean ${near.map((path) => `"${path}"`).join(' or ')}? Paths are taken from the root of the repository.`
      : 'Paths are taken from the root of the repository; check source.dockerfile and source.branch.';
  return {
    code: 'DOCKERFILE_MISSING',
    message: `there is no file "${name.dockerfile}" in ${place(name)}`,
    hint,
  };
}

export function dockerfileUnreadable(name: SourceName, why: string): Problem {
  return {
    code: 'DOCKERFILE_UNREADABLE',
    message: `"${name.dockerfile}" in ${place(name)} ${why}`,
    hint: `A Dockerfile is a text file (UTF-8) of at most ${largestDockerfile / 1024} KiB.`,
  };
}

export function branchMissing(
  label: string,
  branch: string | undefined,
  branches: readonly string[],
): Problem {
  if (branch === undefined) {
    return {
      code: 'SOURCE_BRANCH_MISSING',
      message: `${label} has no commit at its default branch`,
      hint: 'Commit something first, or name a branch with source.branch.',
    };
  }
  const isCommit = commitIn(branch) !== undefined;
  const isTag = tagIn(branch) !== undefined;
  const near = isCommit || isTag ? [] : nearestOf(branch, branches, 3);
  return {
    code: 'SOURCE_BRANCH_MISSING',
    message: `${label} has no ${wordsFor(branch)}`,
    hint: isCommit
      ? 'Check source.commit: it must be reachable from a branch or tag. A server that gives no commits by their ids is read by source.branch or source.tag.'
      : near.length > 0
        ? `Did you mean ${near.map((other) => `"${other}"`).join(' or ')}?`
        : `Check source.${isTag ? 'tag' : 'branch'}.`,
  };
}

export function sourceProblem(failure: unknown, label: string): Problem {
  if (!(failure instanceof GitFailure)) return problemOf(failure);
  const trouble = troubleOf(failure);
  const code = trouble === 'denied' ? 'SOURCE_DENIED' : 'SOURCE_UNREACHABLE';
  return {
    code,
    message: `the source repository ${label} cannot be read: ${explanation(failure)}`,
    hint: hintFor(trouble),
  };
}
