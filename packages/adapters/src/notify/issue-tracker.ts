import type { Api, ApiAnswer, ApiRequest } from '../ci-http/api.ts';
import { at, idAt, listAt, quoted, textAt } from '../ci-http/fields.ts';

export interface KnownIssue {
  readonly number: string;
  readonly open: boolean;
}

/** Issues of one repository. Throws a FactoryError where the server does not do it. */
export interface IssueTracker {
  /** Open issues that hold the text in their body and were made at this time or later, oldest first. */
  find(text: string, since: number, signal: AbortSignal): Promise<readonly string[]>;
  /** Undefined: there is no such issue any more. */
  read(number: string, signal: AbortSignal): Promise<KnownIssue | undefined>;
  create(title: string, body: string, signal: AbortSignal): Promise<string>;
  comment(number: string, body: string, signal: AbortSignal): Promise<void>;
  close(number: string, signal: AbortSignal): Promise<void>;
}

export interface TrackerOptions {
  readonly provider: 'github' | 'gitlab';
  readonly repo: string;
  readonly labels: readonly string[];
  readonly api: Api;
  /** Made anew for each request: tokens are renewed. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

const perPage = 100;
const mostPages = 10;

export function createIssueTracker(options: TrackerOptions): IssueTracker {
  const { provider, repo, api, labels, headers } = options;
  const forge = provider === 'github' ? github(repo, labels) : gitlab(repo, labels);

  async function ask(request: ApiRequest, ...expected: readonly number[]): Promise<ApiAnswer> {
    const answer = await api.send({ ...request, headers: { ...forge.headers, ...(await headers()) } });
    if (expected.includes(answer.status)) return answer;
    const code =
      answer.status === 401 || answer.status === 403 || answer.status === 404 ? 'CI_DENIED' : 'CI_INVALID';
    throw api.failure(
      code,
      `issues of ${repo}: ${request.method} answered ${answer.status} ${quoted(textAt(safeJson(answer), 'message'))}`,
      forge.need,
    );
  }

  return {
    async find(text, since, signal) {
      const found: string[] = [];
      for (let page = 1; page <= mostPages; page += 1) {
        const query = { ...forge.openSince(since), per_page: perPage, page };
        const issues = listAt((await ask({ method: 'GET', path: forge.issues, query, signal }, 200)).json());
        for (const issue of issues) {
          const number = idAt(issue, forge.number);
          const isRequest = at(issue, 'pull_request') !== undefined;
          if (number !== undefined && !isRequest && textAt(issue, forge.body)?.includes(text))
            found.push(number);
        }
        if (issues.length < perPage) break;
      }
      return found.toSorted((left, right) => Number(left) - Number(right));
    },
    async read(number, signal) {
      const answer = await ask({ method: 'GET', path: `${forge.issues}/${number}`, signal }, 200, 404, 410);
      if (answer.status !== 200) return undefined;
      return { number, open: (textAt(answer.json(), 'state') ?? '').startsWith('open') };
    },
    async create(title, body, signal) {
      const answer = await ask(
        { method: 'POST', path: forge.issues, json: forge.created(title, body), signal },
        201,
      );
      const number = idAt(answer.json(), forge.number);
      if (number !== undefined) return number;
      throw api.failure('CI_INVALID', `issues of ${repo}: the new issue has no number`, forge.need);
    },
    async comment(number, body, signal) {
      await ask(
        { method: 'POST', path: `${forge.issues}/${number}/${forge.comments}`, json: { body }, signal },
        201,
      );
    },
    async close(number, signal) {
      await ask({ method: forge.change, path: `${forge.issues}/${number}`, json: forge.closed, signal }, 200);
    },
  };
}

function safeJson(answer: ApiAnswer): unknown {
  try {
    return answer.json();
  } catch {
    return undefined;
  }
}

/** What the two forges call the same things. */
interface Forge {
  readonly issues: string;
  readonly number: string;
  readonly body: string;
  readonly comments: string;
  readonly change: 'PATCH' | 'PUT';
  readonly closed: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly need: string;
  openSince(since: number): Readonly<Record<string, string>>;
  created(title: string, body: string): unknown;
}

/** https://docs.github.com/en/rest/issues/issues */
function github(repo: string, labels: readonly string[]): Forge {
  return {
    issues: `/repos/${repo.split('/').map(encodeURIComponent).join('/')}/issues`,
    number: 'number',
    body: 'body',
    comments: 'comments',
    change: 'PATCH',
    closed: { state: 'closed', state_reason: 'completed' },
    headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
    need: 'The token needs Issues: read and write on the repository, and issues must be switched on there.',
    openSince: (since) => ({ state: 'open', sort: 'created', direction: 'desc', since: isoOf(since) }),
    created: (title, body) => ({ title, body, ...(labels.length > 0 ? { labels } : {}) }),
  };
}

/** https://docs.gitlab.com/api/issues/ */
function gitlab(repo: string, labels: readonly string[]): Forge {
  return {
    issues: `/api/v4/projects/${encodeURIComponent(repo)}/issues`,
    number: 'iid',
    body: 'description',
    comments: 'notes',
    change: 'PUT',
    closed: { state_event: 'close' },
    headers: {},
    need: 'The token needs the scope api and the role Reporter (to close: Planner) in the project, and issues must be switched on there.',
    openSince: (since) => ({
      state: 'opened',
      scope: 'all',
      order_by: 'created_at',
      sort: 'desc',
      created_after: isoOf(since),
    }),
    created: (title, body) => ({
      title,
      description: body,
      ...(labels.length > 0 ? { labels: labels.join(',') } : {}),
    }),
  };
}

function isoOf(instant: number): string {
  return new Date(instant).toISOString();
}
