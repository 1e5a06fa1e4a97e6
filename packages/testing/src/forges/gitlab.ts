import { forgeCallBacks } from './call-backs.ts';
import { faulty, noFaults, type FakeForge, type ForgeFaults } from './fake-forge.ts';
import { jobsOf, statusOf } from './gitlab-answers.ts';
import { pipelineEvent } from './gitlab-call-back.ts';
import {
  jobShape,
  listedPipelineShape,
  pipelineBody,
  pipelineShape,
  variableShape,
} from './gitlab-shapes.ts';
import type { ForgeCall, ForgeReply } from './serve-forge.ts';
import { answerStrictly, type Route } from './strict-routes.ts';
import { WorkflowRuns, type WorkflowOptions, type WorkflowRun } from './workflow-runs.ts';

export interface FakeGitlabOptions extends WorkflowOptions {
  /** `group/sub/name` */
  readonly project: string;
  readonly defaultBranch?: string;
  /** In front of `/api/v4`, as a server below a path has it. */
  readonly prefix?: string;
  readonly token: string;
  readonly triggerToken?: string;
  readonly jobToken?: string;
  /** `workflow:name` of its `.gitlab-ci.yml`, with `{image}`, `{key}` and `{attempt}`; undefined: none. */
  readonly pipelineName?: string | undefined;
  /** Who may set pipeline variables. @default 'developer' */
  readonly variables?: 'developer' | 'no_one_allowed';
  /** Names under `spec:inputs`; undefined: it declares the factory's. */
  readonly inputs?: readonly string[];
  /** Values of `$CI_PIPELINE_SOURCE` that `workflow:rules` let through; undefined: all. */
  readonly sources?: readonly string[];
}

export interface FakeGitlab extends FakeForge {
  /** Requests that no GitLab would understand. */
  readonly mistakes: readonly string[];
  /** Create requests that came in, refused ones too. */
  creates: number;
  /** The token is refused from now on. */
  expired: boolean;
  /** All pipelines, jobs and their files are 404. */
  blind: boolean;
}

const factoryInputs = [
  'key',
  'attempt',
  'image',
  'reason',
  'commit',
  'pins',
  'build_contexts',
  'build_flags',
  'build_args',
].map((name) => `factory_${name}`);

const firstId = 7000;

/** GitLab in memory: one project with the factory's pipeline. A new pipeline for every create that it accepts. */
export function fakeGitlab(options: FakeGitlabOptions): FakeGitlab {
  const { project, prefix = '', defaultBranch = 'main', variables = 'developer' } = options;
  const tell = forgeCallBacks('gitlab', options.callBacks, (run: WorkflowRun) => [
    { event: 'Pipeline Hook', payload: pipelineEvent(run, detailOf(run), project) },
  ]);
  const runs = new WorkflowRuns(options, (run, change, at) => tell(run, change, at));
  const faults: ForgeFaults = { ...noFaults };
  const mistakes: string[] = [];
  const sources = new Map<string, string>();
  const branches = new Map<string, string>();
  const byVariables = new Set<string>();
  const root = `/api/v4/projects/([^/]+)`;

  function create(request: ForgeCall & { readonly json: unknown }, source: string): ForgeReply | 'lost' {
    forge.creates += 1;
    const body = request.json as {
      ref: string;
      inputs?: Record<string, string>;
      variables?: Record<string, string> | { key: string; value: string }[];
    };
    const refused = refusalOf(body, source);
    if (refused !== undefined) return refused;
    return faulty(faults, options.random, {
      create: () => {
        const id = String(firstId + runs.runs.length);
        const given = Array.isArray(body.variables)
          ? Object.fromEntries(body.variables.map(({ key, value }) => [key, value]))
          : (body.variables ?? {});
        const inputs = body.inputs ?? lowered(given);
        // Before it is made: its creation is told at once.
        sources.set(id, source);
        branches.set(id, body.ref);
        if (!body.inputs) byVariables.add(id);
        return { status: 201, body: detailOf(runs.create(id, project, inputs)) };
      },
      // GitLab names the pipeline that it made: one that comes to nothing is an error of its own.
      drop: () => ({ status: 500, body: { message: '500 Internal Server Error' } }),
      throttle: () => ({
        status: 429,
        headers: { 'retry-after': '30' },
        body: { message: 'This endpoint has been requested too many times. Try again later.' },
      }),
    });
  }

  function refusalOf(
    body: { ref: string; inputs?: Record<string, string>; variables?: unknown },
    source: string,
  ): ForgeReply | undefined {
    const base = (text: string): ForgeReply => ({ status: 400, body: { message: { base: [text] } } });
    // A trigger carries its payload as a variable, also where none was sent (gitlab-org/gitlab#557381).
    if (variables === 'no_one_allowed' && (body.variables !== undefined || source !== 'api'))
      return base('Insufficient permissions to set pipeline variables');
    if (!/^[\w./-]+$/.test(body.ref) || body.ref === 'gone') return base('Reference not found');
    const declared = options.inputs ?? factoryInputs;
    const unknown = Object.keys(body.inputs ?? {}).filter((name) => !declared.includes(name));
    if (unknown.length > 0) return base(`unknown input arguments: ${unknown.join(', ')}`);
    if (options.sources && !options.sources.includes(source))
      return base(
        'Pipeline will not run for the selected trigger. The rules configuration prevented any jobs from being added to ' +
          'the pipeline: it would be empty.',
      );
    return undefined;
  }

  const nameOf = (run: WorkflowRun): string | null =>
    options.pipelineName === undefined
      ? null
      : options.pipelineName
          .replace('{image}', run.image)
          .replace('{key}', run.key)
          .replace('{attempt}', String(run.attempt));

  function listedOf(run: WorkflowRun): Record<string, unknown> {
    return {
      id: Number(run.id),
      iid: Number(run.id) - firstId + 1,
      project_id: 42,
      status: statusOf(run),
      source: sources.get(run.id) ?? 'api',
      ref: branches.get(run.id) ?? defaultBranch,
      sha: 'c0ffee'.repeat(7).slice(0, 40),
      name: nameOf(run),
      web_url: `https://gitlab.test${prefix}/${project}/-/pipelines/${run.id}`,
      created_at: new Date(run.createdAt).toISOString(),
      updated_at: new Date(run.createdAt).toISOString(),
    };
  }

  function detailOf(run: WorkflowRun): Record<string, unknown> {
    const finished = run.state === 'ended' ? new Date(run.endsAt).toISOString() : null;
    return { ...listedOf(run), finished_at: finished };
  }

  const runAt = (id: string | undefined): WorkflowRun | undefined =>
    forge.blind ? undefined : runs.runs.find((run) => run.id === id);
  const notFound: ForgeReply = { status: 404, body: { message: '404 Not found' } };

  const routes: readonly Route[] = [
    {
      method: 'POST',
      path: new RegExp(`^${root}/pipeline$`),
      body: pipelineBody,
      answers: { 201: pipelineShape },
      answer: (_, request) => create(request, 'api'),
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/trigger/pipeline$`),
      body: { fields: { ...pipelineBody.fields, token: 'text', variables: { map: 'text', optional: true } } },
      answers: { 201: pipelineShape },
      answer: (_, request) => {
        const { token } = request.json as { token: string };
        const known = token === options.triggerToken || token === options.jobToken;
        if (forge.expired || !known) return notFound;
        return create(request, token === options.jobToken ? 'pipeline' : 'trigger');
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}$`),
      answers: { 200: { fields: { id: 'number', path_with_namespace: 'text', default_branch: 'text' } } },
      answer: () => ({
        status: 200,
        body: { id: 42, path_with_namespace: project, default_branch: defaultBranch },
      }),
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/pipelines$`),
      query: ['name', 'source', 'ref', 'updated_after', 'order_by', 'sort', 'per_page', 'page'],
      answers: { 200: { list: listedPipelineShape } },
      answer: (_, { query }) => {
        const shown = runs.runs
          .filter((run) => run.visibleAt <= options.now() && !forge.blind)
          .map(listedOf)
          .filter((each) => [null, each['name']].includes(query.get('name')))
          .filter((each) => [null, each['source']].includes(query.get('source')))
          .filter((each) => [null, each['ref']].includes(query.get('ref')))
          .filter((each) => String(each['updated_at']) >= (query.get('updated_after') ?? ''))
          .toReversed();
        const size = Math.min(100, Number(query.get('per_page') ?? 20));
        const from = (Number(query.get('page') ?? 1) - 1) * size;
        return { status: 200, body: shown.slice(from, from + size) };
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/pipelines/(\\d+)$`),
      answers: { 200: pipelineShape },
      answer: ([, id]) => {
        const run = runAt(id);
        return run ? { status: 200, body: detailOf(run) } : notFound;
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/pipelines/(\\d+)/variables$`),
      answers: { 200: { list: variableShape } },
      answer: ([, id]) => {
        const run = runAt(id);
        if (!run) return notFound;
        const given = byVariables.has(run.id) ? Object.entries(run.inputs) : [];
        const body = given.map(([key, value]) => ({
          variable_type: 'env_var',
          key: key.toUpperCase(),
          value,
          raw: false,
        }));
        return { status: 200, body };
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/pipelines/(\\d+)/jobs$`),
      query: ['per_page', 'page', 'include_retried'],
      answers: { 200: { list: jobShape } },
      answer: ([, id]) => {
        const run = runAt(id);
        return run ? { status: 200, body: jobsOf(run, project) } : notFound;
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/jobs/(\\d+)/artifacts/image-factory\\.json$`),
      answers: {
        200: {
          fields: { key: 'text', attempt: 'number', digest: 'text?', superseded: 'flag?' },
        },
      },
      answer: ([, job]) => {
        const run = runAt(String(Math.floor(Number(job) / 10)));
        if (run?.state !== 'ended' || Number(job) % 10 !== 1) return notFound;
        const { key, attempt, digest, outcome } = run;
        return {
          status: 200,
          body: {
            key,
            attempt,
            ...(digest ? { digest } : {}),
            ...(outcome === 'superseded' ? { superseded: true } : {}),
          },
        };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/pipelines/(\\d+)/(cancel|retry)$`),
      answers: { 200: pipelineShape, 201: pipelineShape },
      answer: ([, id, what]) => {
        const run = runAt(id);
        if (!run) return notFound;
        if (what === 'cancel') {
          runs.cancel(run);
          return { status: 200, body: detailOf(run) };
        }
        return faulty(faults, options.random, {
          throttle: () => ({ status: 429, headers: { 'retry-after': '30' }, body: { message: 'slow down' } }),
          drop: () => ({ status: 500, body: { message: '500 Internal Server Error' } }),
          create() {
            // Without failed jobs nothing is done, and nothing is refused.
            if (run.outcome !== 'success') runs.rerun(run);
            return { status: 201, body: detailOf(run) };
          },
        });
      },
    },
  ];

  const forge: FakeGitlab = {
    runs: runs.runs,
    faults,
    mistakes,
    creates: 0,
    expired: false,
    blind: false,
    catchUp: () => runs.catchUp(),
    async handle(request) {
      runs.catchUp();
      if (!request.path.startsWith(`${prefix}/api/v4/`))
        return { status: 404, body: '<html>no such page</html>' };
      const path = request.path.slice(prefix.length);
      const isTrigger = path.endsWith('/trigger/pipeline');
      const refused = isTrigger ? undefined : refusedToken(request);
      if (refused) return refused;
      const [, id] = new RegExp(`^${root}`).exec(path) ?? [];
      if (![project, '42'].includes(decodeURIComponent(id ?? '')))
        return { status: 404, body: { message: '404 Project Not Found' } };
      if (request.method === 'GET' && options.random() < faults.failedReads)
        return { status: 502, body: { message: 'Bad Gateway' } };
      return answerStrictly(routes, request, path, mistakes);
    },
  };

  function refusedToken({ headers }: ForgeCall): ForgeReply | undefined {
    const given = headers['authorization'] ?? headers['private-token'] ?? headers['job-token'] ?? '';
    const token = given.replace(/^Bearer /, '');
    const known = token === options.token || (options.jobToken !== undefined && token === options.jobToken);
    if (forge.expired)
      return {
        status: 401,
        body: {
          error: 'invalid_token',
          error_description: `Token is expired. You can either do re-authorization or token refresh. (${token})`,
        },
      };
    return known ? undefined : { status: 401, body: { message: '401 Unauthorized' } };
  }
  return forge;
}

function lowered(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value]));
}
