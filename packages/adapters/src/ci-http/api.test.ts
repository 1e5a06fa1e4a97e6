import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { minute, second } from '@image-factory/core/time.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApi, type Api, type ApiOptions, type ApiRequest } from './api.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).toReversed()) await close();
});

let slept: number[];
let clock: Clock;
beforeEach(() => {
  vi.stubEnv('no_proxy', '127.0.0.1,localhost');
  slept = [];
  let passed = 0;
  clock = {
    now: () => Date.UTC(2026, 0, 1) + passed,
    monotonic: () => passed,
    sleep: async (duration, signal) => {
      signal?.throwIfAborted();
      slept.push(duration);
      passed += duration;
    },
  };
});

async function listen(
  answer: Answer,
): Promise<{ url: string; seen: string[]; headers: IncomingMessage['headers'][] }> {
  const seen: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push(`${request.method} ${request.url}`);
      headers.push(request.headers);
      answer(request, response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, headers };
}

function api(url: string, more: Partial<ApiOptions> = {}): Api {
  const made = createApi({ provider: 'github', url, ca: undefined, clock, random: () => 0.5, ...more });
  closers.push(() => made.close());
  return made;
}

async function problemOfSend(made: Api, request: ApiRequest) {
  const thrown: unknown = await made.send(request).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof FactoryError)) throw new Error(`expected a problem, got ${String(thrown)}`);
  return thrown.problem;
}

function answering(...statuses: readonly (number | [number, Record<string, string>])[]): Answer {
  let count = 0;
  return (_request, response) => {
    const next = statuses[Math.min(count++, statuses.length - 1)] ?? 200;
    const [status, headers] = typeof next === 'number' ? [next, {}] : next;
    response.writeHead(status, headers).end('{"ok":true}');
  };
}

describe('requests', () => {
  it('go below the root with their query, headers and body', async () => {
    let got = '';
    const server = await listen((_request, response, body) => {
      got = body;
      response.writeHead(201, { 'x-a': ['1', '2'] }).end('{"id":7}');
    });
    const answer = await api(`${server.url}/api/v3`).send({
      method: 'POST',
      path: '/x',
      query: { a: 'b c', n: 1, none: undefined },
      headers: { authorization: 'Bearer t' },
      json: { k: 'v' },
    });
    expect(server.seen).toEqual(['POST /api/v3/x?a=b+c&n=1']);
    expect(server.headers[0]).toMatchObject({
      authorization: 'Bearer t',
      'content-type': 'application/json',
      'user-agent': 'image-factory',
    });
    expect([answer.status, answer.json(), answer.headers['x-a'], got]).toEqual([
      201,
      { id: 7 },
      '1, 2',
      '{"k":"v"}',
    ]);
  });

  it('to another origin are refused before anything is sent', async () => {
    const server = await listen(answering(200));
    const other = await listen(answering(200));
    const problem = await problemOfSend(api(server.url), { method: 'GET', path: `${other.url}/x` });
    expect(problem.code).toBe('CI_INVALID');
    expect(other.seen).toEqual([]);
  });

  it('answer every status below 500', async () => {
    const server = await listen(answering(422, 404, 409));
    const made = api(server.url);
    const statuses = [];
    for (let index = 0; index < 3; index++)
      statuses.push((await made.send({ method: 'POST', path: '/x' })).status);
    expect(statuses).toEqual([422, 404, 409]);
  });

  it('say of an answer that is no JSON what it begins with', async () => {
    const server = await listen((_request, response) => void response.end('<html>Log in'));
    const answer = await api(server.url).send({ method: 'GET', path: '/' });
    expect(() => answer.json()).toThrow(/200 without JSON: "<html>Log in"/);
  });
});

describe('what is repeated', () => {
  it('a read, three times in all, with growing pauses', async () => {
    const server = await listen(answering(502));
    const problem = await problemOfSend(api(server.url), { method: 'GET', path: '/x' });
    expect(problem).toMatchObject({ code: 'CI_UNREACHABLE' });
    expect(problem.message).toContain('answered 502');
    expect(server.seen.length).toBe(3);
    expect(slept).toEqual([second / 2, second]);
  });

  it('a read whose connection ends, until it is answered', async () => {
    let count = 0;
    const server = await listen((request, response) => {
      if (++count < 3) request.socket.destroy();
      else response.end('{}');
    });
    expect((await api(server.url).send({ method: 'GET', path: '/x' })).status).toBe(200);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'] as const)('never a %s, whatever comes of it', async (method) => {
    for (const status of [500, 502, 503, 504]) {
      const server = await listen(answering(status));
      expect((await problemOfSend(api(server.url), { method, path: '/x' })).code).toBe('CI_UNREACHABLE');
      expect(server.seen.length).toBe(1);
    }
    const lost = await listen((request) => void request.socket.destroy());
    expect((await problemOfSend(api(lost.url), { method, path: '/x' })).code).toBe('CI_UNREACHABLE');
    expect(lost.seen.length).toBe(1);
  });

  it('nothing once its caller has given up', async () => {
    const stop = new AbortController();
    const server = await listen((_request, response) => {
      stop.abort(new Error('stopped'));
      response.writeHead(502).end();
    });
    const sent = api(server.url).send({ method: 'GET', path: '/x', signal: stop.signal });
    await expect(sent).rejects.toThrow('stopped');
    expect(server.seen.length).toBe(1);
  });
});

describe('limits', () => {
  it('a read waits for its end, a create is refused without being sent', async () => {
    const server = await listen(answering([403, { 'retry-after': '30' }], 200));
    const made = api(server.url);
    expect(await problemOfSend(made, { method: 'POST', path: '/x' })).toMatchObject({ code: 'CI_THROTTLED' });
    const again = await problemOfSend(made, { method: 'POST', path: '/x' });
    expect(again.message).toContain('not asked: it wants a pause of 30 s more');
    expect(server.seen.length).toBe(1);
    expect((await made.send({ method: 'GET', path: '/x' })).status).toBe(200);
    expect(slept).toEqual([30 * second]);
    expect((await made.send({ method: 'POST', path: '/x' })).status).toBe(200);
  });

  it('a long one is not waited for by anybody', async () => {
    const server = await listen(answering([429, { 'retry-after': '600' }]));
    expect(await problemOfSend(api(server.url), { method: 'GET', path: '/x' })).toMatchObject({
      code: 'CI_THROTTLED',
    });
    expect(slept).toEqual([]);
    expect(server.seen.length).toBe(1);
  });

  it('that name no time are waited for longer each time', async () => {
    const server = await listen(answering(429));
    const made = api(server.url);
    await problemOfSend(made, { method: 'POST', path: '/x' });
    await clock.sleep(minute);
    expect((await problemOfSend(made, { method: 'POST', path: '/x' })).message).toContain('again in 120 s');
  });

  it('that a create used up hold back what comes next, and the create has succeeded', async () => {
    const reset = String(Date.UTC(2026, 0, 1, 0, 5) / 1000);
    const headers = {
      date: 'Thu, 01 Jan 2026 00:00:00 GMT',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': reset,
    };
    const server = await listen(answering([201, headers]));
    const made = api(server.url);
    expect((await made.send({ method: 'POST', path: '/x' })).status).toBe(201);
    expect((await problemOfSend(made, { method: 'GET', path: '/x' })).code).toBe('CI_THROTTLED');
  });
});

describe('what a server may not do', () => {
  it('send a credential elsewhere by a redirect', async () => {
    const other = await listen(answering(200));
    const server = await listen((_request, response) => {
      response.writeHead(302, { location: `${other.url}/steal` }).end();
    });
    const answer = await api(server.url).send({
      method: 'GET',
      path: '/x',
      headers: { authorization: 'Bearer t' },
    });
    expect(answer.status).toBe(302);
    expect(other.seen).toEqual([]);
  });

  it('but it may send a read elsewhere on itself, and a create only by 307 and 308', async () => {
    const redirect =
      (status: number): Answer =>
      (request, response) => {
        if (request.url === '/new') response.end('{}');
        else response.writeHead(status, { location: '/new' }).end();
      };
    const moved = await listen(redirect(301));
    expect((await api(moved.url).send({ method: 'GET', path: '/old' })).status).toBe(200);
    expect((await api(moved.url).send({ method: 'POST', path: '/old' })).status).toBe(301);
    const kept = await listen(redirect(307));
    expect((await api(kept.url).send({ method: 'POST', path: '/old', json: {} })).status).toBe(200);
    expect(kept.seen).toEqual(['POST /old', 'POST /new']);
  });

  it('redirect for ever', async () => {
    const server = await listen((_request, response) => {
      response.writeHead(302, { location: '/x' }).end();
    });
    expect((await api(server.url).send({ method: 'GET', path: '/x' })).status).toBe(302);
    expect(server.seen.length).toBe(4);
  });

  it('fill the memory', async () => {
    const server = await listen((_request, response) => {
      const part = Buffer.alloc(1024 * 1024, 'a');
      let sent = 0;
      const more = (): void => {
        if (++sent > 40) response.end();
        else response.write(part, more);
      };
      more();
    });
    const problem = await problemOfSend(api(server.url), { method: 'GET', path: '/x' });
    expect(problem).toMatchObject({ code: 'CI_INVALID' });
    expect(server.seen.length).toBe(1);
  });

  it('keep us waiting: neither for the headers nor for the rest of the body', async () => {
    const silent = await listen(() => undefined);
    const dripping = await listen((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('a'), 20);
      response.on('close', () => clearInterval(drip));
    });
    for (const { url } of [silent, dripping]) {
      const problem = await problemOfSend(api(url, { timeout: 200 }), { method: 'POST', path: '/x' });
      expect(problem).toMatchObject({ code: 'CI_UNREACHABLE' });
      expect(problem.message).toContain('no answer in time');
    }
  });

  it('get a credential into a message', async () => {
    const server = await listen(answering(500));
    const secret = 'ghp_0123456789abcdefghij';
    for (const headers of [{ authorization: `Bearer ${secret}` }, { authorization: `Bearer ${secret}\n` }]) {
      const problem = await problemOfSend(api(server.url), {
        method: 'POST',
        path: '/x',
        query: { token: secret },
        headers,
      });
      expect(JSON.stringify(problem)).not.toContain(secret);
    }
  });
});

describe('the way out', () => {
  it('leads through the proxy of the environment, but for no_proxy', async () => {
    const server = await listen(answering(200));
    const tunnels: string[] = [];
    const proxy = createServer((request, response) => {
      tunnels.push(`${request.method} ${request.url}`);
      response.end('{}');
    });
    proxy.on('connect', (request, socket) => {
      tunnels.push(`CONNECT ${request.url}`);
      const [host, port] = (request.url ?? '').split(':');
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        onward.pipe(socket);
        socket.pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    closers.push(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    vi.stubEnv('http_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv('no_proxy', '');
    expect((await api(server.url).send({ method: 'GET', path: '/x' })).status).toBe(200);
    expect(tunnels.length).toBe(1);
    vi.stubEnv('no_proxy', '127.0.0.1');
    expect((await api(server.url).send({ method: 'GET', path: '/x' })).status).toBe(200);
    expect(tunnels.length).toBe(1);
  });

  it('trusts a private server by its certificate, and only with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ci-http-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        key,
        '-out',
        cert,
        ...subject,
      ],
      { stdio: 'ignore' },
    );
    const server = createTlsServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (_request, response) => {
        response.end('{"private":true}');
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const trusted = await api(url, { ca: cert }).send({ method: 'GET', path: '/' });
    expect(trusted.json()).toEqual({ private: true });
    const problem = await problemOfSend(api(url), { method: 'POST', path: '/' });
    expect(problem).toMatchObject({ code: 'CI_UNREACHABLE' });
    expect(problem.message).toMatch(/SELF_SIGNED|DEPTH_ZERO/);
    const missing = await problemOfSend(api(url, { ca: join(folder, 'none.pem') }), {
      method: 'GET',
      path: '/',
    });
    expect(missing).toMatchObject({ code: 'CREDENTIALS' });
    expect(missing.message).toContain('none.pem cannot be read');
  });
});
