import { runAnswer, thing } from './github-answers.ts';
import type { GithubRun } from './github-state.ts';

/** Fields of the run in GitHub's REST API that its webhook sends too, by the published payload. */
const shared = [
  'id',
  'name',
  'node_id',
  'head_branch',
  'head_sha',
  'path',
  'display_title',
  'run_number',
  'event',
  'status',
  'conclusion',
  'workflow_id',
  'url',
  'html_url',
  'created_at',
  'updated_at',
  'run_attempt',
  'run_started_at',
  'jobs_url',
  'logs_url',
  'check_suite_url',
  'artifacts_url',
  'cancel_url',
  'rerun_url',
  'workflow_url',
];

/** The payload of `workflow_run`. */
export function workflowRunPayload(run: GithubRun, action: string): unknown {
  const repository = { id: 1, full_name: run.repo, name: run.repo.split('/')[1], private: true };
  const answer = runAnswer(run);
  return {
    action,
    workflow_run: {
      ...Object.fromEntries(shared.map((name) => [name, answer[name]])),
      pull_requests: [],
      head_commit: null,
      repository,
      head_repository: repository,
    },
    workflow: thing('workflow', { path: `.github/workflows/${run.workflow}`, state: 'active' }),
    repository,
    sender: { login: 'image-factory[bot]', id: 2, type: 'Bot' },
  };
}
