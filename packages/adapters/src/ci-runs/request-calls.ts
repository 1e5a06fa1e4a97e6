import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Api, ApiAnswer, ApiRequest } from '../ci-http/api.ts';
import { said, wordsOf } from './said.ts';

/** What calls about requests need to know of a forge that takes one token for everything. */
export interface RequestForge {
  readonly api: Api;
  /** The repository of an image at this forge. Throws CI_REFUSED for one elsewhere. */
  repositoryOf(image: ManagedEnrolment): string;
  /** Where its API has the repository. */
  rootOf(repository: string): string;
  token(): Promise<string>;
  /** In front of the token, in the header `authorization`. */
  readonly scheme: 'Bearer' | 'token';
  /** Who says what stands in a refusal: `GitLab`, `the server`. */
  readonly speaker: string;
  /** What the token has to be, for who is denied. */
  readonly deniedHint: string;
}

/** A call for one image. */
type Call = Pick<ApiRequest, 'method' | 'path' | 'query' | 'json' | 'signal'>;

export interface Asked {
  readonly answer: ApiAnswer;
  /** The failure, should the answer not be what was asked for. */
  refused(what: string): Error;
}

export interface RequestCalls {
  /** One call below the root of the image's repository, whatever the status of its answer. */
  ask(image: ManagedEnrolment, call: Call): Promise<Asked>;
  /** A call that must succeed; `what` is said where it does not. */
  change(image: ManagedEnrolment, call: Call, what: string): Promise<void>;
}

export function createRequestCalls(forge: RequestForge): RequestCalls {
  const { api, scheme, speaker, deniedHint } = forge;

  async function ask(image: ManagedEnrolment, call: Call): Promise<Asked> {
    const repository = forge.repositoryOf(image);
    const token = await forge.token();
    const answer = await api.send({
      ...call,
      path: `${forge.rootOf(repository)}${call.path}`,
      headers: { authorization: `${scheme} ${token}` },
    });
    const refused = (what: string): Error => {
      const denied = [401, 403, 404].includes(answer.status);
      return api.failure(
        denied ? 'CI_DENIED' : 'CI_REFUSED',
        `${what} in ${repository}; ${speaker} says (${answer.status}): ${said(wordsOf(answer), [token])}`,
        denied ? deniedHint : `Open one of the branch by hand to see what ${speaker} says.`,
      );
    };
    return { answer, refused };
  }

  return {
    ask,
    async change(image, call, what) {
      const { answer, refused } = await ask(image, call);
      if (answer.status >= 300) throw refused(what);
    },
  };
}
