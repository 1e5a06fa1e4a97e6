import type { ProviderSettings } from '../enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import { err, ok, type Result } from '../result.ts';
import type { RunInputs } from './run-inputs.ts';

/** The workflow of an image that names none. */
export const usualWorkflow = 'build-image.yml';

/** A request that starts a run, as Kargo sends it: everything but the credentials, and the inputs known only later. */
export interface DispatchTarget {
  readonly provider: 'github' | 'gitlab';
  /** Where the run is created. */
  readonly url: string;
  /** Answers how a run is, with the run's id behind it. */
  readonly runs: string;
}

/**
 * Where Kargo sends the request for a build of this image; an error in words where it cannot. Sources: GitHub REST
 * "Create a workflow dispatch event", GitLab "Create a new pipeline".
 */
export function dispatchTarget(
  { source }: ManagedEnrolment,
  providers: ProviderSettings,
): Result<DispatchTarget, string> {
  const { provider } = source;
  if (provider !== 'github' && provider !== 'gitlab')
    return err(`Kargo cannot start builds of provider ${provider}; github and gitlab it can`);
  if (source.branch === undefined) return err('source.branch is not set: a dispatch has to name its branch');
  const path = repositoryPath(source.repo);
  if (path === undefined) return err(`source.repo ${source.repo} names no repository of ${provider}`);
  if (provider === 'gitlab') {
    const project = `${providers.gitlab.url}/api/v4/projects/${encodeURIComponent(path)}`;
    return ok({ provider, url: `${project}/pipeline`, runs: `${project}/pipelines` });
  }
  const actions = `${providers.github.url}/repos/${path}/actions`;
  const workflow = encodeURIComponent(source.workflow ?? usualWorkflow);
  return ok({
    provider,
    url: `${actions}/workflows/${workflow}/dispatches`,
    runs: `${actions}/runs`,
  });
}

/** The body of that request, as JSON text. */
export function dispatchBody(
  { source }: ManagedEnrolment,
  providers: ProviderSettings,
  inputs: RunInputs,
): string {
  const ref = source.branch ?? '';
  // Older GitHub Enterprise refuses fields that it does not know.
  if (source.provider === 'github' && providers.github.url === 'https://api.github.com')
    return JSON.stringify({ ref, inputs, return_run_details: true });
  if (source.provider !== 'gitlab' || providers.gitlab.start === 'inputs')
    return JSON.stringify({ ref, inputs });
  const variables = Object.entries(inputs).map(([key, value]) => ({
    key: key.toUpperCase(),
    value: String(value),
  }));
  return JSON.stringify({ ref, variables });
}

/** `owner/name` of every form in which a repository is written; undefined for a path. */
export function repositoryPath(repo: string): string | undefined {
  const path =
    /^(?:https?:\/\/[^/]+\/|ssh:\/\/[^/]+\/|[\w.-]+@[\w.-]+:)?((?:[\w.-]+\/)+[\w.-]+?)(?:\.git)?\/?$/.exec(
      repo,
    )?.[1];
  return path === undefined || /(?:^|\/)\.{1,2}(?:\/|$)/.test(path) ? undefined : path;
}
