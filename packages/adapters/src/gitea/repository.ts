import type { Run } from '@image-factory/core/ports/builder.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { Api, ApiAnswer, ApiRequest } from '../ci-http/api.ts';
import { listAt, textAt } from '../ci-http/fields.ts';
import { digestIn } from '../ci-runs/run-fields.ts';
import type { RunMark } from '../ci-runs/run-mark.ts';
import { said, wordsOf } from '../ci-runs/said.ts';
import type { Dialect, ServerRun } from './dialect.ts';

const pageSize = 50;
const mostPages = 40;
const mostStatusPages = 4;

/** What a server is asked about the runs of one repository. */
export class Repository {
  readonly #api: Api;
  readonly #dialect: Dialect;
  readonly #token: string;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;

  constructor(
    api: Api,
    dialect: Dialect,
    place: { readonly path: string; readonly token: string; readonly signal: AbortSignal | undefined },
  ) {
    this.#api = api;
    this.#dialect = dialect;
    this.#token = place.token;
    this.#path = place.path;
    this.#signal = place.signal;
  }

  ask(request: Pick<ApiRequest, 'method' | 'path' | 'query' | 'json'>): Promise<ApiAnswer> {
    return this.#api.send({
      ...request,
      path: `/api/v1/repos/${this.#path}${request.path}`,
      headers: { authorization: `token ${this.#token}` },
      signal: this.#signal,
    });
  }

  words(answer: ApiAnswer): string {
    return said(wordsOf(answer), [this.#token]);
  }

  refused(answer: ApiAnswer, what: string): Error {
    const denied = answer.status === 401 || answer.status === 403 || answer.status === 404;
    return this.#api.failure(
      denied ? 'CI_DENIED' : 'CI_INVALID',
      `${what} of ${this.#path} answered ${answer.status}: ${this.words(answer)}`,
      answer.status === 404
        ? 'Check source.repo, that the token may see it, that Actions are on in its settings, and the version of the ' +
            'server: Gitea 1.25 and Forgejo 12 are the first with a list of runs.'
        : 'Check that the token is not expired and has the scope write:repository.',
    );
  }

  async #read(path: string, query: ApiRequest['query'] = {}): Promise<unknown> {
    const answer = await this.ask({ method: 'GET', path, query });
    if (answer.status === 200) return answer.json();
    throw this.refused(answer, `GET ${path}`);
  }

  async defaultBranch(): Promise<string> {
    const branch = textAt(await this.#read(''), 'default_branch');
    if (branch !== undefined) return branch;
    throw this.#api.failure(
      'CI_REFUSED',
      `${this.#path} has no default branch`,
      'Set source.branch in images.yaml.',
    );
  }

  /** Undefined where there is no such run. */
  async run(id: string): Promise<ServerRun | undefined> {
    const answer = await this.ask({ method: 'GET', path: `/actions/runs/${id}` });
    if (answer.status === 200) return this.#dialect.run(answer.json());
    if (answer.status !== 404) throw this.refused(answer, `GET /actions/runs/${id}`);
    // A run that was deleted and a repository that the token may not see look the same: only the first is an answer.
    await this.#read('');
    return undefined;
  }

  /** Dispatched runs of this key and attempt, newest first; runs that were made before `since` are not looked through. */
  async marked({ key, attempt }: RunMark, since: Instant): Promise<readonly ServerRun[]> {
    for (let page = 1; page <= mostPages; page += 1) {
      const answer = await this.#read('/actions/runs', {
        event: 'workflow_dispatch',
        limit: pageSize,
        page,
      });
      const entries = listAt(answer, 'workflow_runs');
      const runs = entries.flatMap((entry) => this.#dialect.run(entry) ?? []);
      const found = runs.filter(({ mark }) => mark?.key === key && mark.attempt === attempt);
      // A server may have a smaller limit than was asked for: only an empty page is surely the last.
      if (found.length > 0 || entries.length === 0) return found;
      if ((runs.at(-1)?.createdAt ?? since) < since) return [];
    }
    throw this.#api.failure(
      'CI_INVALID',
      `${this.#path} has too many runs to tell whether one of them is ${key}/${attempt}`,
      'Delete old runs, or let them expire sooner.',
    );
  }

  /** The run as the port has it, with what its commit status and its jobs say about its end. */
  async told(run: ServerRun, known?: RunMark): Promise<Run> {
    const mark = known ?? run.mark;
    const common: Run = {
      id: run.id,
      key: mark?.key ?? '',
      attempt: mark?.attempt ?? 0,
      status: run.status,
      ...(run.url === undefined ? {} : { url: run.url }),
    };
    if (run.status === 'success') return this.#succeeded(common, run);
    if (run.status === 'failure') return this.#failed(common, run);
    return common;
  }

  /** The build says what came of it in a commit status whose context names the run: no archive is fetched for it. */
  async #succeeded(run: Run, { commit }: ServerRun): Promise<Run> {
    if (commit === undefined) return run;
    const context = `image-factory/${run.id}`;
    for (let page = 1; page <= mostStatusPages; page += 1) {
      const statuses = listAt(
        await this.#read(`/commits/${commit}/statuses`, { sort: 'recentupdate', limit: pageSize, page }),
      );
      const own = statuses.find((status) => textAt(status, 'context') === context);
      if (own !== undefined) {
        const words = textAt(own, 'description');
        if (words?.trim() === 'superseded') return { ...run, status: 'superseded' };
        const digest = digestIn(words);
        return digest === undefined ? run : { ...run, digest };
      }
      if (statuses.length === 0) break;
    }
    return run;
  }

  async #failed(run: Run, server: ServerRun): Promise<Run> {
    if (server.skipped) return { ...run, error: 'the run was skipped: no job of it ran' };
    const answer = await this.ask({ method: 'GET', path: `/actions/runs/${run.id}/jobs` });
    // Older servers have no list of jobs: the run's own page has to do.
    const job =
      answer.status === 200
        ? this.#dialect.jobs(answer.json(), server).find(({ failed }) => failed)
        : undefined;
    const log = job?.url ?? run.url;
    return {
      ...run,
      error: job ? `job ${JSON.stringify(job.name.slice(0, 100))} failed` : 'the run failed',
      ...(log === undefined ? {} : { log }),
    };
  }
}
