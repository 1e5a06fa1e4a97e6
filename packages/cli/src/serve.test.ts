import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makePlace, settings, type Place } from './testing/test-place.ts';
import { buildCommand, startCommand } from './testing/test-process.ts';

let main: string;
beforeAll(async () => {
  main = await buildCommand();
}, 120_000);

const callBackKey = 'the key of call-backs';
const token = 'token-of-kargo';

interface Started {
  readonly key: string;
  readonly attempt: string;
}

/** A CI system that nobody can ask: it takes starts, and what it has to say it says by itself. */
async function startCi(): Promise<{ readonly url: string; readonly started: Started[] }> {
  const started: Started[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      started.push(JSON.parse(body) as Started);
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, started };
}

async function placeAt(ci: string, more: string): Promise<Place> {
  const place = await makePlace('real');
  onTestFinished(() => place.leave());
  Object.assign(place.env, { CALL_BACK_KEY: callBackKey, API_TOKEN: token });
  await place.registry.pushImage('base/os', '1', { layers: ['os'] });
  await place.remote.commit({ 'web/Dockerfile': `FROM ${place.registry.host}/base/os:1\n` });
  await place.enrol(
    `- name: web
  repository: ${place.registry.host}/acme/web
  tags: ["1"]
  schedule: "* * * * * *"
  source: { provider: webhook, repo: "${place.remote.path}", dockerfile: web/Dockerfile }
`,
    settings(
      place,
      `server: { token: { env: API_TOKEN } }
providers:
  webhook:
    start: { url: "${ci}/start", body: '{ "key": "{{key}}", "attempt": "{{attempt}}" }' }
    callBack:
      sign: { header: X-Signature, secret: { env: CALL_BACK_KEY } }
      state: $.state
      success: [done]
      failure: [broken]
      digest: $.digest
${more}`,
    ).replace(/^timing:.*$/m, 'timing: { settle: 0s, coordinationWindow: 0s, lookAhead: 0s, interval: 1h }'),
  );
  return place;
}

/** A running server; its address. */
async function serve(place: Place): Promise<string> {
  const running = startCommand([main, '--dir', place.dir, 'serve', '--listen', '127.0.0.1:0'], {
    env: place.env,
  });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  let said = '';
  running.child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  return until(async () => /listening at (http:\S+)/.exec(said)?.[1]);
}

async function until<T>(found: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 300; tries += 1) {
    // What git reads in two steps a commit may change in between.
    const value = await found().catch(() => undefined);
    if (value !== undefined) return value;
    await sleep(100);
  }
  throw new Error('it did not happen within 30 s');
}

function callBack(server: string, told: object, key = callBackKey): Promise<Response> {
  const body = JSON.stringify(told);
  const signature = createHmac('sha256', key).update(body).digest('hex');
  return fetch(`${server}/hooks/webhook`, { method: 'POST', body, headers: { 'x-signature': signature } });
}

async function rebuildsOf(place: Place) {
  const { rebuilds = [] } = (await place.state()).images.get('web') ?? {};
  return rebuilds.map(({ attempt, outcome, digest }) => ({ attempt, outcome, digest }));
}

describe('serve', { timeout: 60_000 }, () => {
  it('hears from a system that cannot be asked how its run ended, long before the next cycle', async () => {
    const ci = await startCi();
    const place = await placeAt(ci.url, '');
    const server = await serve(place);
    const { key, attempt } = await until(async () => ci.started[0]);
    await until(async () => ((await place.state()).intents.get('web')?.run ? true : undefined));
    await until(async () => ((await fetch(`${server}/readyz`)).ok ? true : undefined));
    const { digest } = (await place.registry.pushImage('acme/web', '1', { layers: ['os', 'web'] }))
      .descriptor;
    const told = { key, attempt, state: 'done', digest };
    expect((await callBack(server, told, 'another key')).status).toBe(401);
    expect(await (await callBack(server, { ...told, key: 'f'.repeat(32) })).json()).toMatchObject({
      heard: 'nothing',
    });
    const answers = await Promise.all([callBack(server, told), callBack(server, told)]);
    for (const answer of answers)
      expect([answer.status, await answer.json()]).toEqual([202, { heard: 'report', image: 'web' }]);
    await until(async () => ((await rebuildsOf(place)).length > 0 ? true : undefined));
    expect(await rebuildsOf(place)).toEqual([{ attempt: 1, outcome: 'success', digest }]);
    expect(await (await callBack(server, told)).json()).toMatchObject({ heard: 'nothing' });
    expect(ci.started.length).toBe(1);
  });

  it('starts what Kargo asks for, once, and follows it', async () => {
    const ci = await startCi();
    const place = await placeAt(ci.url, 'engine: kargo\nkargo: { server: "https://factory.test" }');
    const server = await serve(place);
    await until(async () => ((await fetch(`${server}/readyz`)).ok ? true : undefined));
    const { key, attempt } = await until(async () => (await place.state()).intents.get('web'));
    expect(ci.started).toEqual([]);
    const headers = { authorization: `Bearer ${token}` };
    const address = `${server}/api/v1/rebuilds/web/${key}/${attempt}`;
    const ask = () => fetch(address, { method: 'PUT', headers });
    const asked = await Promise.all([ask(), ask(), ask()]);
    for (const { status } of asked) expect(status).toBe(200);
    const state = () => fetch(address, { headers });
    await until(async () => (((await (await state()).json()) as { run?: string }).run ? true : undefined));
    expect(await (await ask()).json()).toMatchObject({ status: 'running' });
    expect(ci.started).toEqual([{ key, attempt: String(attempt) }]);
    await callBack(server, { key, attempt, state: 'broken' });
    await until(async () => ((await rebuildsOf(place)).length > 0 ? true : undefined));
    expect(await (await state()).json()).toMatchObject({ status: 'failure' });
    expect((await fetch(address)).status).toBe(401);
  });

  it('ends in order when it is asked to', async () => {
    const ci = await startCi();
    const place = await placeAt(ci.url, '');
    const running = startCommand([main, '--dir', place.dir, 'serve', '--listen', '127.0.0.1:0'], {
      env: place.env,
    });
    await until(async () => ci.started[0]);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, out: 'stopped\n' });
  });

  it('says why it cannot listen', async () => {
    const place = await placeAt('http://127.0.0.1:1', '');
    expect(await place.run('serve', '--listen', 'nowhere')).toMatchObject({
      exit: 2,
      err: expect.stringContaining('is not host:port'),
    });
  });
});
