import type { ProviderSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { forgeAddress } from '@image-factory/core/rebuild/forge-address.ts';
import { repositoryPath } from '@image-factory/core/rebuild/dispatch.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { gitUrlKind } from '../validate/forms.ts';

/** The URL under which Kargo reaches a repository by https; in words why there is none. */
export function repositoryUrl(
  { provider, repo }: Pick<Source, 'provider' | 'repo'>,
  providers: ProviderSettings,
  own: string,
): Result<string, string> {
  if (repo === '.') return ok(own);
  const url = /^https?:\/\//.test(repo) ? ok(repo) : byForge(provider, repo, providers);
  if (!url.ok) return url;
  return /^https?$/.test(gitUrlKind(url.value) ?? '')
    ? url
    : err(`Kargo does not accept the repository ${repo}`);
}

function byForge(
  provider: Source['provider'],
  repo: string,
  providers: ProviderSettings,
): Result<string, string> {
  const base = forgeAddress(provider, providers);
  if (base === undefined)
    return err(`Kargo cannot reach source.repo ${repo} of provider ${provider}: it is no URL`);
  const path = repositoryPath(repo);
  return path === undefined ? err(`source.repo ${repo} names no repository`) : ok(`${base}/${path}.git`);
}
