import { thing } from './github-answers.ts';
import { gitRef, refusal } from './github-replies.ts';
import { route, type Route } from './github-routes.ts';
import type { GithubRepository } from './github-state.ts';
import type { ForgeReply } from './serve-forge.ts';

/** Blobs and refs of a repository: claims are made of them. */
export const gitRoutes: readonly Route[] = [
  route(
    'contents',
    'POST',
    '/git/blobs',
    ({ repository }, body) => {
      const sha = repository.putBlob(typeof body['content'] === 'string' ? body['content'] : '');
      return { status: 201, body: { url: `https://github.test/blobs/${sha}`, sha } };
    },
    { fields: ['content', 'encoding'] },
  ),
  route('contents', 'GET', '/git/blobs/([0-9a-f]{40})', ({ repository, parts }) => {
    const content = repository.blobs.get(parts[0] ?? '');
    if (content === undefined) return refusal(404, 'Not Found');
    const encoded = Buffer.from(content).toString('base64');
    return { status: 200, body: thing('blob', { content: encoded, encoding: 'base64', sha: parts[0] }) };
  }),
  route('contents', 'POST', '/git/refs', ({ repository }, body) => createRef(repository, body), {
    fields: ['ref', 'sha'],
  }),
  route('contents', 'GET', '/git/ref/(.+)', ({ repository, parts }) => {
    const ref = `refs/${decodeURIComponent(parts[0] ?? '')}`;
    const sha = repository.refs.get(ref);
    return sha === undefined ? refusal(404, 'Not Found') : { status: 200, body: gitRef(ref, sha) };
  }),
];

function createRef(repository: GithubRepository, body: Readonly<Record<string, unknown>>): ForgeReply {
  const ref = String(body['ref']);
  const sha = String(body['sha']);
  if (!/^refs\/.+\/.+/.test(ref))
    return refusal(422, 'Reference name must start with refs/ and have two slashes');
  if (!repository.blobs.has(sha)) return refusal(422, 'Object does not exist');
  return repository.createRef(ref, sha)
    ? { status: 201, body: gitRef(ref, sha) }
    : refusal(422, 'Reference already exists');
}
