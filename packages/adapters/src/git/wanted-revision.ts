import type { Source } from '@image-factory/core/enrolment/types.ts';
import { isBranchName } from './branch-name.ts';

/**
 * What of a repository is wanted, as text: a branch by its name, `tag:<name>`, `commit:<id>`; undefined is the default
 * branch. No branch has a colon in its name.
 */
export type Branch = string | undefined;

export function wantedOf({ branch, tag, commit }: Source): Branch {
  if (commit !== undefined) return `commit:${commit}`;
  return tag === undefined ? branch : `tag:${tag}`;
}

/** The ref that a remote has for it; undefined for a commit, and for what can be no ref. */
export function refOf(branch: Branch): string | undefined {
  if (branch === undefined) return 'HEAD';
  if (commitIn(branch) !== undefined) return undefined;
  const tag = tagIn(branch);
  const name = tag ?? branch;
  return isBranchName(name) ? `refs/${tag === undefined ? 'heads' : 'tags'}/${name}` : undefined;
}

export function tagIn(branch: Branch): string | undefined {
  return branch?.startsWith('tag:') === true ? branch.slice('tag:'.length) : undefined;
}

export function commitIn(branch: Branch): string | undefined {
  return branch?.startsWith('commit:') === true ? branch.slice('commit:'.length) : undefined;
}

/** `branch "main"`, `tag "v1"`, `commit 0123...`. */
export function wordsFor(branch: string): string {
  const commit = commitIn(branch);
  const tag = tagIn(branch);
  if (commit !== undefined) return `commit ${commit}`;
  return tag === undefined ? `branch "${branch}"` : `tag "${tag}"`;
}
