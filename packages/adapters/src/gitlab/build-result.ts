import type { Run } from '@image-factory/core/ports/builder.ts';
import { at, linkAt, listAt, textAt } from '../ci-http/fields.ts';
import { digestIn, runIdAt } from '../ci-runs/run-fields.ts';

/** The file that the build leaves as an artifact of one of its jobs; it is read alone, never the archive. */
export const resultFile = 'image-factory.json';

export interface Job {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly stage: string;
  readonly reason: string | undefined;
  readonly url: string | undefined;
  readonly mayFail: boolean;
  readonly hasArtifacts: boolean;
}

export function jobsIn(answer: unknown): readonly Job[] {
  return listAt(answer).flatMap((job): Job[] => {
    const id = runIdAt(job, 'id');
    if (id === undefined) return [];
    const archives = listAt(job, 'artifacts').some((each) => textAt(each, 'file_type') === 'archive');
    return [
      {
        id,
        name: textAt(job, 'name') ?? id,
        status: textAt(job, 'status') ?? '',
        stage: textAt(job, 'stage') ?? '',
        reason: textAt(job, 'failure_reason'),
        url: linkAt(job, 'web_url'),
        mayFail: at(job, 'allow_failure') === true,
        hasArtifacts: archives || textAt(job, 'artifacts_file', 'filename') !== undefined,
      },
    ];
  });
}

/** The job that a failed pipeline failed at: the first that was not allowed to. */
export function failedJob(jobs: readonly Job[]): Job | undefined {
  const failed = jobs.filter(({ status }) => status === 'failed');
  return failed.find(({ mayFail }) => !mayFail) ?? failed[0];
}

export interface BuildResult extends Pick<Run, 'key' | 'attempt' | 'digest'> {
  readonly superseded: boolean;
}

/** `{ "key", "attempt", "digest" }`, or with `"superseded": true` where the run found its key claimed. */
export function resultIn(text: string): BuildResult | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.slice(0, 64 * 1024)) as unknown;
  } catch {
    return undefined;
  }
  const key = textAt(value, 'key');
  const attempt = Number(at(value, 'attempt'));
  if (key === undefined || !Number.isSafeInteger(attempt)) return undefined;
  const digest = digestIn(textAt(value, 'digest'));
  return { key, attempt, superseded: at(value, 'superseded') === true, ...(digest ? { digest } : {}) };
}
