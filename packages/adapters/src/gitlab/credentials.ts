import type { GitlabSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import { firstSecret } from '../ci-runs/first-secret.ts';
import type { SecretSource } from '../secrets/secret-source.ts';

/** In a GitLab job, this variable holds a token that lives as long as the job. */
const jobToken = 'CI_JOB_TOKEN';

export interface GitlabCredentials {
  /** Headers that every request but a trigger carries. */
  readonly headers: Readonly<Record<string, string>>;
  /** What a trigger is sent with, where pipelines are to be started that way. */
  readonly trigger: string | undefined;
  /** `pipeline` for a job token: GitLab names its source so (otherwise `trigger`, and `api` without one). */
  readonly source: 'api' | 'trigger' | 'pipeline';
  readonly secrets: readonly string[];
}

/** Read anew for every operation, so that a token that was renewed is used at once. */
export async function credentialsOf(
  settings: GitlabSettings,
  secrets: SecretSource,
): Promise<GitlabCredentials> {
  const token = await firstSecret(secrets, settings.token, ['GITLAB_TOKEN', jobToken], settings.url);
  const isJob = token.reference.kind === 'env' && token.reference.name === jobToken;
  // A bearer token is what GitLab takes in every kind: personal, project, group and OAuth tokens.
  const headers = isJob ? { 'job-token': token.text } : { authorization: `Bearer ${token.text}` };
  const named = settings.triggerToken && (await secrets.read(settings.triggerToken, settings.url));
  const trigger = named ?? (isJob ? token.text : undefined);
  return {
    headers,
    trigger,
    source: trigger === undefined ? 'api' : trigger === token.text && isJob ? 'pipeline' : 'trigger',
    secrets: [token.text, ...(named === undefined ? [] : [named])],
  };
}
