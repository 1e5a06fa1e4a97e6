import { FactoryError } from '@image-factory/core/problem.ts';
import type { HandedState } from '@image-factory/engine/handed.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createApp } from './app.ts';
import { TestParts } from './test-parts.ts';

const key = 'a'.repeat(32);
const bearer = { authorization: 'Bearer a-token' };
const rebuilds = '/api/v1/rebuilds';

function post(parts: TestParts, path: string, body: string, headers: Record<string, string>) {
  return createApp(parts).request(path, { method: 'POST', body, headers });
}

function start(parts: TestParts, path = `app/${key}/1`, headers: Record<string, string> = bearer) {
  return createApp(parts).request(`${rebuilds}/${path}`, { method: 'PUT', headers });
}

describe('health', () => {
  it('tells that the process lives, and whether it works', async () => {
    const parts = new TestParts();
    expect((await createApp(parts).request('/healthz')).status).toBe(200);
    expect((await createApp(parts).request('/readyz')).status).toBe(200);
    parts.why = 'the first cycle has not ended';
    const answer = await createApp(parts).request('/readyz');
    expect([answer.status, await answer.text()]).toEqual([503, 'the first cycle has not ended\n']);
    expect((await createApp(parts).request('/healthz')).status).toBe(200);
  });
});

describe('a call-back', () => {
  const signed = { 'x-signature': 'right' };

  it('that is signed wakes the loop', async () => {
    const parts = new TestParts();
    const answer = await post(parts, '/hooks/github', '{"a": 1}', signed);
    expect([answer.status, await answer.json()]).toEqual([202, { heard: 'look' }]);
    expect(parts.asked).toEqual(['look github whatever']);
    expect(parts.body).toBe('{"a": 1}');
  });

  it('about the run of no open rebuild begins nothing', async () => {
    const parts = new TestParts();
    parts.news = { kind: 'look', run: '7' };
    parts.isOpen = false;
    const answer = await post(parts, '/hooks/github', '{}', signed);
    expect(await answer.json()).toMatchObject({ heard: 'nothing' });
    expect(parts.asked).toEqual(['look github 7']);
  });

  it('whose secret cannot be read here is to be sent again, and the log says why', async () => {
    const parts = new TestParts();
    parts.news = new FactoryError({
      code: 'CREDENTIALS',
      message: 'VARIABLE holds no secret',
      hint: 'Set it.',
    });
    const answer = await post(parts, '/hooks/github', '{}', signed);
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('VARIABLE');
    expect(parts.logged).toEqual([expect.stringContaining('VARIABLE holds no secret')]);
  });

  it('that is not signed is refused, and does nothing', async () => {
    const parts = new TestParts();
    const answer = await post(parts, '/hooks/github', '{}', {});
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({ code: 'CALL_BACK_REFUSED', status: 401 });
    expect(parts.asked).toEqual([]);
  });

  it.each(['gitlab', 'local', 'constructor', '%2e%2e'])(
    'of %s, which is not set up, is refused',
    async (name) => {
      const parts = new TestParts();
      // However large: it is not read.
      const answer = await post(parts, `/hooks/${name}`, 'x'.repeat(2 * 1024 * 1024 + 1), signed);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: 'NOT_FOUND' });
      expect(parts.asked).toEqual([]);
    },
  );

  it('that reports an end is written down before it is answered', async () => {
    const parts = new TestParts();
    parts.news = { kind: 'report', key, attempt: 1, report: { status: 'success', run: '7' } };
    const answer = await post(parts, '/hooks/github', '{}', signed);
    expect([answer.status, await answer.json()]).toEqual([202, { heard: 'report', image: 'app' }]);
    expect(parts.asked).toEqual([`report github ${key} success`]);
  });

  it('about what is closed is heard, and nothing follows', async () => {
    const parts = new TestParts();
    parts.news = { kind: 'report', key, attempt: 1, report: { status: 'success', run: '7' } };
    parts.image = undefined;
    const answer = await post(parts, '/hooks/github', '{}', signed);
    expect(await answer.json()).toMatchObject({ heard: 'nothing' });
    expect(parts.asked).toEqual([`report github ${key} success`]);
  });

  it('about something else says why nothing follows', async () => {
    const parts = new TestParts();
    parts.news = { kind: 'nothing', why: 'a push' };
    const answer = await post(parts, '/hooks/github', '{}', signed);
    expect([answer.status, await answer.json()]).toEqual([202, { heard: 'nothing', why: 'a push' }]);
    expect(parts.asked).toEqual([]);
  });

  it('that is too large is refused before it is read', async () => {
    const parts = new TestParts();
    const answer = await post(parts, '/hooks/github', 'x'.repeat(2 * 1024 * 1024 + 1), signed);
    expect(answer.status).toBe(413);
    expect(parts.body).toBeUndefined();
  });

  it('that cannot be written down now is to be sent again', async () => {
    const parts = new TestParts();
    parts.news = new FactoryError({
      code: 'STATE_UNREACHABLE',
      message: 'no route to 10.1.2.3',
      hint: 'Wait.',
    });
    const answer = await post(parts, '/hooks/github', '{}', signed);
    expect(answer.status).toBe(503);
    expect(JSON.stringify(await answer.json())).not.toContain('10.1.2.3');
    expect(parts.logged.join()).toContain('10.1.2.3');
  });
});

describe('rebuilds', () => {
  it.each([
    [undefined, 'Bearer a-token'],
    ['', 'Bearer '],
    ['a-token', 'Bearer a-tokem'],
    ['a-token', 'Bearer a-token-and-more'],
    ['a-token', 'Basic a-token'],
    ['a-token', undefined],
  ])('are closed with the token %o to %o', async (secret, authorization) => {
    const parts = new TestParts();
    parts.secret = secret;
    const headers = authorization === undefined ? undefined : { authorization };
    const answer = await start(parts, `app/${key}/1`, headers ?? {});
    expect([answer.status, await answer.json()]).toEqual([
      401,
      expect.objectContaining({ status: 401, code: 'USAGE', hint: expect.stringContaining('server.token') }),
    ]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    const asked = await createApp(parts).request(`${rebuilds}/app/${key}/1`, { headers: headers ?? {} });
    expect(asked.status).toBe(answer.status);
    expect(parts.asked).toEqual([]);
  });

  it.each<[HandedState, number, object]>([
    [{ kind: 'waiting' }, 200, { status: 'waiting' }],
    [
      { kind: 'running', run: '7', url: 'https://ci/7' },
      200,
      { status: 'running', run: '7', url: 'https://ci/7' },
    ],
    [
      { kind: 'ended', recorded: true, outcome: 'failure', ended: { error: 'no' } },
      200,
      { status: 'failure', error: 'no' },
    ],
    [{ kind: 'unknown' }, 404, { code: 'NOT_FOUND' }],
    [{ kind: 'waiting', why: 'run synth' }, 409, { title: 'run synth' }],
  ])('are started, and %o is told', async (state, status, body) => {
    const parts = new TestParts();
    parts.state = state;
    const answer = await start(parts);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject(body);
    expect(parts.asked).toEqual([`start app ${key}/1`]);
  });

  it('tell how they are', async () => {
    const parts = new TestParts();
    const answer = await createApp(parts).request(`${rebuilds}/app/${key}/2`, { headers: bearer });
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'running', run: '7' }]);
    expect(parts.asked).toEqual([`state app ${key}/2`]);
    parts.state = { kind: 'unknown' };
    expect((await createApp(parts).request(`${rebuilds}/app/${key}/2`, { headers: bearer })).status).toBe(
      404,
    );
  });

  it.each([
    `app/${key}`,
    `app/${key}/0`,
    `app/${key}/1.5`,
    `app/${key}/x`,
    `app/${key}/0x1`,
    `app/${key}/1e0`,
    `app/${key}/01`,
    `app/UPPER/1`,
    `app/${'a'.repeat(200)}/1`,
    `${'a'.repeat(200)}/${key}/1`,
    `app/%2e%2e/1`,
    `app/%00/1`,
  ])('are not started at %s', async (path) => {
    const parts = new TestParts();
    const { status } = await start(parts, path);
    expect(status === 400 || status === 404).toBe(true);
    expect(parts.asked).toEqual([]);
  });

  it('never start and never break by what anybody sends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.webPath(), fc.json(), async (text, path, json) => {
        const parts = new TestParts();
        for (const body of [text, json]) {
          const answers = [
            await post(parts, rebuilds, body, bearer),
            await start(parts, `${path}`),
            await post(parts, `/${path}`, body, {}),
            await createApp(parts).request(`${rebuilds}${path}`, { headers: bearer }),
          ];
          for (const { status } of answers) expect(status).toBeLessThan(500);
        }
        expect(parts.asked.filter((each) => each.startsWith('start'))).toEqual([]);
      }),
    );
  });
});

it('a bug of ours tells nobody what it is', async () => {
  const parts = new TestParts();
  parts.state = new Error('password=hunter2');
  const answer = await start(parts);
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('hunter2');
});

it('nothing is kept by proxies', async () => {
  const answer = await start(new TestParts());
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
});

it('what is not there is not found', async () => {
  const answer = await createApp(new TestParts()).request('/nothing');
  expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'NOT_FOUND' }]);
});
