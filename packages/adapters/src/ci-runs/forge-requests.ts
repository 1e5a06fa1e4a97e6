import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ShownRequest, SourceRequests } from '@image-factory/core/ports/proposals.ts';
import type { Api } from '../ci-http/api.ts';

/** Requests of a forge, and the token with which git pushes to its repositories. */
export interface ForgeRequests extends SourceRequests {
  /** Only for a repository of this forge: throws CI_REFUSED for one elsewhere, so that the token goes nowhere else. */
  gitToken(image: ManagedEnrolment): Promise<string>;
}

/** The open one, else the newest: requests come newest first. */
export function openOrNewest(requests: readonly ShownRequest[]): ShownRequest | undefined {
  return requests.find(({ state }) => state === 'open') ?? requests[0];
}

/** A request as a forge tells of it. */
export interface ToldRequest {
  readonly number: unknown;
  readonly url: string | undefined;
  readonly state: ShownRequest['state'];
  readonly title: string | undefined;
  readonly body: string | undefined;
}

/** Undefined where it has no number or no address: then nothing can be done with it. */
export function shownRequest(told: ToldRequest): ShownRequest | undefined {
  const { number, url, state, title = '', body = '' } = told;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || url === undefined) return undefined;
  return { number, url, state, title, body };
}

/** The request that was just opened. */
export function openedRequest(
  made: ShownRequest | undefined,
  api: Api,
  word: 'pull request' | 'merge request',
): ShownRequest {
  if (made) return made;
  throw api.failure(
    'CI_UNREACHABLE',
    `a ${word} was opened, but the answer does not name it`,
    'Nothing is to be done: it is looked for by its branch.',
  );
}
