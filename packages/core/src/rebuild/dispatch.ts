import type { ManagedEnrolment, Settings, Source } from '../enrolment/types.ts';
import { err, ok, type Result } from '../result.ts';
import { forgeAddress } from './forge-address.ts';
import type { RunInputs } from './run-inputs.ts';
import { workflowSource } from './workflow-source.ts';

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

type DispatchSettings = Pick<Settings, 'providers' | 'kargo' | 'state'>;

/**
 * Where Kargo sends the request for a build of this image; an error in words where it cannot. Sources: GitHub REST
 * "Create a workflow dispatch event", GitLab "Create a new pipeline".
 */
export function dispatchTarget(
  image: ManagedEnrolment,
  settings: DispatchSettings,
): Result<DispatchTarget, string> {
  const { providers } = settings;
  const source = seenByCi(image, settings);
  const { provider } = source;
  if (provider !== 'github' && provider !== 'gitlab')
    return err(`Kargo cannot start builds of provider ${provider}; github and gitlab it can`);
  const elsewhere = image.source.workflowRepo !== undefined;
  if (source.branch === undefined)
    return err(
      `source.${elsewhere ? 'workflowBranch' : 'branch'} is not set: a dispatch has to name its branch`,
    );
  const path = repositoryPath(source.repo);
  if (path === undefined)
    return err(
      `source.${elsewhere ? 'workflowRepo' : 'repo'} ${source.repo} names no repository of ${provider}`,
    );
  const host = hostOf(source.repo);
  const forge = hostOf(forgeAddress(provider, providers) ?? '');
  // At the forge somebody else may have a repository of that name.
  if (host !== undefined && host !== forge)
    return err(`${source.repo} is at ${host}, but builds of provider ${provider} are started at ${forge}`);
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
export function dispatchBody(image: ManagedEnrolment, settings: DispatchSettings, inputs: RunInputs): string {
  const { providers } = settings;
  const source = seenByCi(image, settings);
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

/** Of an http(s) address. */
function hostOf(repo: string): string | undefined {
  return /^https?:\/\/(?:[^/@]*@)?([^/]+)/i.exec(repo)?.[1]?.toLowerCase();
}

function seenByCi({ source }: ManagedEnrolment, { kargo, state }: DispatchSettings): Source {
  const isOwn = (source.workflowRepo ?? source.repo) === '.';
  const own = kargo.repository ?? (state.mode === 'git' ? state.remote : undefined);
  const seen = workflowSource(source, own);
  return isOwn ? { ...seen, branch: seen.branch ?? kargo.branch } : seen;
}

/** `owner/name` of every form in which a repository is written; undefined for a path. */
export function repositoryPath(repo: string): string | undefined {
  const path =
    /^(?:https?:\/\/[^/]+\/|ssh:\/\/[^/]+\/|[\w.-]+@[\w.-]+:)?((?:[\w.-]+\/)+[\w.-]+?)(?:\.git)?\/?$/.exec(
      repo,
    )?.[1];
  return path === undefined || /(?:^|\/)\.{1,2}(?:\/|$)/.test(path) ? undefined : path;
}
