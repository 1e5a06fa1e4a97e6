import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSources, type Sources } from './sources.ts';

let folder: string;
let remote: GitRemote;
let server: Server;
let sources: Sources;
let asked: string[];
/** Requests that are never answered. */
let silent: RegExp;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-factory-plain-'));
  remote = await createGitRemote();
  asked = [];
  silent = /^$/;
  server = createServer((request, reply) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    asked.push(pathname);
    if (silent.test(pathname)) return;
    const file = remote.path + pathname.replace('/app.git', '');
    if (existsSync(file) && statSync(file).isFile()) createReadStream(file).pipe(reply);
    else reply.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  sources = createSources({
    factoryDir: folder,
    cacheDir: join(folder, 'cache'),
    clock: realClock,
    fetchTimeout: 4000,
  });
});
afterEach(async () => {
  sources.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await remote.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function read() {
  const source: Source = {
    provider: 'github',
    repo: `http://127.0.0.1:${(server.address() as AddressInfo).port}/app.git`,
    branch: undefined,
    dockerfile: 'app/Dockerfile',
    context: 'app',
    target: undefined,
    buildArgs: {},
    workflow: undefined,
  };
  const [answer] = await sources.read([source]);
  if (!answer) throw new Error('no answer');
  return answer;
}

async function publish(text: string, packed: boolean): Promise<string> {
  const commit = await remote.commit({ 'app/Dockerfile': text });
  if (packed) await remote.git('repack', '-adq');
  await remote.git('update-server-info');
  return commit;
}

describe('a repository as plain files behind a web server', () => {
  it.each([
    ['in single objects', false],
    ['in packs', true],
  ])('%s is read, and again when it has moved', { timeout: 20_000 }, async (_, packed) => {
    for (const text of ['FROM debian:12\n', 'FROM debian:13\n']) {
      const commit = await publish(text, packed);
      const answer = await read();
      expect(answer).toMatchObject({ ok: true, value: { commit } });
      if (answer.ok) expect(await answer.value.text()).toEqual({ ok: true, value: text });
    }
    // Asking for each missing file by a fetch of its own goes on for ever.
    expect(asked.filter((path) => path.endsWith('info/refs')).length).toBeLessThan(10);
  });
});

describe('a server that does not answer', () => {
  it.each([
    ['at all', /info\/refs$/],
    ['when it is asked for objects', /\/objects\//],
  ])('%s is told when the time is over', { timeout: 30_000 }, async (_, path) => {
    await publish('FROM debian:12\n', false);
    silent = path;
    const begun = performance.now();
    const answer = await read();
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(answer).toMatchObject({ ok: false, error: { code: 'SOURCE_UNREACHABLE' } });
    if (!answer.ok)
      expect(answer.error.message).toMatch(/app\.git cannot be read: it did not answer in time/);
  });
});
