import { thing } from './github-answers.ts';
import { refusal } from './github-replies.ts';
import type { ChangeRequest, ChangeRequests } from './change-requests.ts';
import type { ForgeHandler, ForgeReply } from './serve-forge.ts';
import type { Shape } from './shape.ts';
import { answerStrictly, type Route } from './strict-routes.ts';

const text: Shape = 'text';

/** Pull requests of GitHub: what they answer is held against GitHub's description by the tests. */
export function githubRequests(store: ChangeRequests): ForgeHandler {
  const { repo, token, writes = true } = store.options;
  const root = `/repos/${repo}`;
  const owner = repo.split('/')[0] ?? '';

  function told(request: ChangeRequest, schema: 'pull-request' | 'pull-request-simple'): unknown {
    const { number, title, body, state, branch, into } = request;
    const at = '2026-01-01T00:00:00Z';
    const whole = thing('repository', { full_name: repo, name: repo.split('/')[1] });
    const end = { label: `${owner}:${branch}`, sha: 'c0ffee', user: thing('simple-user', {}), repo: whole };
    return thing(schema, {
      number,
      title,
      body,
      html_url: `https://github.test/${repo}/pull/${number}`,
      state: state === 'open' ? 'open' : 'closed',
      merged_at: state === 'merged' ? at : null,
      closed_at: state === 'open' ? null : at,
      ...(schema === 'pull-request' ? { merged: state === 'merged' } : {}),
      head: { ...end, sha: store.heads.get(branch) ?? end.sha, ref: branch },
      base: { ...end, label: `${owner}:${into}`, ref: into },
    });
  }

  const invalid = (message: string): ForgeReply => ({
    status: 422,
    body: { message: 'Validation Failed', errors: [{ resource: 'PullRequest', code: 'custom', message }] },
  });
  const withRequest = (
    number: string | undefined,
    answer: (request: ChangeRequest) => ForgeReply,
  ): ForgeReply => {
    const request = store.at(number);
    return request ? answer(request) : refusal(404, 'Not Found');
  };
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: new RegExp(`^${root}/pulls$`),
      query: ['head', 'base', 'state', 'sort', 'direction', 'per_page', 'page'],
      answers: { 200: 'anything' },
      answer: (_, { query }) => {
        const head = query.get('head') ?? '';
        // GitHub ignores a head without an owner, and answers with every request.
        const branch = head.includes(':') ? head.slice(head.indexOf(':') + 1) : undefined;
        const state = query.get('state') ?? 'open';
        const shown = store.all
          .filter((request) => branch === undefined || request.branch === branch)
          .filter((request) => state === 'all' || (request.state === 'open') === (state === 'open'))
          .toReversed()
          .slice(0, Number(query.get('per_page') ?? 30));
        return { status: 200, body: shown.map((request) => told(request, 'pull-request-simple')) };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/pulls$`),
      body: { fields: { title: text, head: text, base: text, body: text, maintainer_can_modify: 'flag?' } },
      answers: { 201: 'anything' },
      answer: (_, request) => {
        const { title, head, base, body } = request.json as Record<string, string>;
        const branch = head ?? '';
        if (!store.hasBranch(branch)) return invalid(`The head ref ${branch} does not exist`);
        if (store.isOpen(branch)) return invalid(`A pull request already exists for ${owner}:${branch}.`);
        return store.make({ branch, into: base ?? '', title: title ?? '', body: body ?? '' }, (made) => ({
          status: 201,
          body: told(made, 'pull-request'),
        }));
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/pulls/(\\d+)$`),
      answers: { 200: 'anything' },
      answer: ([number]) =>
        withRequest(number, (found) => ({ status: 200, body: told(found, 'pull-request') })),
    },
    {
      method: 'PATCH',
      path: new RegExp(`^${root}/pulls/(\\d+)$`),
      body: { fields: { title: 'text?', body: 'text?', state: 'text?' } },
      answers: { 200: 'anything' },
      answer: ([number], request) =>
        withRequest(number, (found) => {
          const { title, body, state } = request.json as Record<string, string | undefined>;
          if (title !== undefined) found.title = title;
          if (body !== undefined) found.body = body;
          if (state === 'closed') found.state = 'closed';
          return { status: 200, body: told(found, 'pull-request') };
        }),
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/issues/(\\d+)/comments$`),
      body: { fields: { body: text } },
      answers: { 201: 'anything' },
      answer: ([number], request) =>
        withRequest(number, (found) => {
          found.comments.push((request.json as { body: string }).body);
          return { status: 201, body: thing('issue-comment', { body: found.comments.at(-1) }) };
        }),
    },
  ];

  return async (request) => {
    const given = /^(?:Bearer|token) (.+)$/.exec(request.headers['authorization'] ?? '')?.[1];
    if (given !== token) return refusal(401, 'Bad credentials');
    if (!writes && request.method !== 'GET')
      return {
        ...refusal(403, 'Resource not accessible by personal access token'),
        headers: { 'x-accepted-github-permissions': 'pull_requests=write' },
      };
    if (!request.path.startsWith(`${root}/`)) return refusal(404, 'Not Found');
    return answerStrictly(routes, request, request.path, store.mistakes);
  };
}
