import type { Run } from '@image-factory/core/ports/builder.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { at, idAt, linkAt, listAt, quoted, textAt } from '../ci-http/fields.ts';

/** How a workflow tells what became of its run; docs/providers/github.md says the same to its writers. */
const supersededStep = 'factory-superseded';
const digestArtifact = /^factory-digest-sha256-([0-9a-f]{64})$/;

/** A run as a list or a look shows it, before what came out of it is asked. */
export interface SeenRun {
  readonly id: string;
  readonly key: string;
  readonly attempt: number;
  readonly url: string | undefined;
  /** GitHub's count of its re-runs: the attempt of the run, and none of ours. */
  readonly tried: string | undefined;
  /** Undefined: not ended. */
  readonly conclusion: string | undefined;
}

function correlationOf(key: string, attempt: number): string {
  return `[${key}/${attempt}]`;
}

/** Undefined: not a run at all. */
export function readRun(value: unknown): SeenRun | undefined {
  const id = idAt(value, 'id');
  if (id === undefined) return undefined;
  const title = titleOf(value);
  const [, key = '', attempt = '1'] = /\[([^\s[\]/]{1,200})\/(\d{1,9})\]/.exec(title) ?? [];
  const ended = textAt(value, 'status') === 'completed';
  return {
    id,
    key,
    attempt: Number(attempt),
    url: linkAt(value, 'html_url'),
    tried: idAt(value, 'run_attempt'),
    // It waits for a person's approval and goes on under the same id.
    conclusion: ended ? withoutApproval(textAt(value, 'conclusion')) : undefined,
  };
}

/** `run-name`; servers from before it show the workflow's name in both. */
function titleOf(value: unknown): string {
  return `${textAt(value, 'display_title') ?? ''} ${textAt(value, 'name') ?? ''}`;
}

export function isOf(value: unknown, key: string, attempt: number): boolean {
  return titleOf(value).includes(correlationOf(key, attempt));
}

function withoutApproval(conclusion: string | undefined): string | undefined {
  return conclusion === 'action_required' ? undefined : (conclusion ?? 'unknown');
}

/** Every conclusion of GitHub's that is an end; what is not here is a failure too, and named. */
const outcomes: Readonly<Record<string, Run['status']>> = {
  success: 'success',
  neutral: 'success',
  cancelled: 'cancelled',
  failure: 'failure',
  timed_out: 'failure',
  startup_failure: 'failure',
  stale: 'failure',
  skipped: 'failure',
};

export function outcomeOf(conclusion: string): Run['status'] {
  return Object.hasOwn(outcomes, conclusion) ? (outcomes[conclusion] ?? 'failure') : 'failure';
}

const explained: Readonly<Record<string, string>> = {
  failure: 'the run failed',
  timed_out: 'the run took longer than its workflow allows',
  startup_failure: 'GitHub could not start the run: the workflow file is not valid, or names one that is not',
  stale: 'GitHub gave the run up because it did not go on',
  skipped: "every job was skipped: the workflow's conditions leave this run out",
};

/** The digest in the newest artifact that names one: a re-run leaves the artifacts of the tries before it. */
export function digestIn(artifacts: unknown): Digest | undefined {
  const named = listAt(artifacts, 'artifacts').flatMap((artifact) => {
    const hex = digestArtifact.exec(textAt(artifact, 'name') ?? '')?.[1];
    return hex === undefined ? [] : [{ hex, id: Number(at(artifact, 'id')) || 0 }];
  });
  const newest = named.toSorted((a, b) => b.id - a.id)[0];
  return newest && (`sha256:${newest.hex}` as Digest);
}

export interface JobsReport {
  readonly superseded: boolean;
  readonly error: string;
  readonly log: string | undefined;
}

/** What the jobs of an ended run tell: whether it left because its key was taken, and what broke. */
export function readJobs(jobs: unknown, conclusion: string): JobsReport {
  const all = listAt(jobs, 'jobs');
  const superseded = all
    .flatMap((job) => listAt(job, 'steps'))
    .some((step) => textAt(step, 'name') === supersededStep && textAt(step, 'conclusion') === 'success');
  const bad = ['failure', 'timed_out', 'startup_failure'];
  const isBad = (part: unknown): boolean => bad.includes(textAt(part, 'conclusion') ?? '');
  const job = all.find(isBad);
  const step = listAt(job, 'steps').find(isBad);
  const where = [
    ...(job === undefined ? [] : [`job "${quoted(textAt(job, 'name'), 100)}"`]),
    ...(step === undefined ? [] : [`step "${quoted(textAt(step, 'name'), 100)}"`]),
  ].join(', ');
  const what = explained[conclusion] ?? `the run ended as "${quoted(conclusion, 40)}"`;
  return { superseded, error: where === '' ? what : `${what} (${where})`, log: linkAt(job, 'html_url') };
}
