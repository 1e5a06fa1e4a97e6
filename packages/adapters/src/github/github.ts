import type { GithubSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest, Run } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { runInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import { formatInstant, hour, second, type Duration, type Instant } from '@image-factory/core/time.ts';
import type { Api } from '../ci-http/api.ts';
import { listAt } from '../ci-http/fields.ts';
import { fence, usualStartWithin } from '../ci-runs/fence.ts';
import type { SecretSource } from '../secrets/secret-source.ts';
import { createAccess } from './access.ts';
import { createDispatch } from './dispatch.ts';
import { digestIn, isOf, outcomeOf, readJobs, readRun, type SeenRun } from './read-run.ts';
import { denied, notFound, refusedStart, messageOf, type Need } from './refusals.ts';
import { pathOf, placeOf, type WorkflowPlace } from './repository.ts';
import { createRequests, type Requests } from './requests.ts';
import { inWorkflowRepo } from '../ci-runs/workflow-repo.ts';

export interface GithubOptions {
  readonly settings: GithubSettings;
  readonly api: Api;
  readonly secrets: SecretSource;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * Only so long after it was asked to start a run it does so: later, somebody else may have taken over (brief 4.4).
   * @default a minute
   */
  readonly startWithin?: Duration;
  /** Address of the factory directory's repository, where workflows may be; enrolments write it as `.`. */
  readonly ownRepository?: string | undefined;
}

/** GitHub shows 1,000 runs of a list at most. */
const perPage = 100;
const mostPages = 10;
/** Clocks differ, and `created` is when GitHub queued the run. */
const before = hour;
/** Without run details a run is looked for so often, with these pauses, before it is left to later cycles. */
const pauses = [2 * second, 3 * second, 5 * second, 10 * second];

/** Starts and follows workflows of GitHub Actions, at github.com or an Enterprise server. */
export function createGithub(options: GithubOptions): Builder {
  const { settings, api, clock, environment } = options;
  const requests = createRequests(api, createAccess(options));
  const { startWithin = usualStartWithin } = options;
  const dispatch = createDispatch({ settings, api, clock, requests, startWithin });
  const event = settings.start;

  function place(image: ManagedEnrolment): WorkflowPlace {
    return placeOf(image, api, settings.url, environment);
  }

  async function find(
    image: ManagedEnrolment,
    key: string,
    attempt: number,
    signal?: AbortSignal,
    since?: Instant,
  ): Promise<Run | undefined> {
    const where = place(image);
    const found: Run[] = [];
    for (const seen of await listed(where, key, attempt, signal, since)) {
      found.push(await outcome(where, seen, signal));
    }
    // Of several, the one that holds the claim is the run of the key; the others have left or will.
    const order = ['success', 'running', 'failure', 'cancelled', 'superseded'];
    return found.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))[0];
  }

  async function listed(
    where: WorkflowPlace,
    key: string,
    attempt: number,
    signal: AbortSignal | undefined,
    since: Instant | undefined,
  ): Promise<readonly SeenRun[]> {
    const found = new Map<string, SeenRun>();
    for (let page = 1; page <= mostPages; page += 1) {
      const answer = await requests.read(where, 'Actions: read', {
        path: `${pathOf(where)}/actions/workflows/${where.workflow}/runs`,
        query: {
          event,
          created: since === undefined ? undefined : `>=${formatInstant(since - before - (since % second))}`,
          per_page: perPage,
          page,
        },
        signal,
      });
      if (!answer) return [];
      const runs = listAt(answer.json(), 'workflow_runs');
      for (const value of runs) {
        const run = isOf(value, key, attempt) ? readRun(value) : undefined;
        if (run) found.set(run.id, run);
      }
      // Runs that begin while pages are read push others to the next page: one that was found is not alone there.
      if (runs.length < perPage || found.size > 0) break;
    }
    return [...found.values()];
  }

  /** What came of a run: one request while it runs, one or two more at its end. */
  async function outcome(where: WorkflowPlace, seen: SeenRun, signal?: AbortSignal): Promise<Run> {
    const { id, key, attempt, url, conclusion, tried } = seen;
    const ofRun = { id, key, attempt, ...(url === undefined ? {} : { url, log: url }) };
    if (conclusion === undefined) return { ...ofRun, status: 'running' };
    const run = { ...ofRun, ...(tried === undefined ? {} : { tried }) };
    const status = outcomeOf(conclusion);
    const path = `${pathOf(where)}/actions/runs/${id}`;
    if (status === 'success') {
      const artifacts = await requests.read(where, 'Actions: read', {
        path: `${path}/artifacts`,
        query: { per_page: perPage },
        signal,
      });
      const digest = artifacts && digestIn(artifacts.json());
      if (digest) return { ...run, status, digest };
    }
    const jobs = await requests.read(where, 'Actions: read', {
      path: `${path}/jobs`,
      query: { per_page: perPage },
      signal,
    });
    const report = readJobs(jobs?.json(), conclusion);
    if (report.superseded) return { ...run, status: 'superseded' };
    if (status !== 'failure') return { ...run, status };
    return {
      ...run,
      status,
      error: report.error,
      ...(report.log === undefined ? {} : { log: report.log }),
    };
  }

  /** Its run may be shown only later: it is looked for a little while, and else by later cycles. */
  async function correlated({ image, key, attempt }: BuildRequest, since: Instant): Promise<Run> {
    for (const pause of pauses) {
      await clock.sleep(pause);
      const run = await find(image, key, attempt, undefined, since).catch(() => undefined);
      if (run) return run;
    }
    throw api.failure(
      'CI_UNREACHABLE',
      `the start of ${image.name} was accepted, but no run named [${key}/${attempt}] is to be seen yet`,
      'Later cycles look again. If it never appears: the workflow needs the run-name of docs/providers/github.md, and its events must be on.',
    );
  }

  /** A request that changes a run. */
  async function change(
    image: ManagedEnrolment,
    id: string,
    what: 'cancel' | 'rerun-failed-jobs',
    signal?: AbortSignal,
    mayStill?: () => void,
  ): Promise<{ readonly status: number; readonly message: string }> {
    const where = place(image);
    if (!/^\d{1,20}$/.test(id)) throw unknownRun(where, id);
    const need: Need = 'Actions: write';
    const answer = await requests.send(
      where,
      { method: 'POST', path: `${pathOf(where)}/actions/runs/${id}/${what}`, signal },
      mayStill,
    );
    if (answer.status === 404) throw unknownRun(where, id);
    const mayNot = answer.status === 403 && !/re-?run|retr(?:y|ied)/i.test(messageOf(answer));
    if (answer.status === 401 || mayNot) throw denied(api, answer, where, need);
    return { status: answer.status, message: messageOf(answer) };
  }

  function unknownRun({ owner, name }: WorkflowPlace, id: string): Error {
    return api.failure(
      'CI_REFUSED',
      `${owner}/${name} has no run ${id}, or these credentials may not change it (404)`,
      'It may have been deleted; to change runs the repository permission Actions: write is needed.',
    );
  }

  const builder: Builder = {
    provider: 'github',
    capabilities: () => ({ exactlyOnce: settings.claims, inProcess: false }),

    async start(request) {
      const where = place(request.image);
      const inputs = runInputs(request);
      const since = clock.now();
      const sent = await dispatch(where, request.image, inputs);
      if (sent.kind === 'missing') throw notFound(api, where, await seen(where, requests));
      if (sent.kind === 'denied') throw denied(api, sent.answer, where, sent.need);
      if (sent.kind === 'refused') throw refusedStart(api, sent.answer, where, sent.ref, inputs);
      const { id, url } = sent;
      if (id === undefined) return correlated(request, since);
      const { key, attempt } = request;
      return { id, key, attempt, status: 'running', ...(url === undefined ? {} : { url, log: url }) };
    },

    find,

    async get(image, id, signal) {
      const where = place(image);
      if (!/^\d{1,20}$/.test(id)) return undefined;
      const answer = await requests.read(where, 'Actions: read', {
        path: `${pathOf(where)}/actions/runs/${id}`,
        signal,
      });
      const run = answer && readRun(answer.json());
      return run && outcome(where, run, signal);
    },

    async cancel(image, id) {
      const { status, message } = await change(image, id, 'cancel');
      // 409: it has ended already.
      if (status === 202 || status === 409) return;
      throw api.failure(
        'CI_INVALID',
        `run ${id} was not cancelled: ${status} ${message}`,
        'Cancel it on its page.',
      );
    },

    async retry(image, id, signal) {
      const mayStill = fence(api, clock, startWithin);
      const { status, message } = await change(image, id, 'rerun-failed-jobs', signal, mayStill);
      if (status === 201) return;
      throw api.failure(
        'CI_REFUSED',
        `run ${id} was not run again: ${status} ${message}`,
        'GitHub re-runs what has ended, for 30 days. Ask for a rebuild instead.',
      );
    },
  };
  return inWorkflowRepo(builder, options.ownRepository);
}

/** Why there was a 404: what can be seen of the repository and the workflow. */
async function seen(
  where: WorkflowPlace,
  requests: Requests,
): Promise<{ repository: boolean | undefined; workflow: boolean | undefined }> {
  const look = (path: string): Promise<boolean | undefined> =>
    requests
      .send(where, { method: 'GET', path })
      .then(({ status }) => (status === 200 ? true : status === 404 ? false : undefined))
      .catch(() => undefined);
  const workflow = await look(`${pathOf(where)}/actions/workflows/${where.workflow}`);
  return { workflow, repository: workflow || (await look(pathOf(where))) };
}
