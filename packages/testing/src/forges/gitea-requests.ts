import type { ChangeRequest, ChangeRequests } from './change-requests.ts';
import type { ForgeHandler, ForgeReply } from './serve-forge.ts';
import type { Shape } from './shape.ts';
import { answerStrictly, type Route } from './strict-routes.ts';

const endShape: Shape = {
  fields: { label: 'text', ref: 'text', sha: 'text', repo_id: 'number', repo: 'anything' },
};

/** By hand from the API description of Gitea and Forgejo (the same in both): the fields in use. */
const pullShape: Shape = {
  fields: {
    id: 'number',
    number: 'number',
    title: 'text',
    body: 'text',
    state: 'text',
    merged: 'flag',
    html_url: 'text',
    head: endShape,
    base: endShape,
  },
};

/** Pull requests of Gitea or Forgejo: lists cannot be asked for one branch. */
export function giteaRequests(store: ChangeRequests, largestPage = 50): ForgeHandler {
  const { repo, token, writes = true } = store.options;
  const root = `/api/v1/repos/${repo}`;
  const endOf = (ref: string): unknown => ({
    label: ref,
    ref,
    sha: 'c0ffee',
    repo_id: 9,
    repo: { id: 9, full_name: repo },
  });
  const told = ({ number, title, body, state, branch, into }: ChangeRequest): unknown => ({
    id: 500 + number,
    number,
    title,
    body,
    state: state === 'open' ? 'open' : 'closed',
    merged: state === 'merged',
    html_url: `https://git.test/${repo}/pulls/${number}`,
    head: endOf(branch),
    base: endOf(into),
  });
  const notFound: ForgeReply = { status: 404, body: { message: "The target couldn't be found." } };
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: new RegExp(`^${root}/pulls$`),
      query: ['state', 'sort', 'page', 'limit'],
      answers: { 200: { list: pullShape } },
      answer: (_, { query }) => {
        const state = query.get('state') ?? 'open';
        const shown = store.all
          .filter((request) => state === 'all' || (request.state === 'open') === (state === 'open'))
          .toReversed();
        const size = Math.min(largestPage, Number(query.get('limit') ?? 30));
        const from = (Number(query.get('page') ?? 1) - 1) * size;
        return { status: 200, body: shown.slice(from, from + size).map(told) };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/pulls$`),
      body: { fields: { head: 'text', base: 'text', title: 'text', body: 'text' } },
      answers: { 201: pullShape },
      answer: (_, request) => {
        const { head = '', base = '', title = '', body = '' } = request.json as Record<string, string>;
        if (!store.hasBranch(head)) return notFound;
        if (store.isOpen(head))
          return {
            status: 409,
            body: { message: `pull request already exists for these targets [id: 1, head_branch: ${head}]` },
          };
        return store.make({ branch: head, into: base, title, body }, (made) => ({
          status: 201,
          body: told(made),
        }));
      },
    },
    {
      method: 'PATCH',
      path: new RegExp(`^${root}/pulls/(\\d+)$`),
      body: { fields: { title: 'text?', body: 'text?', state: 'text?' } },
      answers: { 201: pullShape },
      answer: ([number], request) => {
        const found = store.at(number);
        if (!found) return notFound;
        const { title, body, state } = request.json as Record<string, string | undefined>;
        if (title !== undefined) found.title = title;
        if (body !== undefined) found.body = body;
        if (state === 'closed') found.state = 'closed';
        return { status: 201, body: told(found) };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/issues/(\\d+)/comments$`),
      body: { fields: { body: 'text' } },
      answers: { 201: { fields: { id: 'number', body: 'text' } } },
      answer: ([number], request) => {
        const found = store.at(number);
        if (!found) return notFound;
        found.comments.push((request.json as { body: string }).body);
        return { status: 201, body: { id: 1, body: found.comments.at(-1) } };
      },
    },
  ];

  return async (request) => {
    if (request.headers['authorization'] !== `token ${token}`)
      return { status: 401, body: { message: 'invalid username, password or token' } };
    if (!writes && request.method !== 'GET')
      return { status: 403, body: { message: 'token does not have at least one of required scope(s)' } };
    return answerStrictly(routes, request, request.path, store.mistakes);
  };
}
