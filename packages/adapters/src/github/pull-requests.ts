import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ShownRequest } from '@image-factory/core/ports/proposals.ts';
import type { Api, ApiAnswer, ApiRequest } from '../ci-http/api.ts';
import { at, linkAt, quoted, textAt } from '../ci-http/fields.ts';
import { openedRequest, openOrNewest, shownRequest, type ForgeRequests } from '../ci-runs/forge-requests.ts';
import { createAccess } from './access.ts';
import type { GithubOptions } from './github.ts';
import { denied, messageOf } from './refusals.ts';
import { pathOf, placeOf, type WorkflowPlace } from './repository.ts';
import { createRequests } from './requests.ts';

/** One branch has few requests; the newest are enough to know. */
const perPage = 100;

/** Pull requests of GitHub. Needs the repository permissions Pull requests and Contents: write. */
export function createGithubRequests(options: Omit<GithubOptions, 'startWithin'>): ForgeRequests {
  const { settings, api, environment } = options;
  const access = createAccess(options);
  const requests = createRequests(api, access);

  function place(image: ManagedEnrolment): WorkflowPlace {
    return placeOf(image, api, settings.url, environment);
  }

  async function change(
    where: WorkflowPlace,
    request: Pick<ApiRequest, 'method' | 'path' | 'json'>,
    what: string,
  ): Promise<ApiAnswer> {
    const answer = await requests.send(where, request);
    if (answer.status < 300) return answer;
    throw refused(api, answer, where, what);
  }

  return {
    provider: 'github',

    async gitToken(image) {
      return (await access.authorization(place(image))).replace(/^Bearer /, '');
    },

    async find(image, branch, signal) {
      const where = place(image);
      const answer = await requests.read(where, 'Pull requests: read', {
        path: `${pathOf(where)}/pulls`,
        query: {
          head: `${where.owner}:${branch}`,
          state: 'all',
          sort: 'created',
          direction: 'desc',
          per_page: perPage,
        },
        signal,
      });
      if (!answer)
        throw api.failure(
          'CI_DENIED',
          `${where.owner}/${where.name} does not exist, or these credentials may not see it (404)`,
          'Check source.repo, and that the token or App was given this repository.',
        );
      const found = answer.json();
      const own = (Array.isArray(found) ? (found as readonly unknown[]) : []).filter(
        (pull) =>
          // A head that GitHub does not understand is no filter at all.
          textAt(pull, 'head', 'ref') === branch &&
          textAt(pull, 'head', 'repo', 'full_name')?.toLowerCase() ===
            `${where.owner}/${where.name}`.toLowerCase(),
      );
      return openOrNewest(own.flatMap((pull) => shownOf(pull) ?? []));
    },

    async create(image, branch, into, { title, body }) {
      const where = place(image);
      const answer = await requests.send(where, {
        method: 'POST',
        path: `${pathOf(where)}/pulls`,
        json: { title, body, head: branch, base: into },
      });
      if (answer.status === 422 && /pull request already exists/i.test(answer.text)) return undefined;
      if (answer.status !== 201) throw refused(api, answer, where, `no pull request of ${branch} was opened`);
      return openedRequest(shownOf(answer.json()), api, 'pull request');
    },

    async update(image, number, { title, body }) {
      const where = place(image);
      const path = `${pathOf(where)}/pulls/${number}`;
      await change(
        where,
        { method: 'PATCH', path, json: { title, body } },
        `pull request ${number} was not changed`,
      );
    },

    async close(image, number, comment) {
      const where = place(image);
      const root = pathOf(where);
      const what = `pull request ${number} was not closed`;
      await change(
        where,
        { method: 'POST', path: `${root}/issues/${number}/comments`, json: { body: comment } },
        what,
      );
      await change(
        where,
        { method: 'PATCH', path: `${root}/pulls/${number}`, json: { state: 'closed' } },
        what,
      );
    },
  };
}

function shownOf(pull: unknown): ShownRequest | undefined {
  const isMerged = textAt(pull, 'merged_at') !== undefined;
  return shownRequest({
    number: at(pull, 'number'),
    url: linkAt(pull, 'html_url'),
    state: textAt(pull, 'state') === 'open' ? 'open' : isMerged ? 'merged' : 'closed',
    title: textAt(pull, 'title'),
    body: textAt(pull, 'body'),
  });
}

function refused(api: Api, answer: ApiAnswer, where: WorkflowPlace, what: string): Error {
  if (answer.status === 401 || answer.status === 403)
    return denied(api, answer, where, 'Pull requests: write');
  const said = `${answer.status} ${messageOf(answer)} ${quoted(answer.text, 200)}`;
  if (answer.status === 404)
    return api.failure(
      'CI_DENIED',
      `${what} in ${where.owner}/${where.name}: ${said}`,
      'These credentials need the repository permission Pull requests: write.',
    );
  return api.failure(
    'CI_REFUSED',
    `${what} in ${where.owner}/${where.name}: ${said}`,
    'Open one of the branch by hand to see what GitHub says.',
  );
}
