import type { WorkflowRun } from './workflow-runs.ts';

/** The payload of a Pipeline Hook, whose run the REST API shows as `pipeline`. */
export function pipelineEvent(
  run: WorkflowRun,
  pipeline: Readonly<Record<string, unknown>>,
  project: string,
): unknown {
  const ended = run.state === 'ended';
  const { id, iid, name, ref, sha, source, status, web_url: url, created_at } = pipeline;
  return {
    object_kind: 'pipeline',
    object_attributes: {
      id,
      iid,
      name,
      ref,
      tag: false,
      sha,
      before_sha: '0'.repeat(40),
      source,
      status,
      detailed_status: status === 'success' ? 'passed' : status,
      stages: ['build'],
      created_at,
      finished_at: ended ? new Date(run.endsAt).toISOString() : null,
      duration: ended ? Math.round((run.endsAt - run.startsAt) / 1000) : null,
      queued_duration: null,
      protected_ref: true,
      variables: [],
      url,
    },
    merge_request: null,
    user: { id: 1, username: 'project_42_bot', name: 'image-factory' },
    project: { id: 42, path_with_namespace: project, default_branch: ref },
    commit: { id: sha },
    builds: [],
  };
}
