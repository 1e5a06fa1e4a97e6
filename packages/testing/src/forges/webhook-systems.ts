import type { ForgeReply } from './serve-forge.ts';
import type { WebhookSystem } from './webhook.ts';
import type { WorkflowRun } from './workflow-runs.ts';

const badRequest = (message: string): ForgeReply => ({ status: 400, body: { message } });

/** Parameters by the names of RunInputs; a missing one is refused. */
function needed(
  values: Readonly<Record<string, string | null | undefined>>,
): Readonly<Record<string, string>> | ForgeReply {
  const missing = ['factory_key', 'factory_attempt', 'factory_image'].find((name) => !values[name]);
  if (missing !== undefined) return badRequest(`missing ${missing}`);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? '']));
}

/** Jenkins: a parameterised job; a start is answered with its place in the queue, builds are listed with their parameters. */
export const jenkins: WebhookSystem = {
  start({ method, path, headers, body }) {
    if (method !== 'POST' || !/^(?:\/job\/[^/]+)+\/buildWithParameters$/.test(path)) return undefined;
    if (!headers['content-type']?.includes('x-www-form-urlencoded')) return badRequest('not a form');
    const form = new URLSearchParams(body);
    const [key = '', attempt = ''] = (form.get('FACTORY_RUN') ?? '').split('/');
    return needed({
      factory_key: key,
      factory_attempt: attempt,
      factory_image: form.get('FACTORY_IMAGE'),
      factory_build_flags: form.get('FACTORY_BUILD_FLAGS'),
    });
  },
  started: ({ id }) => ({ status: 201, headers: { location: `https://jenkins.test/queue/item/${id}/` } }),
  other({ method, path }, runs, all) {
    if (method === 'GET' && path.endsWith('/api/json')) {
      // What waits in the queue is not in the list of builds.
      const builds = runs.filter(({ state }) => state !== 'queued').map(build);
      return { status: 200, body: { _class: 'org.jenkinsci.plugins.workflow.job.WorkflowJob', builds } };
    }
    const queued = /^\/queue\/cancelItem$/.test(path);
    if (method === 'POST' && queued) {
      for (const run of runs) if (run.state !== 'ended') all.cancel(run);
      return { status: 204 };
    }
    return undefined;
  },
};

function build(run: WorkflowRun): unknown {
  const words = { success: 'SUCCESS', failure: 'FAILURE', cancelled: 'ABORTED', superseded: 'NOT_BUILT' };
  return {
    number: Number(run.id),
    url: `https://jenkins.test/job/images/${run.id}/`,
    result: run.state === 'ended' ? words[run.outcome ?? 'success'] : null,
    description: run.digest ?? null,
    actions: [{ parameters: [{ name: 'FACTORY_RUN', value: `${run.key}/${run.attempt}` }] }, {}],
  };
}

/** Azure DevOps: a pipeline run with template parameters; its name is set from them. */
export const azureDevOps: WebhookSystem = {
  start({ method, path, query, body }) {
    if (method !== 'POST' || !/\/_apis\/pipelines\/\d+\/runs$/.test(path)) return undefined;
    if (query.get('api-version') !== '7.1') return badRequest('no api-version');
    const { templateParameters = {} } = JSON.parse(body) as { templateParameters?: Record<string, string> };
    return needed({
      factory_key: templateParameters['factoryKey'],
      factory_attempt: templateParameters['factoryAttempt'],
      factory_image: templateParameters['factoryImage'],
      factory_build_flags: templateParameters['factoryBuildFlags'],
      factory_pins: templateParameters['factoryPins'],
    });
  },
  started: (run) => ({ status: 200, body: azureRun(run) }),
  other({ method, path, body }, runs, all) {
    const one = /\/_apis\/pipelines\/\d+\/runs(?:\/(\d+))?$/.exec(path);
    if (method === 'GET' && one) {
      if (one[1] === undefined)
        return { status: 200, body: { count: runs.length, value: runs.map(azureRun) } };
      const run = runs.find(({ id }) => id === one[1]);
      return run ? { status: 200, body: azureRun(run) } : { status: 404, body: { message: 'no run' } };
    }
    const stopped = /\/_apis\/build\/builds\/(\d+)$/.exec(path)?.[1];
    const run = runs.find(({ id }) => id === stopped);
    if (method !== 'PATCH' && method !== 'PUT') return undefined;
    if (!run || (JSON.parse(body) as { status?: string }).status !== 'cancelling') return undefined;
    all.cancel(run);
    return { status: 200, body: azureRun(run) };
  },
};

function azureRun(run: WorkflowRun): unknown {
  const words = { success: 'succeeded', failure: 'failed', cancelled: 'canceled', superseded: 'skipped' };
  return {
    id: Number(run.id),
    name: `image-factory ${run.key}-${run.attempt}`,
    state: run.state === 'ended' ? 'completed' : 'inProgress',
    ...(run.state === 'ended' ? { result: words[run.outcome ?? 'success'] } : {}),
    _links: { web: { href: `https://dev.azure.test/acme/_build/results?buildId=${run.id}` } },
  };
}

/** A Tekton EventListener, and the Kubernetes API that lists its runs by label. */
export const tekton: WebhookSystem = {
  start({ method, path, body }) {
    if (method !== 'POST' || path !== '/') return undefined;
    const event = JSON.parse(body) as Record<string, string>;
    return needed({
      factory_key: event['key'],
      factory_attempt: event['attempt'],
      factory_image: event['image'],
      factory_build_flags: event['buildFlags'],
      factory_pins: event['pins'],
    });
  },
  /** Of a task under `finally`, by `$(tasks.status)`; no such task runs where the whole run is cancelled. */
  callBack(run, change) {
    if (change !== 'ended' || run.outcome === 'cancelled') return undefined;
    const { id, key, attempt, outcome } = run;
    const status = { success: 'Succeeded', failure: 'Failed', superseded: 'Completed' }[outcome ?? 'success'];
    const link = `https://tekton.test/#/namespaces/ci/pipelineruns/image-${id}`;
    return { key, attempt: String(attempt), status, link };
  },
  started: ({ id }) => ({
    status: 202,
    body: { eventListener: 'images', namespace: 'ci', eventListenerUID: 'u', eventID: `event-${id}` },
  }),
  other({ method, path, query }, runs) {
    if (method !== 'GET' || path !== '/apis/tekton.dev/v1/namespaces/ci/pipelineruns') return undefined;
    const selected = /^image-factory\/run=(.+)$/.exec(query.get('labelSelector') ?? '')?.[1];
    return {
      status: 200,
      body: { items: runs.filter((run) => `${run.key}-${run.attempt}` === selected).map(pipelineRun) },
    };
  },
};

function pipelineRun(run: WorkflowRun): unknown {
  const { state, outcome, digest } = run;
  const failed = outcome === 'failure' || outcome === 'cancelled';
  return {
    metadata: { name: `image-${run.id}`, labels: { 'image-factory/run': `${run.key}-${run.attempt}` } },
    status: {
      conditions: [
        {
          type: 'Succeeded',
          status: state === 'ended' ? (failed ? 'False' : 'True') : 'Unknown',
          reason: '',
        },
      ],
      results: digest ? [{ name: 'IMAGE_DIGEST', type: 'string', value: `${digest}\n` }] : [],
    },
  };
}

/** Argo Workflows: a template is submitted under a name that we choose; the same name a second time is refused. */
export const argoWorkflows: WebhookSystem = {
  start({ method, path, body }, runs) {
    if (method !== 'POST' || path !== '/api/v1/workflows/ci/submit') return undefined;
    const { submitOptions } = JSON.parse(body) as {
      submitOptions: { name: string; parameters: string[] };
    };
    if (runs.some((run) => nameOf(run) === submitOptions.name))
      return { status: 409, body: { message: 'already exists' } };
    const given = Object.fromEntries(
      submitOptions.parameters.map((each) => [
        each.slice(0, each.indexOf('=')),
        each.slice(each.indexOf('=') + 1),
      ]),
    );
    const [, key = '', attempt = ''] = /^image-factory-(\w+)-(\d+)$/.exec(submitOptions.name) ?? [];
    return needed({
      factory_key: key,
      factory_attempt: attempt,
      factory_image: given['image'],
      factory_build_flags: given['build-flags'],
    });
  },
  started: (run) => ({ status: 200, body: workflow(run) }),
  other({ method, path }, runs, all) {
    const [, name, stop] = /^\/api\/v1\/workflows\/ci\/(image-factory-[^/]+)(\/stop)?$/.exec(path) ?? [];
    if (name === undefined) return undefined;
    const run = runs.find((each) => name === nameOf(each));
    if (!run) return { status: 404, body: { message: 'not found' } };
    if (method === 'PUT' && stop) all.cancel(run);
    return { status: 200, body: workflow(run) };
  },
};

function nameOf(run: WorkflowRun): string {
  return `image-factory-${run.key}-${run.attempt}`;
}

function workflow(run: WorkflowRun): unknown {
  const phase =
    run.state === 'ended'
      ? run.outcome === 'failure' || run.outcome === 'cancelled'
        ? 'Failed'
        : 'Succeeded'
      : run.state === 'queued'
        ? 'Pending'
        : 'Running';
  return {
    metadata: { name: nameOf(run), uid: `uid-${run.id}` },
    status: {
      phase,
      outputs: { parameters: run.digest ? [{ name: 'digest', value: run.digest }] : [] },
    },
  };
}
