import { activity, forgeCallBacks } from './call-backs.ts';
import { faulty, noFaults, type FakeForge, type ForgeFaults } from './fake-forge.ts';
import { artifactsAnswer, jobsAnswer, runAnswer, runUrl, thing } from './github-answers.ts';
import { workflowRunPayload } from './github-call-back.ts';
import { answerApp, type GithubApp } from './github-app.ts';
import { bodyOf, limited, refusal, refusedInputs, type GithubLimit } from './github-replies.ts';
import { claimIn, GithubRepository, type GithubRun, type GithubToken } from './github-state.ts';
import type { ForgeReply, ForgeCall } from './serve-forge.ts';
import { gitRoutes } from './github-git.ts';
import { refusedCall, route, type Call, type Route } from './github-routes.ts';
import { WorkflowRuns, type RunChange, type WorkflowOptions, type WorkflowRun } from './workflow-runs.ts';

export interface FakeGithubOptions extends Omit<WorkflowOptions, 'claim'> {
  /** @default a ref that can be created once */
  readonly claim?: WorkflowOptions['claim'];
  /** False: an Enterprise server that does not know `return_run_details`. @default true */
  readonly details?: boolean;
  /** False: the workflow has no claim step. @default true */
  readonly claims?: boolean;
}

/** GitHub, as far as the factory asks it: stateful, and with nothing that would remove a doubled create. */
export class FakeGithub implements FakeForge {
  readonly faults: ForgeFaults = { ...noFaults };
  readonly repositories = new Map<string, GithubRepository>();
  readonly tokens = new Map<string, GithubToken>();
  /** By id. */
  readonly apps = new Map<string, GithubApp>();
  limit: GithubLimit | undefined;
  /** Every request with the status of its answer. */
  readonly log: { readonly method: string; readonly path: string; readonly status: number | 'lost' }[] = [];
  readonly #options: FakeGithubOptions;
  readonly #workflows: WorkflowRuns;
  readonly #tell: (run: GithubRun, change: RunChange, at: number) => void;
  readonly #routes: readonly Route[];
  #ids = 0;

  constructor(options: FakeGithubOptions) {
    this.#options = options;
    this.#tell = forgeCallBacks('github', options.callBacks, (run: GithubRun, change) => [
      { event: 'workflow_run', payload: workflowRunPayload(run, activity[change]) },
    ]);
    this.#workflows = new WorkflowRuns(
      {
        ...options,
        claim:
          options.claims === false
            ? undefined
            : (options.claim ?? ((run) => claimIn(this.#repository(run.repo), run))),
      },
      // What was just created has no title yet: that is told once it has one.
      (run, change, at) => change !== 'created' && this.#tell(run as GithubRun, change, at),
    );
    this.#routes = this.#newRoutes();
  }

  get runs(): readonly GithubRun[] {
    return this.#workflows.runs as readonly WorkflowRun[] as readonly GithubRun[];
  }

  add(name: string): GithubRepository {
    const repository = new GithubRepository(name);
    this.repositories.set(name, repository);
    return repository;
  }

  #repository(name: string): GithubRepository {
    const found = this.repositories.get(name);
    if (!found) throw new Error(`no repository ${name}`);
    return found;
  }

  catchUp(): void {
    this.#workflows.catchUp();
  }

  readonly handle = async (request: ForgeCall): Promise<ForgeReply | 'lost'> => {
    this.catchUp();
    const { method, path } = request;
    const reply = this.#answer(request);
    this.log.push({ method, path, status: reply === 'lost' ? reply : reply.status });
    if (reply === 'lost') return reply;
    const date = new Date(this.#options.now()).toUTCString();
    return { ...reply, headers: { date, ...reply.headers } };
  };

  #answer(request: ForgeCall): ForgeReply | 'lost' {
    const { method } = request;
    if (this.limit && this.limit.until > this.#options.now()) return limited(this.limit);
    if (method === 'GET' && this.#options.random() < this.faults.failedReads)
      return { status: 502, body: 'Bad Gateway' };
    if (/^\/app\/|\/installation$/.test(request.path))
      return answerApp(request, this.apps, this.tokens, this.#options.now());
    for (const route of this.#routes) {
      const parts = method === route.method ? route.path.exec(request.path) : null;
      if (parts) return this.#routed(route, request, parts.slice(1));
    }
    return refusal(404, 'Not Found');
  }

  #routed(route: Route, request: ForgeCall, parts: readonly string[]): ForgeReply | 'lost' {
    const token = this.#tokenOf(request);
    if (!token) return refusal(401, 'Bad credentials');
    const repository = this.repositories.get(parts[0] ?? '');
    const shown = !token.repositories || token.repositories.includes(parts[0] ?? '');
    if (!repository || !shown) return refusal(404, 'Not Found');
    const body = bodyOf(request.body);
    const refused = refusedCall(route, { request, repository, token, body });
    if (refused) return refused;
    return route.answer({ request, repository, parts: parts.slice(1) }, body);
  }

  #newRoutes(): readonly Route[] {
    const paged = ['per_page', 'page'];
    return [
      route('metadata', 'GET', '', ({ repository }) => ({
        status: 200,
        body: thing('full-repository', {
          full_name: repository.name,
          default_branch: repository.defaultBranch,
          archived: repository.archived,
        }),
      })),
      route('actions', 'GET', String.raw`/actions/workflows/([\w.-]+)`, ({ repository, parts }) =>
        repository.workflows.has(parts[0] ?? '')
          ? {
              status: 200,
              body: thing('workflow', { path: `.github/workflows/${parts[0]}`, state: 'active' }),
            }
          : refusal(404, 'Not Found'),
      ),
      route(
        'actions',
        'POST',
        String.raw`/actions/workflows/([\w.-]+)/dispatches`,
        (call, body) => this.#dispatch(call, body),
        { fields: ['ref', 'inputs', 'return_run_details'] },
      ),
      route('actions', 'GET', String.raw`/actions/workflows/([\w.-]+)/runs`, (call) => this.#list(call), {
        query: [...paged, 'event', 'created', 'branch', 'status', 'actor', 'head_sha'],
      }),
      route('actions', 'GET', String.raw`/actions/runs/(\d+)`, (call) =>
        this.#withRun(call, (run) => ({ status: 200, body: runAnswer(run) })),
      ),
      route(
        'actions',
        'GET',
        String.raw`/actions/runs/(\d+)/jobs`,
        (call) =>
          this.#withRun(call, (run) => {
            const jobs = jobsAnswer(run);
            return { status: 200, body: { total_count: jobs.length, jobs } };
          }),
        { query: [...paged, 'filter'] },
      ),
      route(
        'actions',
        'GET',
        String.raw`/actions/runs/(\d+)/artifacts`,
        (call) =>
          this.#withRun(call, (run) => {
            const artifacts = artifactsAnswer(run);
            return { status: 200, body: { total_count: artifacts.length, artifacts } };
          }),
        { query: [...paged, 'name'] },
      ),
      route('actions', 'POST', String.raw`/actions/runs/(\d+)/cancel`, (call) =>
        this.#withRun(call, (run) =>
          this.#workflows.cancel(run)
            ? { status: 202, body: {} }
            : refusal(409, 'Cannot cancel a workflow run that is completed.'),
        ),
      ),
      route(
        'actions',
        'POST',
        String.raw`/actions/runs/(\d+)/rerun-failed-jobs`,
        (call) =>
          this.#withRun(call, (run) =>
            faulty(this.faults, this.#options.random, {
              throttle: () => this.#throttle(),
              drop: () => ({ status: 201, body: {} }),
              create: () =>
                run.outcome !== 'success' && this.#workflows.rerun(run)
                  ? { status: 201, body: {} }
                  : refusal(403, 'This workflow run cannot be retried'),
            }),
          ),
        { fields: ['enable_debug_logging'] },
      ),
      route('contents', 'POST', '/dispatches', (call, body) => this.#repositoryDispatch(call, body), {
        fields: ['event_type', 'client_payload'],
      }),
      ...gitRoutes,
    ];
  }

  #withRun(
    { repository, parts }: Call,
    answer: (run: GithubRun) => ForgeReply | 'lost',
  ): ForgeReply | 'lost' {
    const run = this.runs.find(({ id, repo: name }) => id === parts[0] && name === repository.name);
    return run && run.visibleAt <= this.#options.now() ? answer(run) : refusal(404, 'Not Found');
  }

  #dispatch({ repository, parts }: Call, body: Readonly<Record<string, unknown>>): ForgeReply | 'lost' {
    const { details = true } = this.#options;
    if (!details && 'return_run_details' in body)
      return refusal(400, 'Invalid request.\n\n"return_run_details" is not a permitted key.');
    const [file = ''] = parts;
    const workflow = repository.workflows.get(file);
    if (!workflow) return refusal(404, 'Not Found');
    const ref = typeof body['ref'] === 'string' ? body['ref'].replace(/^refs\/heads\//, '') : undefined;
    if (ref === undefined) return refusal(422, 'Invalid request.\n\n"ref" wasn\'t supplied.');
    if (!repository.branches.has(ref)) return refusal(422, `No ref found for: ${ref}`);
    const refused = refusedInputs(workflow, body['inputs']);
    if (refused) return refused;
    const inputs = (body['inputs'] ?? {}) as Readonly<Record<string, string>>;
    return faulty(this.faults, this.#options.random, {
      throttle: () => this.#throttle(),
      drop: () => ({ status: 204 }),
      create: () => {
        const run = this.#create(repository, file, 'workflow_dispatch', ref, inputs);
        if (!details || body['return_run_details'] !== true) return { status: 204 };
        return {
          status: 200,
          body: { workflow_run_id: Number(run.id), run_url: `${runUrl(run)}/api`, html_url: runUrl(run) },
        };
      },
    });
  }

  #repositoryDispatch({ repository }: Call, body: Readonly<Record<string, unknown>>): ForgeReply | 'lost' {
    const type = body['event_type'];
    const payload = (body['client_payload'] ?? {}) as Readonly<Record<string, string>>;
    if (typeof type !== 'string' || type.length > 100) return refusal(422, 'Invalid request.');
    if (Object.keys(payload).length > 10)
      return refusal(422, 'No more than 10 properties are allowed; client_payload has more.');
    const listening = [...repository.workflows].filter(([, { types }]) => types.includes(type));
    return faulty(this.faults, this.#options.random, {
      throttle: () => this.#throttle(),
      drop: () => ({ status: 204 }),
      create: () => {
        for (const [file] of listening)
          this.#create(repository, file, 'repository_dispatch', repository.defaultBranch, payload);
        return { status: 204 };
      },
    });
  }

  /** A run of whatever kind; with a title of its own, somebody else's. */
  #create(
    repository: GithubRepository,
    file: string,
    event: string,
    branch: string,
    inputs: Readonly<Record<string, string>>,
  ): GithubRun {
    this.#ids += 1;
    const run = this.#workflows.create(String(1000 + this.#ids), repository.name, inputs);
    const named = repository.workflows.get(file)?.runName;
    const title = named ? `Rebuild ${run.image} [${run.key}/${run.attempt}]` : 'Update README';
    const created = Object.assign(run, { workflow: file, event, branch, title });
    this.#tell(created, 'created', created.createdAt);
    return created;
  }

  /** A run that is none of the factory's, for lists that are longer than a page. */
  addOther(name: string, file = 'build-image.yml'): GithubRun {
    return this.#create(this.#repository(name), file, 'workflow_dispatch', 'main', {
      factory_key: `other-${this.#ids}`,
    });
  }

  #list({ repository, parts, request }: Call): ForgeReply {
    const { query } = request;
    const since = Date.parse(/^>=(.+)$/.exec(query.get('created') ?? '')?.[1] ?? '1970-01-01');
    const all = this.runs
      .filter((run) => run.repo === repository.name && run.workflow === parts[0])
      .filter(({ event }) => event === (query.get('event') ?? event))
      .filter(({ createdAt, visibleAt }) => createdAt >= since && visibleAt <= this.#options.now())
      .toReversed();
    const size = Math.min(100, Number(query.get('per_page') ?? 30));
    const first = (Number(query.get('page') ?? 1) - 1) * size;
    const page = all.slice(0, 1000).slice(first, first + size);
    return { status: 200, body: { total_count: all.length, workflow_runs: page.map(runAnswer) } };
  }

  #throttle(): ForgeReply {
    const named = this.#options.random() < 0.5 ? { retryAfter: 60_000 } : {};
    return limited({ kind: 'secondary', until: this.#options.now(), ...named });
  }

  #tokenOf({ headers }: ForgeCall): GithubToken | undefined {
    const token = this.tokens.get(/^(?:Bearer|token) (.+)$/.exec(headers['authorization'] ?? '')?.[1] ?? '');
    return token && (token.expiresAt ?? Infinity) > this.#options.now() ? token : undefined;
  }
}
