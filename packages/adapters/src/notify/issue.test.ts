import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { Message } from '@image-factory/core/ports/notifier.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApi } from '../ci-http/api.ts';
import { createIssueTracker } from './issue-tracker.ts';
import { createIssueNotifier, markOf } from './issue.ts';
import { escapeMarkdown, fenced } from './markdown.ts';
import { at, closeServers, common, listen, message, never, type Seen } from './test-channels.ts';

beforeEach(() => vi.stubEnv('no_proxy', '127.0.0.1'));
afterEach(() => {
  vi.unstubAllEnvs();
  closeServers();
});

interface FakeIssue {
  number: number;
  title: string;
  body: string;
  open: boolean;
  labels: unknown;
  createdAt: number;
  comments: string[];
}

const clock: Clock = { now: () => at, monotonic: () => 0, sleep: async () => undefined };

/** Issues of one repository, as GitHub and GitLab show them; it refuses what their descriptions do not have. */
async function forge(provider: 'github' | 'gitlab') {
  const issues: FakeIssue[] = [];
  let fault: ((seen: Seen) => number | 'lost' | undefined) | undefined;
  const root = provider === 'github' ? '/repos/acme/ops/issues' : '/api/v4/projects/acme%2Fteam%2Fops/issues';
  const shownOf = (issue: FakeIssue) =>
    provider === 'github'
      ? { number: issue.number, title: issue.title, body: issue.body, state: issue.open ? 'open' : 'closed' }
      : {
          iid: issue.number,
          title: issue.title,
          description: issue.body,
          state: issue.open ? 'opened' : 'closed',
        };

  function act(seen: Seen): readonly [number, unknown] {
    const url = new URL(seen.path, 'http://x');
    const json = (seen.body === '' ? {} : JSON.parse(seen.body)) as Record<string, string>;
    const only = (...names: string[]) => Object.keys(json).every((name) => names.includes(name));
    if (!url.pathname.startsWith(root)) return [404, { message: 'Not Found' }];
    const [, number, part] = url.pathname.slice(root.length).split('/');
    if (number === undefined && seen.method === 'GET') {
      const { searchParams: query } = url;
      if (query.get('state') !== (provider === 'github' ? 'open' : 'opened')) return [422, {}];
      const since = Date.parse(query.get(provider === 'github' ? 'since' : 'created_after') ?? '');
      const perPage = Number(query.get('per_page'));
      const page = Number(query.get('page'));
      const listed = issues.filter(({ open, createdAt }) => open && createdAt >= since).toReversed();
      return [200, listed.slice((page - 1) * perPage, page * perPage).map(shownOf)];
    }
    if (number === undefined && seen.method === 'POST') {
      const body = provider === 'github' ? json['body'] : json['description'];
      if (!only('title', 'labels', provider === 'github' ? 'body' : 'description') || !json['title'] || !body)
        return [422, {}];
      const issue = {
        number: issues.length + 1,
        title: json['title'],
        body,
        open: true,
        labels: json['labels'],
        createdAt: at,
        comments: [],
      };
      issues.push(issue);
      return [201, shownOf(issue)];
    }
    const issue = issues[Number(number) - 1];
    if (!issue) return [404, { message: 'Not Found' }];
    if (part === undefined && seen.method === 'GET') return [200, shownOf(issue)];
    if (part === undefined && seen.method === (provider === 'github' ? 'PATCH' : 'PUT')) {
      if (json['state'] !== 'closed' && json['state_event'] !== 'close') return [422, {}];
      issue.open = false;
      return [200, shownOf(issue)];
    }
    if (part === (provider === 'github' ? 'comments' : 'notes') && seen.method === 'POST' && only('body')) {
      issue.comments.push(json['body'] ?? '');
      return [201, { id: 1 }];
    }
    return [405, {}];
  }

  const server = await listen((seen, response) => {
    const token = provider === 'github' ? 'Bearer gh' : 'Bearer gl';
    if (seen.headers.authorization !== token) return void response.writeHead(401).end('{}');
    const status = fault?.(seen);
    if (typeof status === 'number') return void response.writeHead(status).end('{"message":"no"}');
    const [code, value] = act(seen);
    if (status === 'lost') return void response.destroy();
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  });
  const api = createApi({ provider, url: server.url, ca: undefined, clock, random: () => 0 });
  const repo = provider === 'github' ? 'acme/ops' : 'acme/team/ops';
  const labels = ['image-factory', 'ops'];
  const headers = async () => ({ authorization: provider === 'github' ? 'Bearer gh' : 'Bearer gl' });
  const channel = { ...common, kind: 'issue', provider, repo, labels, token: undefined } as const;
  const notifier = createIssueNotifier(channel, createIssueTracker({ provider, repo, labels, api, headers }));
  async function tell(...messages: Message[]): Promise<(string | undefined)[]> {
    const numbers: (string | undefined)[] = [];
    await notifier.tell(messages, (_message, issue) => void numbers.push(issue), never);
    return numbers;
  }
  return {
    issues,
    notifier,
    tell,
    seen: server.seen,
    fail: (next: typeof fault) => {
      fault = next;
    },
  };
}

describe.each(['github', 'gitlab'] as const)('an issue at %s', (provider) => {
  it('is opened, commented on and closed', async () => {
    const { issues, tell } = await forge(provider);
    const [issue] = await tell(message({ error: 'boom', times: 3 }));
    expect(issue).toBe('1');
    expect(issues[0]).toMatchObject({
      title: 'app: the build did not use the approved base',
      open: true,
      labels: provider === 'github' ? ['image-factory', 'ops'] : 'image-factory,ops',
    });
    expect(issues[0]?.body).toContain(markOf(message()));
    expect(issues[0]?.body).toContain('```text\nboom\n```');
    const known = { issue: '1' };
    expect(await tell(message({ phase: 'still', title: 'still', ...known }))).toEqual(['1']);
    expect(issues[0]).toMatchObject({ open: true, comments: [expect.stringContaining('still')] });
    await tell(message({ phase: 'resolved', title: 'over', ...known }));
    expect(issues[0]?.open).toBe(false);
    expect(issues[0]?.comments).toHaveLength(2);
    await tell(message({ phase: 'resolved', title: 'over', ...known }));
    expect(issues[0]?.comments).toHaveLength(2);
  });

  it('is found again where its number was lost, and never doubled', async () => {
    const { issues, tell, fail } = await forge(provider);
    fail(({ method }) => (method === 'POST' ? 'lost' : undefined));
    await expect(tell(message())).rejects.toMatchObject({ problem: { code: 'NOTIFY_FAILED' } });
    expect(issues).toHaveLength(1);
    fail(undefined);
    expect(await tell(message())).toEqual(['1']);
    await tell(message({ phase: 'resolved' }));
    expect(issues[0]?.open).toBe(false);
  });

  it('that two processes made at the same moment is one in the end', async () => {
    const { issues, tell } = await forge(provider);
    const results = await Promise.all(Array.from({ length: 5 }, () => tell(message())));
    const open = issues.filter((issue) => issue.open);
    expect(open.map(({ number }) => number)).toEqual([1]);
    expect(await tell(message())).toEqual(['1']);
    expect(results.flat().every((number) => number !== undefined)).toBe(true);
  });

  it('is found behind many others', async () => {
    const { issues, tell } = await forge(provider);
    await tell(message());
    const [first] = issues;
    for (let index = 0; index < 250; index++)
      issues.push({
        ...(first as FakeIssue),
        number: issues.length + 1,
        body: `other ${index}`,
        comments: [],
      });
    expect(await tell(message())).toEqual(['1']);
    expect(issues).toHaveLength(251);
  });

  it('that a person closed or deleted is let be at the end, and made anew while it lasts', async () => {
    const { issues, tell } = await forge(provider);
    await tell(message());
    const [issue] = issues;
    if (issue) issue.open = false;
    await tell(message({ phase: 'resolved', issue: '1' }));
    expect(issue?.comments).toEqual([]);
    await tell(message({ phase: 'resolved', issue: '99' }));
    expect(await tell(message({ phase: 'still', issue: '99' }))).toEqual(['2']);
  });

  it('that may not be made says which right is missing', async () => {
    const { tell, fail, notifier } = await forge(provider);
    fail(() => 403);
    await expect(tell(message())).rejects.toMatchObject({
      problem: { code: 'NOTIFY_FAILED', hint: expect.stringContaining('token needs') },
    });
    await expect(notifier.check(never)).rejects.toMatchObject({ problem: { code: 'NOTIFY_FAILED' } });
  });

  it('of many conditions: twenty in one cycle', async () => {
    const { issues, tell } = await forge(provider);
    const messages = Array.from({ length: 25 }, (_, index) => message({ thread: `t ${index}` }));
    expect(await tell(...messages)).toHaveLength(20);
    expect(issues).toHaveLength(20);
  });

  it('of a test is closed at once', async () => {
    const { issues, tell } = await forge(provider);
    await tell(message({ phase: 'test', type: 'test' }));
    expect(issues).toMatchObject([{ open: false }]);
  });
});

describe('words of others', () => {
  it('neither link, call nor command', () => {
    const text = escapeMarkdown('/close @acme/all [x](https://e) <img> `a` #12 !1\n# h');
    expect(text.startsWith('\u200b/close')).toBe(true);
    expect(text).not.toMatch(/@(?!\u200b)|(?<!\\)[[\]<>`#!]|\n/);
  });

  it('stay inside their fence', () => {
    const text = fenced('a\n```\n/close\n````\nb');
    expect(text.startsWith('`````text\n')).toBe(true);
    expect(text.endsWith('\n`````')).toBe(true);
    expect(fenced('x'.repeat(9000)).length).toBeLessThan(2100);
  });
});
