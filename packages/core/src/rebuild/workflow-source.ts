import type { Source } from '../enrolment/types.ts';

/**
 * The source as its CI sees it: the repository and branch that have the workflow, which are not the source's own where
 * that belongs to somebody else. `own`: address of the factory directory's repository, which is written as `.`.
 */
export function workflowSource(source: Source, own: string | undefined): Source {
  const { workflowRepo, workflowBranch } = source;
  const repo = workflowRepo ?? source.repo;
  const branch = workflowRepo === undefined ? source.branch : workflowBranch;
  return { ...source, repo: repo === '.' ? (own ?? repo) : repo, branch };
}
