import type { ChangeRequest, ChangeRequests } from './change-requests.ts';
import type { ForgeHandler, ForgeReply } from './serve-forge.ts';
import type { Shape } from './shape.ts';
import { answerStrictly, type Route } from './strict-routes.ts';

/** By hand from GitLab's documentation "Merge requests API" and "Notes API": the fields in use. */
const mergeRequestShape: Shape = {
  fields: {
    id: 'number',
    iid: 'number',
    project_id: 'number',
    source_project_id: 'number',
    target_project_id: 'number',
    title: 'text',
    description: 'text?',
    state: 'text',
    source_branch: 'text',
    target_branch: 'text',
    sha: 'text',
    web_url: 'text',
    created_at: 'text',
  },
};

const projectId = 42;

export function gitlabRequests(store: ChangeRequests, prefix = ''): ForgeHandler {
  const { repo, token, writes = true } = store.options;
  const root = '/api/v4/projects/([^/]+)/merge_requests';
  const states = { open: 'opened', merged: 'merged', closed: 'closed' } as const;

  function told({ number, title, body, state, branch, into }: ChangeRequest): Record<string, unknown> {
    return {
      id: 9000 + number,
      iid: number,
      project_id: projectId,
      source_project_id: projectId,
      target_project_id: projectId,
      title,
      description: body,
      state: states[state],
      source_branch: branch,
      target_branch: into,
      sha: store.heads.get(branch) ?? 'c0ffee',
      web_url: `https://gitlab.test${prefix}/${repo}/-/merge_requests/${number}`,
      created_at: new Date(number * 1000).toISOString(),
    };
  }
  const notFound: ForgeReply = { status: 404, body: { message: '404 Not found' } };
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: new RegExp(`^${root}$`),
      query: ['source_branch', 'target_branch', 'state', 'order_by', 'sort', 'per_page', 'page'],
      answers: { 200: { list: mergeRequestShape } },
      answer: (_, { query }) => {
        const shown = store.all
          .map(told)
          .filter((each) => [null, each['source_branch']].includes(query.get('source_branch')))
          .filter((each) => [null, each['target_branch']].includes(query.get('target_branch')))
          .filter((each) => [null, 'all', each['state']].includes(query.get('state')));
        const ordered = query.get('sort') === 'asc' ? shown : shown.toReversed();
        return { status: 200, body: ordered.slice(0, Number(query.get('per_page') ?? 20)) };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}$`),
      body: {
        fields: {
          source_branch: 'text',
          target_branch: 'text',
          title: 'text',
          description: 'text',
          remove_source_branch: 'flag?',
        },
      },
      answers: { 201: mergeRequestShape },
      answer: (_, request) => {
        const given = request.json as Record<string, string>;
        const branch = given['source_branch'] ?? '';
        if (!store.hasBranch(branch))
          return { status: 400, body: { message: { source_branch: ['does not exist'] } } };
        if (store.isOpen(branch))
          return {
            status: 409,
            body: { message: [`Another open merge request already exists for this source branch: !1`] },
          };
        const made = {
          branch,
          into: given['target_branch'] ?? '',
          title: given['title'] ?? '',
          body: given['description'] ?? '',
        };
        return store.make(made, (each) => ({ status: 201, body: told(each) }));
      },
    },
    {
      method: 'GET',
      path: new RegExp(`^${root}/(\\d+)$`),
      answers: { 200: mergeRequestShape },
      answer: ([, number]) => {
        const found = store.at(number);
        return found ? { status: 200, body: told(found) } : notFound;
      },
    },
    {
      method: 'PUT',
      path: new RegExp(`^${root}/(\\d+)$`),
      body: { fields: { title: 'text?', description: 'text?', state_event: 'text?' } },
      answers: { 200: mergeRequestShape },
      answer: ([, number], request) => {
        const found = store.at(number);
        if (!found) return notFound;
        const { title, description, state_event: event } = request.json as Record<string, string | undefined>;
        if (title !== undefined) found.title = title;
        if (description !== undefined) found.body = description;
        if (event === 'close') found.state = 'closed';
        return { status: 200, body: told(found) };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^${root}/(\\d+)/notes$`),
      body: { fields: { body: 'text' } },
      answers: { 201: { fields: { id: 'number', body: 'text' } } },
      answer: ([, number], request) => {
        const found = store.at(number);
        if (!found) return notFound;
        found.comments.push((request.json as { body: string }).body);
        return { status: 201, body: { id: 1, body: found.comments.at(-1) } };
      },
    },
  ];

  return async (request) => {
    if (request.headers['authorization'] !== `Bearer ${token}`)
      return { status: 401, body: { message: '401 Unauthorized' } };
    if (!writes && request.method !== 'GET')
      return { status: 403, body: { error: 'insufficient_scope', error_description: 'scope api is needed' } };
    const path = request.path.slice(prefix.length);
    const [, id] = /^\/api\/v4\/projects\/([^/]+)/.exec(path) ?? [];
    if (!request.path.startsWith(prefix) || decodeURIComponent(id ?? '') !== repo)
      return { status: 404, body: { message: '404 Project Not Found' } };
    return answerStrictly(routes, request, path, store.mistakes);
  };
}
