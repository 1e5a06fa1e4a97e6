import { usualWorkflow } from '@image-factory/core/rebuild/dispatch.ts';
import type { GiteaSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest, Run } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { FactoryError } from '@image-factory/core/problem.ts';
import { runInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import { day, second, type Duration } from '@image-factory/core/time.ts';
import type { Api, ApiAnswer } from '../ci-http/api.ts';
import { fence, usualStartWithin } from '../ci-runs/fence.ts';
import { firstSecret } from '../ci-runs/first-secret.ts';
import type { RunMark } from '../ci-runs/run-mark.ts';
import type { SecretSource } from '../secrets/secret-source.ts';
import { forgejo, gitea } from './dialect.ts';
import { repositoryPath } from './repository-path.ts';
import { Repository } from './repository.ts';
import { inWorkflowRepo } from '../ci-runs/workflow-repo.ts';

export interface GiteaOptions {
  readonly provider: 'gitea' | 'forgejo';
  readonly settings: GiteaSettings;
  /** At `settings.url`. */
  readonly api: Api;
  readonly secrets: SecretSource;
  readonly clock: Clock;
  /** Only so long after it was asked to start a run it does so. @default a minute */
  readonly startWithin?: Duration;
  /** Address of the factory directory's repository, where workflows may be; enrolments write it as `.`. */
  readonly ownRepository?: string | undefined;
}

export interface GiteaBuilder extends Builder {
  /** Throws where the repository cannot be seen with the token. */
  check(image: ManagedEnrolment): Promise<void>;
}

/** Runs that were made longer ago are not looked through. */
const lookBack = 7 * day;
/** A server that does not say which run it made shows it soon, or never. */
const looksAfter = [second, 2 * second, 4 * second];

/** Starts and follows workflow runs at Gitea or Forgejo. */
export function createGitea(options: GiteaOptions): GiteaBuilder {
  const { provider, settings, api, secrets, clock, startWithin = usualStartWithin } = options;
  const dialect = provider === 'gitea' ? gitea : forgejo;

  async function repositoryOf(image: ManagedEnrolment, signal?: AbortSignal): Promise<Repository> {
    const path = repositoryPath(api, settings, image);
    const { text } = await firstSecret(secrets, settings.token, [dialect.tokenVariable], settings.url);
    return new Repository(api, dialect, { path, token: text, signal });
  }

  async function lookFor(repository: Repository, mark: RunMark): Promise<Run | undefined> {
    let left: Run | undefined;
    // The oldest first: it is the likeliest to hold the claim. One that left without building is the last resort.
    for (const found of (await repository.marked(mark, clock.now() - lookBack)).toReversed()) {
      const run = await repository.told(found, mark);
      if (run.status !== 'superseded') return run;
      left = run;
    }
    return left;
  }

  async function start(request: BuildRequest, signal?: AbortSignal): Promise<Run> {
    const { image, key, attempt } = request;
    const mayStill = fence(api, clock, startWithin);
    const repository = await repositoryOf(image, signal);
    const ref = image.source.branch ?? (await repository.defaultBranch());
    const workflow = image.source.workflow ?? usualWorkflow;
    const { query, json } = dialect.dispatch({ ref, inputs: { ...runInputs(request) } });
    const path = `/actions/workflows/${encodeURIComponent(workflow)}/dispatches`;
    mayStill();
    const answer = await repository.ask({ method: 'POST', path, query, json });
    if (answer.status >= 300) throw refusal(repository, answer, workflow, ref);
    const started = answer.status === 204 ? undefined : dialect.started(answer.json());
    if (started)
      return {
        id: started.id,
        key,
        attempt,
        status: 'running',
        ...(started.url === undefined ? {} : { url: started.url }),
      };
    for (const pause of looksAfter) {
      await clock.sleep(pause, signal);
      const found = await lookFor(repository, { key, attempt });
      if (found) return found;
    }
    throw api.failure(
      'CI_UNREACHABLE',
      `the dispatch of ${workflow} was accepted, but no run of it is to be seen`,
      'It is looked for again. If none appears, check that a title or Forgejo shows the key: docs/providers.',
    );
  }

  function refusal(repository: Repository, answer: ApiAnswer, workflow: string, ref: string): FactoryError {
    const quote = `it says (${answer.status}): ${repository.words(answer)}`;
    if (answer.status === 401)
      return api.failure(
        'CI_DENIED',
        `the token is not accepted: expired, revoked or mistyped; ${quote}`,
        'Make a new token with the scope write:repository and put it where factory.yaml says.',
      );
    if (answer.status === 403)
      return api.failure(
        'CI_DENIED',
        `the token may not start workflows; ${quote}`,
        'Give it the scope write:repository, and its user write access to Actions of the repository.',
      );
    if (answer.status === 404)
      return api.failure(
        'CI_DENIED',
        `no workflow ${workflow} on ${ref} that the token may see; ${quote}`,
        'Check source.repo, source.workflow and source.branch, and that Actions are switched on for the repository.',
      );
    return api.failure(
      'CI_REFUSED',
      `${workflow} was not started on ${ref}; ${quote}`,
      'Check that it has on: workflow_dispatch with the factory_* inputs, on that branch, and is not disabled.',
    );
  }

  const builder: GiteaBuilder = {
    provider,
    capabilities: () => ({ exactlyOnce: settings.claims, inProcess: false }),
    start,
    async find(image, key, attempt, signal) {
      return lookFor(await repositoryOf(image, signal), { key, attempt });
    },
    async get(image, id, signal) {
      if (!/^\d{1,20}$/.test(id)) return undefined;
      const repository = await repositoryOf(image, signal);
      const run = await repository.run(id);
      return run && repository.told(run);
    },
    async cancel(image, id) {
      const repository = await repositoryOf(image);
      const answer = await repository.ask({
        method: 'POST',
        path: `/actions/runs/${encodeURIComponent(id)}/cancel`,
      });
      // 409: it has ended by itself.
      if (answer.status < 300 || answer.status === 409) return;
      if (answer.status === 404 || answer.status === 405)
        throw api.failure(
          'CI_INVALID',
          `this server has no way to cancel run ${id} by its API`,
          `Cancel it in the web interface; ${dialect.cancelsFrom} is the first that can.`,
        );
      throw repository.refused(answer, `cancel of run ${id}`);
    },
    async check(image) {
      await (await repositoryOf(image)).defaultBranch();
    },
  };
  return inWorkflowRepo(builder, options.ownRepository);
}
