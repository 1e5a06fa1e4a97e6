import type { Run } from '@image-factory/core/ports/builder.ts';
import { parseInstant, type Instant } from '@image-factory/core/time.ts';
import { at, linkAt, listAt, textAt } from '../ci-http/fields.ts';
import { runIdAt } from '../ci-runs/run-fields.ts';
import { markIn, type RunMark } from '../ci-runs/run-mark.ts';

/** A run as both servers show it, once their different words are put aside. */
export interface ServerRun {
  readonly id: string;
  readonly title: string | undefined;
  readonly mark: RunMark | undefined;
  readonly status: Run['status'];
  /** What was built nothing of, although nothing failed. */
  readonly skipped: boolean;
  readonly commit: string | undefined;
  readonly url: string | undefined;
  readonly createdAt: Instant | undefined;
}

export interface ServerJob {
  readonly name: string;
  readonly failed: boolean;
  readonly url: string | undefined;
}

/** Where Gitea and Forgejo differ. */
export interface Dialect {
  readonly tokenVariable: string;
  /** How a dispatch asks for the run that it makes. */
  dispatch(body: { readonly ref: string; readonly inputs: Readonly<Record<string, string>> }): {
    readonly query: Readonly<Record<string, string>>;
    readonly json: unknown;
  };
  /** The id in the answer to a dispatch. */
  started(answer: unknown): { readonly id: string; readonly url: string | undefined } | undefined;
  run(answer: unknown): ServerRun | undefined;
  jobs(answer: unknown, run: ServerRun): readonly ServerJob[];
  /** The first version that lets a token cancel. */
  readonly cancelsFrom: string;
}

/** Gitea: the words of GitHub's API; `return_run_details` is a query parameter (older servers answer 204). */
export const gitea: Dialect = {
  tokenVariable: 'GITEA_TOKEN',
  dispatch: (body) => ({ query: { return_run_details: 'true' }, json: body }),
  started(answer) {
    const id = runIdAt(answer, 'workflow_run_id');
    return id === undefined ? undefined : { id, url: linkAt(answer, 'html_url') };
  },
  run(answer) {
    const id = runIdAt(answer, 'id');
    if (id === undefined) return undefined;
    const title = textAt(answer, 'display_title');
    const word = textAt(answer, 'conclusion');
    const ended = textAt(answer, 'status') === 'completed';
    return {
      id,
      title,
      mark: markIn(title),
      status: ended ? outcomeOf(word) : 'running',
      skipped: ended && word === 'skipped',
      commit: commitAt(answer, 'head_sha'),
      url: linkAt(answer, 'html_url'),
      createdAt: timeAt(answer, 'created_at') ?? timeAt(answer, 'started_at'),
    };
  },
  jobs(answer) {
    const jobs = [...listAt(answer, 'jobs'), ...listAt(answer, 'workflow_jobs')];
    return jobs.map((job) => ({
      name: textAt(job, 'name') ?? '',
      failed: textAt(job, 'conclusion') === 'failure',
      url: linkAt(job, 'html_url'),
    }));
  },
  cancelsFrom: 'Gitea 1.27',
};

/** Forgejo: words of its own; `return_run_info` stands in the body (older servers answer 204). */
export const forgejo: Dialect = {
  tokenVariable: 'FORGEJO_TOKEN',
  dispatch: (body) => ({ query: {}, json: { ...body, return_run_info: true } }),
  started(answer) {
    const id = runIdAt(answer, 'id');
    return id === undefined ? undefined : { id, url: undefined };
  },
  run(answer) {
    const id = runIdAt(answer, 'id');
    if (id === undefined) return undefined;
    const title = textAt(answer, 'title');
    const word = textAt(answer, 'status');
    const ended = ['success', 'failure', 'cancelled', 'skipped'].includes(word ?? '');
    return {
      id,
      title,
      mark: markIn(title) ?? markOfPayload(textAt(answer, 'event_payload')),
      status: ended ? outcomeOf(word) : 'running',
      skipped: word === 'skipped',
      commit: commitAt(answer, 'commit_sha'),
      url: linkAt(answer, 'html_url'),
      createdAt: timeAt(answer, 'created'),
    };
  },
  jobs(answer, { url }) {
    return listAt(answer).map((job, index) => ({
      name: textAt(job, 'name') ?? '',
      failed: textAt(job, 'status') === 'failure',
      url: url === undefined ? undefined : `${url}/jobs/${index}`,
    }));
  },
  cancelsFrom: 'Forgejo 16',
};

function outcomeOf(word: string | undefined): Run['status'] {
  if (word === 'success' || word === 'cancelled') return word;
  return 'failure';
}

/** A time that was never set is the year 1 in their answers. */
function timeAt(answer: unknown, name: string): Instant | undefined {
  const time = parseInstant(textAt(answer, name) ?? '');
  return time !== undefined && time > 0 ? time : undefined;
}

function commitAt(answer: unknown, name: string): string | undefined {
  const commit = textAt(answer, name);
  return commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
}

/** Forgejo keeps what a dispatch was given, so that its runs are known without a title. */
function markOfPayload(payload: string | undefined): RunMark | undefined {
  if (payload === undefined || payload.length > 256 * 1024) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(payload) as unknown;
  } catch {
    return undefined;
  }
  const key = textAt(value, 'inputs', 'factory_key');
  const attempt = Number(at(value, 'inputs', 'factory_attempt'));
  return key === undefined || !Number.isSafeInteger(attempt) ? undefined : { key, attempt };
}
