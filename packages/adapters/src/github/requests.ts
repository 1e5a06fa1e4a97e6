import type { Api, ApiAnswer, ApiRequest } from '../ci-http/api.ts';
import { commonHeaders, type Access } from './access.ts';
import { denied, messageOf, type Need } from './refusals.ts';
import type { WorkflowPlace } from './repository.ts';

/** Requests in our name. */
export interface Requests {
  /**
   * The answer, whatever it says. A 401 means that nothing was done: it is sent once more where a newer token is to be
   * had, after `mayStill` allowed it.
   */
  send(place: WorkflowPlace, request: ApiRequest, mayStill?: () => void): Promise<ApiAnswer>;
  /** Undefined: not there, or not to be seen. Throws where we may not read. */
  read(place: WorkflowPlace, need: Need, request: Omit<ApiRequest, 'method'>): Promise<ApiAnswer | undefined>;
}

export function createRequests(api: Api, access: Access): Requests {
  async function send(place: WorkflowPlace, request: ApiRequest, mayStill?: () => void): Promise<ApiAnswer> {
    const once = async (): Promise<ApiAnswer> => {
      const authorization = await access.authorization(place);
      mayStill?.();
      return api.send({ ...request, headers: { ...commonHeaders, ...request.headers, authorization } });
    };
    const answer = await once();
    return answer.status === 401 && access.renew(place) ? once() : answer;
  }

  return {
    send,
    async read(place, need, request) {
      const answer = await send(place, { ...request, method: 'GET' });
      if (answer.status === 200) return answer;
      if (answer.status === 404) return undefined;
      if (answer.status === 401 || answer.status === 403) throw denied(api, answer, place, need);
      throw api.failure(
        'CI_INVALID',
        `GET ${request.path} answered ${answer.status} ${messageOf(answer)}`,
        'Check providers.github.url in factory.yaml: it is the address of the API.',
      );
    },
  };
}
