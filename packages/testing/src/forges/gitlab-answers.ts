import type { WorkflowRun } from './workflow-runs.ts';

/** The status of its pipeline. */
export function statusOf({ state, outcome }: WorkflowRun): string {
  if (state === 'queued') return 'pending';
  if (state === 'running') return 'running';
  return { success: 'success', superseded: 'success', failure: 'failed', cancelled: 'canceled' }[
    outcome ?? 'success'
  ];
}

/** A job that is allowed to fail, and the one that builds. */
export function jobsOf(run: WorkflowRun, project: string): readonly Record<string, unknown>[] {
  const ended = run.state === 'ended';
  const job = (number: number, name: string, status: string, mayFail: boolean): Record<string, unknown> => ({
    id: Number(run.id) * 10 + number,
    name,
    stage: 'build',
    status,
    allow_failure: mayFail,
    failure_reason: status === 'failed' ? 'script_failure' : null,
    web_url: `https://gitlab.test/${project}/-/jobs/${run.id}${number}`,
    artifacts: ended && number === 1 ? [{ file_type: 'archive', size: 1000, filename: 'artifacts.zip' }] : [],
  });
  return [job(2, 'lint', ended ? 'failed' : 'running', true), job(1, 'image', statusOf(run), false)];
}
