import type { ForgeNews } from './call-backs.ts';

type Body = Readonly<Record<string, unknown>>;

/** The payload of Gitea's `workflow_run`: the run as its REST API shows it. */
export function giteaRunPayload(action: string, run: Body, repo: string): unknown {
  return {
    action,
    workflow: { id: 'image.yml', state: 'active' },
    workflow_run: run,
    repository: { id: 9, full_name: repo },
    sender: { id: 2, login: 'image-factory' },
  };
}

/** What Forgejo sends of a run that is done; beside a success that comes after something else, a second event. */
export function forgejoRunNews(run: Body, before: Body | undefined, repo: string): readonly ForgeNews[] {
  const wasGood = before === undefined || before['status'] === 'success';
  const events = run['status'] !== 'success' ? ['failure'] : wasGood ? ['success'] : ['success', 'recover'];
  return events.map((action) => ({
    event: `action_run_${action}`,
    payload: {
      action,
      run: actionRun(run, repo),
      prior_status: 'running',
      last_run: before === undefined ? null : actionRun(before, repo),
    },
  }));
}

function actionRun(run: Body, repo: string): Body {
  return {
    ...run,
    repository: { id: 9, full_name: repo },
    trigger_user: { id: 2, login: 'image-factory' },
    ScheduleID: 0,
    is_ref_deleted: false,
    is_fork_pull_request: false,
    need_approval: false,
    approved_by: 0,
    started: run['created'],
    stopped: run['updated'],
    duration: 30_000_000_000,
  };
}
