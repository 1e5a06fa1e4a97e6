import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ShownRequest, SourceRequests } from '@image-factory/core/ports/proposals.ts';

/** Requests of a forge, and the token with which git pushes to its repositories. */
export interface ForgeRequests extends SourceRequests {
  /** Only for a repository of this forge: throws CI_REFUSED for one elsewhere, so that the token goes nowhere else. */
  gitToken(image: ManagedEnrolment): Promise<string>;
}

/** The open one, else the newest: requests come newest first. */
export function openOrNewest(requests: readonly ShownRequest[]): ShownRequest | undefined {
  return requests.find(({ state }) => state === 'open') ?? requests[0];
}
