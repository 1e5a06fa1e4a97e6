import { giteaRunShape } from './gitea-shapes.ts';
import { misfit, type Shape } from './shape.ts';

/**
 * Written by hand from what is published of each payload: GitHub's "Webhook events and payloads" (`workflow_run`), GitLab's
 * "Webhook events" ("Pipeline events"), `WorkflowRunPayload` of Gitea and `ActionPayload` of Forgejo (`modules/structs`).
 * Parts that tell nothing of the run (`repository`, `sender`) are named and not looked into.
 */

const anyObject: Shape = { map: 'anything' };

const githubRun: Shape = {
  fields: {
    id: 'number',
    name: 'text?',
    node_id: 'text',
    head_branch: 'text?',
    head_sha: 'text',
    path: 'text',
    display_title: 'text',
    run_number: 'number',
    event: 'text',
    status: 'text?',
    conclusion: 'text?',
    workflow_id: 'number',
    url: 'text',
    html_url: 'text',
    pull_requests: { list: 'anything' },
    created_at: 'text',
    updated_at: 'text',
    run_attempt: 'number',
    run_started_at: 'text',
    jobs_url: 'text',
    logs_url: 'text',
    check_suite_url: 'text',
    artifacts_url: 'text',
    cancel_url: 'text',
    rerun_url: 'text',
    workflow_url: 'text',
    head_commit: 'anything',
    repository: anyObject,
    head_repository: anyObject,
  },
};

/** By event. */
export const callBackShapes = {
  github: {
    workflow_run: {
      fields: {
        action: 'text',
        workflow_run: githubRun,
        workflow: anyObject,
        repository: anyObject,
        sender: anyObject,
      },
    },
  },
  gitlab: {
    'Pipeline Hook': {
      fields: {
        object_kind: 'text',
        object_attributes: {
          fields: {
            id: 'number',
            iid: 'number',
            name: 'text?',
            ref: 'text',
            tag: 'flag',
            sha: 'text',
            before_sha: 'text',
            source: 'text',
            status: 'text',
            detailed_status: 'text',
            stages: { list: 'text' },
            created_at: 'text',
            finished_at: 'text?',
            duration: 'number?',
            queued_duration: 'number?',
            protected_ref: 'flag',
            variables: { list: { fields: { key: 'text', value: 'text' } } },
            url: 'text',
          },
        },
        merge_request: 'anything',
        user: anyObject,
        project: anyObject,
        commit: anyObject,
        builds: { list: 'anything' },
      },
    },
  },
  gitea: {
    workflow_run: {
      fields: {
        action: 'text',
        workflow: anyObject,
        workflow_run: giteaRunShape,
        repository: anyObject,
        sender: anyObject,
      },
    },
  },
  forgejo: {
    action_run_success: forgejoAction(),
    action_run_failure: forgejoAction(),
    action_run_recover: forgejoAction(),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Shape>>>>;

function forgejoAction(): Shape {
  return {
    fields: {
      action: 'text',
      run: {
        fields: {
          id: 'number',
          title: 'text',
          repository: anyObject,
          workflow_id: 'text',
          index_in_repo: 'number',
          trigger_user: anyObject,
          ScheduleID: 'number',
          prettyref: 'text',
          is_ref_deleted: 'flag',
          commit_sha: 'text',
          is_fork_pull_request: 'flag',
          need_approval: 'flag',
          approved_by: 'number',
          event: 'text',
          event_payload: 'text',
          trigger_event: 'text',
          status: 'text',
          started: 'text',
          stopped: 'text',
          created: 'text',
          updated: 'text',
          duration: 'number?',
          html_url: 'text',
        },
      },
      prior_status: 'text',
      last_run: 'anything',
    },
  };
}

/** Throws where the fake sends what the real one would not. */
export function checkCallBack(provider: keyof typeof callBackShapes, event: string, payload: unknown): void {
  const shapes: Readonly<Record<string, Shape>> = callBackShapes[provider];
  const shape = shapes[event];
  const wrong = shape ? misfit(payload, shape) : 'no such event';
  if (wrong !== undefined) throw new Error(`the fake sends ${event} of ${provider} wrongly: ${wrong}`);
}
