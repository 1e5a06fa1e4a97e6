import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ShownRequest } from '@image-factory/core/ports/proposals.ts';
import type { ApiAnswer, ApiRequest } from '../ci-http/api.ts';
import { at, linkAt, textAt } from '../ci-http/fields.ts';
import { openOrNewest, type ForgeRequests } from '../ci-runs/forge-requests.ts';
import { firstSecret } from '../ci-runs/first-secret.ts';
import { repositoryAt } from '../ci-runs/repository.ts';
import { said, wordsOf } from '../ci-runs/said.ts';
import type { GiteaOptions } from './create-gitea.ts';
import { forgejo, gitea } from './dialect.ts';

const pageSize = 50;
/** Lists cannot be asked for one branch, so the newest requests of the repository are looked through. */
const mostPages = 20;

/** Pull requests of Gitea and Forgejo. Needs a token with the scopes write:repository and write:issue. */
export function createGiteaRequests({ provider, settings, api, secrets }: GiteaOptions): ForgeRequests {
  const { tokenVariable } = provider === 'gitea' ? gitea : forgejo;

  function pathOf({ source }: ManagedEnrolment): string {
    const found = repositoryAt(source.repo, settings.url);
    if (found.ok && found.value.split('/').length === 2) return found.value;
    const why = found.ok ? `source.repo ${source.repo} is not owner/name` : found.error;
    throw api.failure('CI_REFUSED', why, 'Write owner/name, or its address, in source.repo.');
  }

  async function tokenFor(): Promise<string> {
    return (await firstSecret(secrets, settings.token, [tokenVariable], settings.url)).text;
  }

  async function ask(
    image: ManagedEnrolment,
    request: Pick<ApiRequest, 'method' | 'path' | 'query' | 'json' | 'signal'>,
  ): Promise<{ readonly answer: ApiAnswer; readonly refused: (what: string) => Error }> {
    const path = pathOf(image);
    const token = await tokenFor();
    const headers = { authorization: `token ${token}` };
    const answer = await api.send({ ...request, path: `/api/v1/repos/${path}${request.path}`, headers });
    const refused = (what: string): Error => {
      const denied = answer.status === 401 || answer.status === 403 || answer.status === 404;
      return api.failure(
        denied ? 'CI_DENIED' : 'CI_REFUSED',
        `${what} in ${path}; it says (${answer.status}): ${said(wordsOf(answer), [token])}`,
        denied
          ? 'Check source.repo, and that the token is not expired and has the scopes write:repository and write:issue.'
          : 'Open one of the branch by hand to see what the server says.',
      );
    };
    return { answer, refused };
  }

  async function change(
    image: ManagedEnrolment,
    request: Pick<ApiRequest, 'method' | 'path' | 'json'>,
    what: string,
  ): Promise<void> {
    const { answer, refused } = await ask(image, request);
    if (answer.status >= 300) throw refused(what);
  }

  async function search(
    image: ManagedEnrolment,
    branch: string,
    state: 'open' | 'closed',
    signal: AbortSignal | undefined,
  ): Promise<ShownRequest | undefined> {
    const repository = pathOf(image).toLowerCase();
    for (let page = 1; page <= mostPages; page += 1) {
      const query = { state, sort: 'recentupdate', limit: pageSize, page };
      const { answer, refused } = await ask(image, { method: 'GET', path: '/pulls', query, signal });
      if (answer.status !== 200) throw refused('pull requests could not be read');
      const found = answer.json();
      const entries = Array.isArray(found) ? (found as readonly unknown[]) : [];
      const own = entries
        .filter((each) => textAt(each, 'head', 'ref') === branch)
        .filter(
          (each) => (textAt(each, 'head', 'repo', 'full_name') ?? repository).toLowerCase() === repository,
        )
        .flatMap((each) => shownOf(each) ?? []);
      if (own.length > 0) return openOrNewest(own.toSorted((a, b) => b.number - a.number));
      // A server may have a smaller limit than was asked for: only an empty page is surely the last.
      if (entries.length === 0) return undefined;
    }
    return undefined;
  }

  return {
    provider,

    async gitToken(image) {
      pathOf(image);
      return tokenFor();
    },

    async find(image, branch, signal) {
      return (await search(image, branch, 'open', signal)) ?? search(image, branch, 'closed', signal);
    },

    async create(image, branch, into, { title, body }) {
      const json = { head: branch, base: into, title, body };
      const { answer, refused } = await ask(image, { method: 'POST', path: '/pulls', json });
      if (answer.status === 409) return undefined;
      if (answer.status >= 300) throw refused(`no pull request of ${branch} was opened`);
      const made = shownOf(answer.json());
      if (made) return made;
      throw api.failure(
        'CI_UNREACHABLE',
        'a pull request was opened, but the answer does not name it',
        'Nothing is to be done: it is looked for by its branch.',
      );
    },

    update: (image, number, { title, body }) =>
      change(
        image,
        { method: 'PATCH', path: `/pulls/${number}`, json: { title, body } },
        `pull request ${number} was not changed`,
      ),

    async close(image, number, comment) {
      const what = `pull request ${number} was not closed`;
      await change(
        image,
        { method: 'POST', path: `/issues/${number}/comments`, json: { body: comment } },
        what,
      );
      await change(image, { method: 'PATCH', path: `/pulls/${number}`, json: { state: 'closed' } }, what);
    },
  };
}

function shownOf(value: unknown): ShownRequest | undefined {
  const number = at(value, 'number');
  const url = linkAt(value, 'html_url');
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || url === undefined) return undefined;
  const state =
    at(value, 'merged') === true ? 'merged' : textAt(value, 'state') === 'open' ? 'open' : 'closed';
  return { number, url, state, title: textAt(value, 'title') ?? '', body: textAt(value, 'body') ?? '' };
}
