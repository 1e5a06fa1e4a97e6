import { activity, forgeCallBacks, type ForgeNews } from './call-backs.ts';
import { faulty, noFaults, type FakeForge, type ForgeFaults } from './fake-forge.ts';
import { forgejoRunNews, giteaRunPayload } from './gitea-call-back.ts';
import {
  dispatchShape,
  forgejoRunShape,
  giteaRunShape,
  jobShapes,
  statusShape,
  type GiteaDialect,
} from './gitea-shapes.ts';
import type { ForgeReply, ForgeCall } from './serve-forge.ts';
import { answerStrictly, type Route } from './strict-routes.ts';
import { WorkflowRuns, type RunChange, type WorkflowOptions, type WorkflowRun } from './workflow-runs.ts';

export interface FakeGiteaOptions extends WorkflowOptions {
  readonly dialect: GiteaDialect;
  /** `owner/name` */
  readonly repo: string;
  readonly workflow: string;
  readonly defaultBranch?: string;
  readonly token: string;
  /** Does a dispatch answer with its run? Older servers answer 204. @default true */
  readonly details?: boolean;
  /** Can a token cancel? @default true */
  readonly cancels?: boolean;
  /** Does the workflow have a `run-name` with the key in it? @default true for Gitea, false for Forgejo */
  readonly titles?: boolean;
  /** Page size that no request exceeds. @default 50 */
  readonly largestPage?: number;
}

export interface FakeGitea extends FakeForge {
  readonly mistakes: readonly string[];
  creates: number;
  expired: boolean;
}

const commit = 'c0ffee'.repeat(7).slice(0, 40);
const firstId = 300;

/** Gitea or Forgejo in memory: one repository with the factory's workflow. A new run for every dispatch that it accepts. */
export function fakeGitea(options: FakeGiteaOptions): FakeGitea {
  const { dialect, repo, defaultBranch = 'main', details = true, cancels = true } = options;
  const titles = options.titles ?? dialect === 'gitea';
  const runs = new WorkflowRuns(options, forgeCallBacks(dialect, options.callBacks, newsOf));
  const faults: ForgeFaults = { ...noFaults };
  const mistakes: string[] = [];
  const root = `/api/v1/repos/${repo}`;
  const notFound: ForgeReply = {
    status: 404,
    body: { errors: null, message: "The target couldn't be found.", url: 'https://git.test/api/swagger' },
  };

  const titleOf = (run: WorkflowRun): string =>
    titles ? `Rebuild ${run.image} [${run.key}/${run.attempt}]` : 'a commit message';
  const linkOf = (run: WorkflowRun): string =>
    `https://git.test/${repo}/actions/runs/${Number(run.id) - firstId}`;

  function bodyOf(run: WorkflowRun): Record<string, unknown> {
    const created = new Date(run.createdAt).toISOString();
    if (dialect === 'gitea')
      return {
        id: Number(run.id),
        url: `https://git.test${root}/actions/runs/${run.id}`,
        html_url: linkOf(run),
        display_title: titleOf(run),
        path: `${options.workflow}@refs/heads/${defaultBranch}`,
        event: 'workflow_dispatch',
        run_attempt: run.tries,
        run_number: Number(run.id) - firstId,
        head_sha: commit,
        head_branch: defaultBranch,
        status: { queued: 'queued', running: 'in_progress', ended: 'completed' }[run.state],
        conclusion: run.state === 'ended' ? outcomeOf(run) : '',
        started_at: created,
      };
    return {
      id: Number(run.id),
      title: titleOf(run),
      workflow_id: options.workflow,
      index_in_repo: Number(run.id) - firstId,
      event: 'workflow_dispatch',
      trigger_event: 'workflow_dispatch',
      event_payload: JSON.stringify({ inputs: run.inputs, ref: `refs/heads/${defaultBranch}` }),
      status: { queued: 'waiting', running: 'running', ended: outcomeOf(run) }[run.state],
      commit_sha: commit,
      prettyref: defaultBranch,
      created,
      updated: created,
      html_url: linkOf(run),
    };
  }

  function newsOf(run: WorkflowRun, change: RunChange): readonly ForgeNews[] {
    if (dialect === 'gitea')
      return [{ event: 'workflow_run', payload: giteaRunPayload(activity[change], bodyOf(run), repo) }];
    if (change !== 'ended') return [];
    const before = runs.runs.findLast((other) => other !== run && other.state === 'ended');
    return forgejoRunNews(bodyOf(run), before && bodyOf(before), repo);
  }

  function dispatch(workflow: string | undefined, request: ForgeCall & { readonly json: unknown }) {
    forge.creates += 1;
    const body = request.json as {
      ref: string;
      inputs: Record<string, string>;
      return_run_info?: boolean;
    };
    if (workflow !== options.workflow) return notFound;
    if (body.ref === 'gone')
      return { status: 422, body: { message: 'branch "gone" does not exist', url: 'https://git.test' } };
    const wants =
      dialect === 'gitea' ? request.query.get('return_run_details') === 'true' : body.return_run_info;
    return faulty(faults, options.random, {
      create: () => {
        const run = runs.create(String(firstId + 1 + runs.runs.length), repo, body.inputs);
        if (!details || !wants) return { status: 204 };
        if (dialect === 'forgejo')
          return {
            status: 201,
            body: { id: Number(run.id), run_number: Number(run.id) - firstId, jobs: ['build'] },
          };
        return {
          status: 200,
          body: {
            workflow_run_id: Number(run.id),
            run_url: `https://git.test${root}/actions/runs/${run.id}`,
            html_url: linkOf(run),
          },
        };
      },
      drop: () => ({ status: 204 }),
      throttle: () => ({ status: 429, headers: { 'retry-after': '20' }, body: { message: 'slow down' } }),
    });
  }

  const runAt = (id: string | undefined): WorkflowRun | undefined => runs.runs.find((run) => run.id === id);
  const runShape = dialect === 'gitea' ? giteaRunShape : forgejoRunShape;

  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: new RegExp(`^${root}$`),
      answers: { 200: { fields: { id: 'number', full_name: 'text', default_branch: 'text' } } },
      answer: () => ({ status: 200, body: { id: 9, full_name: repo, default_branch: defaultBranch } }),
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/actions/workflows/([^/]+)/dispatches$`),
      query: dialect === 'gitea' ? ['return_run_details'] : [],
      body: dispatchShape[dialect],
      answers: {
        200: { fields: { workflow_run_id: 'number', run_url: 'text', html_url: 'text' } },
        201: { fields: { id: 'number', run_number: 'number', jobs: { list: 'text' } } },
        204: 'nothing',
      },
      answer: ([workflow], request) => dispatch(workflow, request),
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/actions/runs$`),
      query: ['event', 'branch', 'status', 'page', 'limit'],
      answers: { 200: { fields: { total_count: 'number', workflow_runs: { list: runShape } } } },
      answer: (_, { query }) => {
        const shown = runs.runs
          .filter((run) => run.visibleAt <= options.now())
          .map(bodyOf)
          .toReversed();
        const size = Math.min(options.largestPage ?? 50, Number(query.get('limit') ?? 30));
        const from = (Number(query.get('page') ?? 1) - 1) * size;
        return {
          status: 200,
          body: { total_count: shown.length, workflow_runs: shown.slice(from, from + size) },
        };
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/actions/runs/(\\d+)$`),
      answers: { 200: runShape },
      answer: ([id]) => {
        const run = runAt(id);
        return run ? { status: 200, body: bodyOf(run) } : notFound;
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/actions/runs/(\\d+)/jobs$`),
      query: ['page', 'limit'],
      answers: { 200: jobShapes[dialect] },
      answer: ([id]) => {
        const run = runAt(id);
        return run ? { status: 200, body: jobsOf(run) } : notFound;
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/commits/([0-9a-f]+)/statuses$`),
      query: ['sort', 'page', 'limit'],
      answers: { 200: { list: statusShape } },
      answer: ([sha], { query }) => {
        const ended = runs.runs.filter(({ outcome }) => outcome === 'success' || outcome === 'superseded');
        const statuses = sha === commit ? ended.filter(({ state }) => state === 'ended').toReversed() : [];
        const size = Math.min(options.largestPage ?? 50, Number(query.get('limit') ?? 30));
        const from = (Number(query.get('page') ?? 1) - 1) * size;
        return {
          status: 200,
          body: statuses.slice(from, from + size).map((run) => ({
            id: Number(run.id),
            status: 'success',
            context: `image-factory/${run.id}`,
            description: run.outcome === 'superseded' ? 'superseded' : `pushed ${run.digest}`,
            target_url: linkOf(run),
          })),
        };
      },
    },
    ...(cancels
      ? [
          {
            method: 'POST',
            path: new RegExp(`^${root}/actions/runs/(\\d+)/cancel$`),
            answers: { 202: 'nothing', 204: 'nothing' },
            answer: ([id]) => {
              const run = runAt(id);
              if (!run) return notFound;
              const cancelled = runs.cancel(run);
              if (dialect === 'forgejo') return { status: 204 };
              return cancelled ? { status: 202 } : { status: 409, body: { message: 'the run has ended' } };
            },
          } satisfies Route,
        ]
      : []),
  ];

  function jobsOf(run: WorkflowRun): unknown {
    const ended = run.state === 'ended';
    if (dialect === 'forgejo')
      return [
        {
          id: Number(run.id) * 10,
          run_id: Number(run.id),
          name: 'build',
          status: ended ? outcomeOf(run) : 'running',
        },
      ];
    const job = {
      id: Number(run.id) * 10,
      run_id: Number(run.id),
      name: 'build',
      html_url: `${linkOf(run)}/jobs/0`,
      status: ended ? 'completed' : 'in_progress',
      conclusion: ended ? outcomeOf(run) : '',
    };
    return { total_count: 1, jobs: [job] };
  }

  const forge: FakeGitea = {
    runs: runs.runs,
    faults,
    mistakes,
    creates: 0,
    expired: false,
    catchUp: () => runs.catchUp(),
    async handle(request) {
      runs.catchUp();
      const token = (request.headers['authorization'] ?? '').replace(/^token /, '');
      if (forge.expired || token !== options.token)
        return { status: 401, body: { message: `invalid token ${token}`, url: 'https://git.test' } };
      if (request.method === 'GET' && options.random() < faults.failedReads)
        return { status: 502, body: { message: 'Bad Gateway' } };
      return answerStrictly(routes, request, request.path, mistakes);
    },
  };
  return forge;
}

function outcomeOf({ outcome }: WorkflowRun): string {
  return outcome === 'superseded' || outcome === undefined ? 'success' : outcome;
}
