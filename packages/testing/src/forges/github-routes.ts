import { refusal } from './github-replies.ts';
import type { GithubRepository, GithubToken, Permission } from './github-state.ts';
import type { ForgeCall, ForgeReply } from './serve-forge.ts';

type Body = Readonly<Record<string, unknown>>;

/** A call of one route. */
export interface Call {
  readonly request: ForgeCall;
  readonly repository: GithubRepository;
  readonly parts: readonly string[];
}

/** What one address answers, to whom, and which words it knows. */
export interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly needs: Permission;
  readonly fields?: readonly string[];
  readonly query?: readonly string[];
  readonly answer: (call: Call, body: Body) => ForgeReply | 'lost';
}

const repo = String.raw`^/repos/([\w.-]+/[\w.-]+)`;

/** A route below a repository. */
export function route(
  needs: Permission,
  method: string,
  path: string,
  answer: Route['answer'],
  more: Pick<Route, 'fields' | 'query'> = {},
): Route {
  return { needs, method, path: new RegExp(`${repo}${path}$`), answer, ...more };
}

export interface Asking {
  readonly request: ForgeCall;
  readonly repository: GithubRepository;
  readonly token: GithubToken;
  readonly body: Body;
}

/** What the token may not, and words that the route does not know. */
export function refusedCall(
  route: Route,
  { request, repository, token, body }: Asking,
): ForgeReply | undefined {
  const wanted = route.method === 'GET' ? 'read' : 'write';
  const has = route.needs === 'metadata' ? 'write' : token.permissions[route.needs];
  if (has !== 'write' && has !== wanted) {
    const permission = `${route.needs}=${wanted}`;
    const reply = refusal(403, `Resource not accessible by ${token.owner ?? 'personal access token'}`);
    return { ...reply, headers: { 'x-accepted-github-permissions': permission } };
  }
  if (repository.archived && wanted === 'write')
    return refusal(403, 'Repository was archived so is read-only.');
  const strange = [...request.query.keys()].find((name) => !(route.query ?? []).includes(name));
  if (strange !== undefined) return refusal(422, `Invalid request.\n\n"${strange}" is not a parameter.`);
  const unknown = Object.keys(body).find((name) => !(route.fields ?? []).includes(name));
  if (unknown !== undefined) return refusal(422, `Invalid request.\n\n"${unknown}" is not a permitted key.`);
  return undefined;
}
