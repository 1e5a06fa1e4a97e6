import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ShownRequest } from '@image-factory/core/ports/proposals.ts';
import { at, linkAt, textAt } from '../ci-http/fields.ts';
import { openedRequest, openOrNewest, shownRequest, type ForgeRequests } from '../ci-runs/forge-requests.ts';
import { firstSecret } from '../ci-runs/first-secret.ts';
import { createRequestCalls } from '../ci-runs/request-calls.ts';
import type { GiteaOptions } from './create-gitea.ts';
import { forgejo, gitea } from './dialect.ts';
import { repositoryPath } from './repository-path.ts';

const pageSize = 50;
/** Lists cannot be asked for one branch, so the newest requests of the repository are looked through. */
const mostPages = 20;

/** Pull requests of Gitea and Forgejo. Needs a token with the scopes write:repository and write:issue. */
export function createGiteaRequests({ provider, settings, api, secrets }: GiteaOptions): ForgeRequests {
  const { tokenVariable } = provider === 'gitea' ? gitea : forgejo;

  const token = async (): Promise<string> =>
    (await firstSecret(secrets, settings.token, [tokenVariable], settings.url)).text;
  const pathOf = (image: ManagedEnrolment): string => repositoryPath(api, settings, image);
  const { ask, change } = createRequestCalls({
    api,
    repositoryOf: pathOf,
    rootOf: (path) => `/api/v1/repos/${path}`,
    token,
    scheme: 'token',
    speaker: 'the server',
    deniedHint:
      'Check source.repo, and that the token is not expired and has the scopes write:repository and write:issue.',
  });

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
      return token();
    },

    async find(image, branch, signal) {
      return (await search(image, branch, 'open', signal)) ?? search(image, branch, 'closed', signal);
    },

    async create(image, branch, into, { title, body }) {
      const json = { head: branch, base: into, title, body };
      const { answer, refused } = await ask(image, { method: 'POST', path: '/pulls', json });
      if (answer.status === 409) return undefined;
      if (answer.status >= 300) throw refused(`no pull request of ${branch} was opened`);
      return openedRequest(shownOf(answer.json()), api, 'pull request');
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
  return shownRequest({
    number: at(value, 'number'),
    url: linkAt(value, 'html_url'),
    state: at(value, 'merged') === true ? 'merged' : textAt(value, 'state') === 'open' ? 'open' : 'closed',
    title: textAt(value, 'title'),
    body: textAt(value, 'body'),
  });
}
