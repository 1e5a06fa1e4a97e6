import type { GitlabSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest, Run } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { runInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import type { Duration } from '@image-factory/core/time.ts';
import type { Api } from '../ci-http/api.ts';
import { fence, usualStartWithin } from '../ci-runs/fence.ts';
import { repositoryAt } from '../ci-runs/repository.ts';
import type { SecretSource } from '../secrets/secret-source.ts';
import { credentialsOf } from './credentials.ts';
import { Pipelines, pipelineIn } from './pipelines.ts';
import { refusal } from './refusal.ts';
import { inWorkflowRepo } from '../ci-runs/workflow-repo.ts';

export interface GitlabOptions {
  readonly settings: GitlabSettings;
  /** At `settings.url`. */
  readonly api: Api;
  readonly secrets: SecretSource;
  readonly clock: Clock;
  /** Only so long after it was asked to start a run it does so. @default a minute */
  readonly startWithin?: Duration;
  /** Address of the factory directory's repository, where workflows may be; enrolments write it as `.`. */
  readonly ownRepository?: string | undefined;
}

export interface GitlabBuilder extends Builder {
  /** Runs the failed jobs of a pipeline again; its id stays. */
  retry(image: ManagedEnrolment, id: string, signal?: AbortSignal): Promise<void>;
  /** Throws where the project cannot be seen with the token. */
  check(image: ManagedEnrolment): Promise<void>;
}

/** Of one key, more pipelines than these mean that somebody else starts them. */
const mostOfOneKey = 10;

/** Starts and follows pipelines at GitLab: by `/pipeline`, or by the trigger endpoint with a trigger or job token. */
export function createGitlab(options: GitlabOptions): GitlabBuilder {
  const { settings, api, secrets, clock, startWithin = usualStartWithin } = options;

  function projectOf({ source }: ManagedEnrolment): string {
    const project = repositoryAt(source.repo, settings.url);
    if (project.ok) return project.value;
    throw api.failure('CI_REFUSED', project.error, 'Write group/name, or its address, in source.repo.');
  }

  async function pipelinesOf(image: ManagedEnrolment, signal?: AbortSignal) {
    const project = projectOf(image);
    const credentials = await credentialsOf(settings, secrets);
    return { project, credentials, pipelines: new Pipelines(api, credentials, project, signal) };
  }

  async function start(request: BuildRequest, signal?: AbortSignal): Promise<Run> {
    const mayStill = fence(api, clock, startWithin);
    const { project, credentials, pipelines } = await pipelinesOf(request.image, signal);
    const ref = request.image.source.branch ?? (await pipelines.defaultBranch());
    const byTrigger = credentials.trigger !== undefined;
    const given = { ...runInputs(request) };
    const variables = Object.entries(given).map(([name, value]) => [name.toUpperCase(), value] as const);
    const handedOver =
      settings.start === 'inputs'
        ? { inputs: given }
        : byTrigger
          ? { variables: Object.fromEntries(variables) }
          : { variables: variables.map(([key, value]) => ({ key, value })) };
    const root = `/api/v4/projects/${encodeURIComponent(project)}`;
    mayStill();
    const answer = await api.send({
      method: 'POST',
      path: byTrigger ? `${root}/trigger/pipeline` : `${root}/pipeline`,
      // A trigger token is all that its endpoint wants; the other token would only be sent further than needed.
      headers: byTrigger ? {} : credentials.headers,
      json: { ...(byTrigger ? { token: credentials.trigger } : {}), ref, ...handedOver },
      signal,
    });
    if (answer.status >= 300)
      throw refusal(api, answer, {
        project,
        ref,
        start: settings.start,
        byTrigger,
        secrets: credentials.secrets,
      });
    const pipeline = pipelineIn(answer.json());
    const { key, attempt } = request;
    if (pipeline)
      return {
        id: pipeline.id,
        key,
        attempt,
        status: 'running',
        ...(pipeline.url === undefined ? {} : { url: pipeline.url }),
      };
    throw api.failure(
      'CI_UNREACHABLE',
      `a pipeline of ${project} was accepted, but the answer does not name it`,
      'Nothing is to be done: it is looked for by its name.',
    );
  }

  const builder: GitlabBuilder = {
    provider: 'gitlab',
    capabilities: () => ({ exactlyOnce: settings.claims, inProcess: false }),
    start,
    async find(image, key, attempt, signal) {
      const { pipelines } = await pipelinesOf(image, signal);
      const found = await pipelines.marked(
        image,
        { key, attempt },
        { clock, variables: settings.start === 'variables' },
      );
      let left: Run | undefined;
      // The oldest first: it is the likeliest to hold the claim. One that left without building is the last resort.
      for (const pipeline of found.toReversed().slice(0, mostOfOneKey)) {
        const run = await pipelines.runOf(pipeline, { key, attempt });
        if (run.status !== 'superseded') return run;
        left = run;
      }
      return left;
    },
    async get(image, id, signal) {
      if (!/^\d{1,20}$/.test(id)) return undefined;
      const { pipelines } = await pipelinesOf(image, signal);
      const pipeline = pipelineIn(await pipelines.read(`/pipelines/${id}`));
      return pipeline && pipelines.runOf(pipeline);
    },
    async cancel(image, id) {
      await change(image, id, 'cancel');
    },
    retry: (image, id, signal) => change(image, id, 'retry', signal),
    async check(image) {
      const { pipelines } = await pipelinesOf(image);
      await pipelines.defaultBranch();
    },
  };
  return inWorkflowRepo(builder, options.ownRepository);

  async function change(
    image: ManagedEnrolment,
    id: string,
    what: 'cancel' | 'retry',
    signal?: AbortSignal,
  ): Promise<void> {
    const mayStill = what === 'retry' ? fence(api, clock, startWithin) : undefined;
    const { pipelines } = await pipelinesOf(image, signal);
    mayStill?.();
    const answer = await pipelines.ask('POST', `/pipelines/${encodeURIComponent(id)}/${what}`);
    if (answer.status < 300) return;
    const refusal = pipelines.refused(answer, `${what} of pipeline ${id}`);
    if (what === 'cancel' || answer.status < 400 || refusal.problem.code === 'CI_DENIED') throw refusal;
    throw api.failure('CI_REFUSED', refusal.problem.message, 'Ask for a rebuild instead.');
  }
}
