import type { GiteaSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Api } from '../ci-http/api.ts';
import { repositoryAt } from '../ci-runs/repository.ts';

/** Owner and name of an image's repository. Throws CI_REFUSED for one that is elsewhere, or has another form. */
export function repositoryPath(api: Api, settings: GiteaSettings, { source }: ManagedEnrolment): string {
  const found = repositoryAt(source.repo, settings.url);
  if (found.ok && found.value.split('/').length === 2) return found.value;
  const why = found.ok ? `source.repo ${source.repo} is not owner/name` : found.error;
  throw api.failure('CI_REFUSED', why, 'Write owner/name, or its address, in source.repo.');
}
