import type { Run } from '@image-factory/core/ports/builder.ts';

/**
 * What each status of a pipeline means (GitLab REST, "Pipelines"). `manual` waits for a person and `scheduled` for its
 * time: both still run, until `limits.runTimeout` ends them. `skipped` has built nothing. Words that newer servers add
 * are taken for running, for the same reason.
 */
const statuses = new Map<string, Run['status']>([
  ['created', 'running'],
  ['waiting_for_resource', 'running'],
  ['waiting_for_callback', 'running'],
  ['preparing', 'running'],
  ['pending', 'running'],
  ['running', 'running'],
  ['manual', 'running'],
  ['scheduled', 'running'],
  ['canceling', 'running'],
  ['success', 'success'],
  ['failed', 'failure'],
  ['canceled', 'cancelled'],
  ['skipped', 'failure'],
]);

export function statusOf(word: string | undefined): Run['status'] {
  return statuses.get(word ?? '') ?? 'running';
}
