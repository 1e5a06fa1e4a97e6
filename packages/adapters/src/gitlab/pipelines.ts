import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Run } from '@image-factory/core/ports/builder.ts';
import type { FactoryError } from '@image-factory/core/problem.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { day, formatInstant } from '@image-factory/core/time.ts';
import type { Api, ApiAnswer, ApiRequest } from '../ci-http/api.ts';
import { linkAt, listAt, textAt } from '../ci-http/fields.ts';
import { runIdAt } from '../ci-runs/run-fields.ts';
import { isMarked, markIn, markOf, type RunMark } from '../ci-runs/run-mark.ts';
import { said, wordsOf } from '../ci-runs/said.ts';
import { failedJob, jobsIn, resultFile, resultIn, type BuildResult, type Job } from './build-result.ts';
import type { GitlabCredentials } from './credentials.ts';
import { statusOf } from './pipeline-status.ts';

/** A pipeline as lists show it. */
export interface Pipeline {
  readonly id: string;
  readonly name: string | undefined;
  readonly status: string | undefined;
  readonly url: string | undefined;
  /** Of its last end; lists do not show it. */
  readonly finishedAt: string | undefined;
}

/** Pipelines that were touched longer ago are not looked through. */
const lookBack = 7 * day;
const pageSize = 100;
const mostPages = 5;
/** Of one look-up; each costs a request. */
const mostVariablesRead = 50;
const mostResultsRead = 10;

/** What GitLab is asked about pipelines of one project. */
export class Pipelines {
  readonly #api: Api;
  readonly #credentials: GitlabCredentials;
  readonly #project: string;
  readonly #signal: AbortSignal | undefined;

  constructor(api: Api, credentials: GitlabCredentials, project: string, signal: AbortSignal | undefined) {
    this.#api = api;
    this.#credentials = credentials;
    this.#project = project;
    this.#signal = signal;
  }

  ask(method: ApiRequest['method'], path: string, query: ApiRequest['query'] = {}): Promise<ApiAnswer> {
    return this.#api.send({
      method,
      path: `/api/v4/projects/${encodeURIComponent(this.#project)}${path}`,
      query,
      headers: this.#credentials.headers,
      signal: this.#signal,
    });
  }

  /** The answer of a read, as JSON; undefined for 404. */
  async read(path: string, query: ApiRequest['query'] = {}): Promise<unknown> {
    const answer = await this.ask('GET', path, query);
    if (answer.status === 404) return undefined;
    if (answer.status === 200) return answer.json();
    throw this.refused(answer, `GET ${path}`);
  }

  refused(answer: ApiAnswer, what: string): FactoryError {
    const words = said(wordsOf(answer), this.#credentials.secrets);
    const denied = answer.status === 401 || answer.status === 403 || answer.status === 404;
    return this.#api.failure(
      denied ? 'CI_DENIED' : 'CI_INVALID',
      `${what} of ${this.#project} answered ${answer.status}: ${words}`,
      denied
        ? 'Check that the token is not expired, and has scope api and at least the role Developer in the project.'
        : 'Check providers.gitlab.url in factory.yaml.',
    );
  }

  /** The branch that the project builds where images.yaml names none. */
  async defaultBranch(): Promise<string> {
    const answer = await this.ask('GET', '');
    const branch = answer.status === 200 ? textAt(answer.json(), 'default_branch') : undefined;
    if (branch !== undefined) return branch;
    if (answer.status !== 200) throw this.refused(answer, 'GET');
    throw this.#api.failure(
      'CI_REFUSED',
      `${this.#project} has no default branch`,
      'Set source.branch in images.yaml.',
    );
  }

  /**
   * Pipelines of this key and attempt: by their exact name, else by a name with the mark in it, else (pipelines started
   * with variables, whose `.gitlab-ci.yml` sets no name) by their variables.
   */
  async marked(
    image: ManagedEnrolment,
    { key, attempt }: RunMark,
    { clock, variables }: { readonly clock: Clock; readonly variables: boolean },
  ): Promise<readonly Pipeline[]> {
    // GitLab compares whole names.
    const named = await this.#list({ name: `image-factory ${image.name} ${markOf(key, attempt)}` }, 1);
    const exact = named.pipelines.filter(({ name }) => isMarked(name, key, attempt));
    if (exact.length > 0) return exact;
    const recent = await this.#list(
      {
        source: this.#credentials.source,
        ref: image.source.branch,
        updated_after: formatInstant(clock.now() - lookBack),
      },
      mostPages,
    );
    const found = recent.pipelines.filter(({ name }) => isMarked(name, key, attempt));
    if (found.length > 0 || !variables) return found;
    const unnamed = recent.pipelines.filter(({ name }) => !markIn(name));
    const told: Pipeline[] = [];
    for (const pipeline of unnamed.slice(0, mostVariablesRead)) {
      const mark = await this.#markOfVariables(pipeline.id);
      if (mark?.key === key && mark.attempt === attempt) told.push(pipeline);
    }
    if (told.length > 0) return told;
    if (!recent.whole || unnamed.length > mostVariablesRead)
      throw this.#api.failure(
        'CI_INVALID',
        `${this.#project} has too many pipelines without a name to tell whether one of them is ${markOf(key, attempt)}`,
        'Set workflow:name in .gitlab-ci.yml as docs/providers/gitlab.md says.',
      );
    return [];
  }

  async #list(
    query: NonNullable<ApiRequest['query']>,
    pages: number,
  ): Promise<{ readonly pipelines: readonly Pipeline[]; readonly whole: boolean }> {
    const pipelines: Pipeline[] = [];
    for (let page = 1; page <= pages; page += 1) {
      const answer = await this.ask('GET', '/pipelines', {
        ...query,
        order_by: 'id',
        sort: 'desc',
        per_page: pageSize,
        page,
      });
      if (answer.status !== 200) throw this.refused(answer, 'GET /pipelines');
      const entries = listAt(answer.json());
      pipelines.push(...entries.flatMap((entry) => pipelineIn(entry) ?? []));
      if (entries.length < pageSize) return { pipelines, whole: true };
    }
    return { pipelines, whole: false };
  }

  async #markOfVariables(id: string): Promise<RunMark | undefined> {
    const answer = await this.ask('GET', `/pipelines/${id}/variables`);
    // Only its owner and Maintainers may read them; others see no more than the name.
    if (answer.status === 403 || answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.refused(answer, `GET /pipelines/${id}/variables`);
    const values = new Map(
      listAt(answer.json()).map((each) => [textAt(each, 'key'), textAt(each, 'value')] as const),
    );
    const key = values.get('FACTORY_KEY');
    return key === undefined ? undefined : { key, attempt: Number(values.get('FACTORY_ATTEMPT')) };
  }

  /** The run that a pipeline is, with what its jobs say about its end. */
  async runOf(pipeline: Pipeline, known?: RunMark): Promise<Run> {
    const mark = known ?? markIn(pipeline.name);
    const status = statusOf(pipeline.status);
    const run: Run = {
      id: pipeline.id,
      key: mark?.key ?? '',
      attempt: mark?.attempt ?? 0,
      status,
      ...(pipeline.url === undefined ? {} : { url: pipeline.url }),
      ...(pipeline.finishedAt === undefined || status === 'running' ? {} : { tried: pipeline.finishedAt }),
    };
    if (status === 'success') return this.#succeeded(run, mark);
    if (status === 'failure') return this.#failed(run, pipeline);
    return run;
  }

  async #jobs(id: string): Promise<readonly Job[]> {
    return jobsIn(await this.read(`/pipelines/${id}/jobs`, { per_page: pageSize }));
  }

  async #succeeded(run: Run, mark: RunMark | undefined): Promise<Run> {
    const result = await this.#result(await this.#jobs(run.id), mark);
    if (!result) return run;
    const { key, attempt, digest, superseded } = result;
    if (superseded) return { ...run, key, attempt, status: 'superseded' };
    return { ...run, key, attempt, ...(digest === undefined ? {} : { digest }) };
  }

  /** Of another key it is none of ours: a cache may have brought it along. */
  async #result(jobs: readonly Job[], mark: RunMark | undefined): Promise<BuildResult | undefined> {
    const holders = jobs.filter(({ hasArtifacts }) => hasArtifacts).slice(-mostResultsRead);
    for (const { id } of holders.toReversed()) {
      const answer = await this.ask('GET', `/jobs/${id}/artifacts/${resultFile}`);
      if (answer.status === 401) throw this.refused(answer, `GET /jobs/${id}/artifacts`);
      const result = answer.status === 200 ? resultIn(answer.text) : undefined;
      if (result && (!mark || (mark.key === result.key && mark.attempt === result.attempt))) return result;
    }
    return undefined;
  }

  async #failed(run: Run, { status }: Pipeline): Promise<Run> {
    if (status === 'skipped') return { ...run, error: 'the pipeline was skipped: no job of it ran' };
    const job = failedJob(await this.#jobs(run.id));
    if (!job) return { ...run, error: 'the pipeline failed before any job: see it for the reason' };
    const reason = job.reason === undefined ? '' : `: ${said(job.reason.replaceAll('_', ' '), [])}`;
    return {
      ...run,
      error: `job ${JSON.stringify(job.name.slice(0, 100))} failed${reason}`,
      ...(job.url === undefined ? {} : { log: job.url }),
    };
  }
}

export function pipelineIn(entry: unknown): Pipeline | undefined {
  const id = runIdAt(entry, 'id');
  return id === undefined
    ? undefined
    : {
        id,
        name: textAt(entry, 'name'),
        status: textAt(entry, 'status'),
        url: linkAt(entry, 'web_url'),
        finishedAt: textAt(entry, 'finished_at'),
      };
}
