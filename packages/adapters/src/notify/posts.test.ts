import { createHmac } from 'node:crypto';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Message, Notifier } from '@image-factory/core/ports/notifier.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSlackNotifier, escapeSlack } from './slack.ts';
import { closeServers, common, listen, message, never, secretsOf } from './test-channels.ts';
import { createWebhookNotifier } from './webhook.ts';

beforeEach(() => vi.stubEnv('no_proxy', '127.0.0.1'));
afterEach(() => {
  vi.unstubAllEnvs();
  closeServers();
});

const secretPath = '/services/T000/B000/verysecret';

function slack(url: string): Notifier {
  const address = { kind: 'env', name: 'SLACK' } as const;
  return createSlackNotifier({ ...common, kind: 'slack', address }, { secrets: secretsOf({ SLACK: url }) });
}

function webhook(address: string, key?: string): Notifier {
  const sign =
    key === undefined ? undefined : { header: 'X-Sig', secret: { kind: 'env', name: 'KEY' } as const };
  return createWebhookNotifier(
    { ...common, kind: 'webhook', address, sign },
    { secrets: secretsOf(key === undefined ? {} : { KEY: key }) },
  );
}

async function failureOf(work: Promise<unknown>) {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof FactoryError) return thrown.problem;
  throw new Error(`expected a problem, got ${String(thrown)}`);
}

describe('slack', () => {
  it('gets text in its form, ten messages at once, and each is said to be told', async () => {
    const server = await listen((_seen, response) => void response.end('ok'));
    const told: Message[] = [];
    const messages = Array.from({ length: 12 }, (_, index) => message({ title: `app-${index}` }));
    await slack(server.url + secretPath).tell(messages, (one) => void told.push(one), never);
    expect(told).toEqual(messages);
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST ${secretPath}`,
      `POST ${secretPath}`,
    ]);
    const { text } = JSON.parse(server.seen[1]?.body ?? '') as { text: string };
    expect(text.split('\n').slice(0, 4)).toEqual([
      ':red_circle: app-10',
      'since: 2026-06-01T12:00:00Z',
      'next try: not before a person clears it',
      'what to do: image-factory release app',
    ]);
  });

  it('calls nobody and links nothing for what others wrote', async () => {
    const server = await listen((_seen, response) => void response.end('ok'));
    const title = 'x <!channel> <https://evil|ok> @all [a](https://evil)\n\u202e& \u0007';
    await slack(server.url).tell([message({ title, error: '<@U123>\n<!here>' })], () => undefined, never);
    const { text } = JSON.parse(server.seen[0]?.body ?? '') as { text: string };
    expect(text).not.toMatch(/<|>|@(?!\u200b)|\]\(|\u202e/);
    expect(text).toContain('&lt;!channel&gt;');
    expect(escapeSlack('a'.repeat(900), 100)).toHaveLength(100);
  });

  it('keeps its address out of every message', async () => {
    const refusing = await listen((seen, response) => {
      response.writeHead(404).end(`no_service at ${seen.path}`);
    });
    const silent = 'http://127.0.0.1:1';
    for (const url of [refusing.url, silent]) {
      const problem = await failureOf(slack(url + secretPath).tell([message()], () => undefined, never));
      expect(problem.code).toBe('NOTIFY_FAILED');
      expect(JSON.stringify(problem)).not.toContain('verysecret');
    }
    expect((await failureOf(slack('no address verysecret').check(never))).message).not.toContain(
      'verysecret',
    );
  });
});

describe('webhook', () => {
  it('gets every field, signed over the very bytes', async () => {
    const server = await listen((_seen, response) => void response.writeHead(202).end());
    const one = message({ error: 'line 1\nline 2', log: 'https://ci.test/1', times: 3, issue: '7' });
    await webhook(`${server.url}/hook`, 'key').tell([one], () => undefined, never);
    const [seen] = server.seen;
    const expected = createHmac('sha256', 'key')
      .update(seen?.body ?? '')
      .digest('hex');
    expect(seen?.headers['x-sig']).toBe(`sha256=${expected}`);
    expect(seen?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      version: 1,
      channel: 'team',
      messages: [
        {
          id: one.id,
          thread: one.thread,
          phase: 'raised',
          type: 'base-drift',
          severity: 'error',
          at: '2026-06-01T12:00:00Z',
          since: '2026-06-01T12:00:00Z',
          title: one.title,
          image: 'app',
          times: 3,
          error: 'line 1\nline 2',
          log: 'https://ci.test/1',
          next: one.next,
          advice: one.advice,
        },
      ],
    });
  });

  it('is not followed to another host', async () => {
    const other = await listen((_seen, response) => void response.end());
    const server = await listen((_seen, response) => {
      response.writeHead(307, { location: `${other.url}/steal` }).end();
    });
    const told = vi.fn<() => void>();
    const problem = await failureOf(webhook(server.url, 'key').tell([message()], told, never));
    expect(problem.message).toContain('answered 307');
    expect([other.seen.length, server.seen.length, told.mock.calls.length]).toEqual([0, 1, 0]);
  });

  it('is asked once, whatever it answers', async () => {
    for (const status of [400, 429, 500, 503]) {
      const server = await listen((_seen, response) => void response.writeHead(status).end());
      const problem = await failureOf(webhook(server.url).tell([message()], () => undefined, never));
      expect(problem).toMatchObject({ code: 'NOTIFY_FAILED', subject: { kind: 'factory' } });
      expect(server.seen.length).toBe(1);
    }
  });

  it('that hangs is left when it is asked to stop', async () => {
    const server = await listen(() => undefined);
    const stop = AbortSignal.timeout(100);
    await expect(webhook(server.url).tell([message()], () => undefined, stop)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  it('tells what arrived before one did not', async () => {
    let count = 0;
    const server = await listen((_seen, response) => {
      response.writeHead(++count === 1 ? 200 : 500).end();
    });
    const told: string[] = [];
    const messages = Array.from({ length: 60 }, (_, index) => message({ id: String(index) }));
    await failureOf(webhook(server.url).tell(messages, ({ id }) => void told.push(id), never));
    expect(told).toHaveLength(50);
  });
});
