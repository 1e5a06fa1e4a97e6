import type { ProviderSettings } from '../enrolment/provider-settings.ts';
import type { Source } from '../enrolment/types.ts';
import { forgeAddress } from '../rebuild/forge-address.ts';
import { repositoryPath } from '../rebuild/dispatch.ts';
import { err, ok, type Result } from '../result.ts';

/** What callers are made with. */
export interface CallerPlaces {
  readonly providers: ProviderSettings;
  /** The factory directory as a path in its repository; `.` is the root. */
  readonly factoryFolder: string;
}

/** Does CI run elsewhere than in the repository that is built? */
function isUpstream({ repo, workflowRepo }: Source): boolean {
  return workflowRepo !== undefined && workflowRepo !== repo;
}

/** What the build of an upstream source is told, by the names of the build options; the failure is a sentence. */
export function upstreamValues(
  source: Source,
  { providers, factoryFolder }: CallerPlaces,
): Result<readonly (readonly [string, string])[], string> {
  if (!isUpstream(source)) return ok([]);
  const address = addressOf(source, providers);
  if (!address.ok) return address;
  const patches = (source.patches ?? []).map((path) =>
    factoryFolder === '.' ? path : `${factoryFolder}/${path}`,
  );
  return ok([
    ['upstream', address.value],
    ['upstream_ref', refOf(source)],
    ['commit_of', 'upstream'],
    ['patches', patches.join('\n')],
    ['own_dockerfile', source.ownDockerfile === true ? source.dockerfile : ''],
  ]);
}

/** For builds that a person starts; the factory names the commit. */
function refOf({ branch, tag, commit }: Source): string {
  if (commit !== undefined) return commit;
  if (tag !== undefined) return `refs/tags/${tag}`;
  return branch === undefined ? 'HEAD' : `refs/heads/${branch}`;
}

/** The runner has no key of the team's and no folder of this machine: upstream is fetched by https. */
function addressOf({ provider, repo }: Source, providers: ProviderSettings): Result<string, string> {
  if (/^https:\/\/[^\s@]+$/.test(repo)) return ok(repo);
  const forge = forgeAddress(provider, providers);
  const path = /^[\w.-]+(?:\/[\w.-]+)+$/.test(repo) ? repositoryPath(repo) : undefined;
  return forge === undefined || path === undefined
    ? err(`its source ${repo} has no https address, by which CI in another repository could fetch it`)
    : ok(`${forge}/${path}.git`);
}
