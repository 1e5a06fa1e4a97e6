import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { formatProblem } from '@image-factory/core/problem.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { clientOptions, problemIn, referenceTo } from '@image-factory/testing/registry/client-options.ts';
import type { FaultAction } from '@image-factory/testing/registry/faults.ts';
import { startRegistry, type FakeRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry, type RegistryClient } from './create-registry.ts';

const timeouts = { connect: 1000, idle: 400, total: 800 };
let registry: FakeRegistry;
let client: RegistryClient;

beforeEach(async () => {
  registry = await startRegistry();
  client = createRegistry({ ...clientOptions(registry.host), timeouts });
});
afterEach(async () => {
  await client.close();
  await registry.close();
});

const look = () => client.look(referenceTo(registry.host, 'team/app', '1'));
const list = () => client.listTags(referenceTo(registry.host, 'team/app'));

async function describePushed() {
  const { descriptor } = await registry.pushImage('team/app', '1', { layers: ['content a'] });
  return client.describe(referenceTo(registry.host, 'team/app'), descriptor.digest);
}

describe('a fault at the registry is one clear failure', () => {
  const cases: readonly (readonly [string, FaultAction, ProblemCode, RegExp])[] = [
    ['401', { kind: 'status', status: 401 }, 'REGISTRY_DENIED', /answered 401/],
    ['403', { kind: 'status', status: 403 }, 'REGISTRY_DENIED', /answered 403/],
    [
      '429 for an hour',
      { kind: 'status', status: 429, headers: { 'retry-after': '3600' } },
      'REGISTRY_THROTTLED',
      /1h/,
    ],
    ['500', { kind: 'status', status: 500 }, 'REGISTRY_UNREACHABLE', /answered 500/],
    ['418', { kind: 'status', status: 418 }, 'REGISTRY_INVALID', /answered 418/],
    ['HTML with 200', { kind: 'html' }, 'REGISTRY_INVALID', /HTML/],
    ['HTML with 404', { kind: 'html', status: 404 }, 'REGISTRY_INVALID', /HTML/],
    ['a closed connection', { kind: 'drop' }, 'REGISTRY_UNREACHABLE', /closed/],
    ['nothing', { kind: 'hang' }, 'REGISTRY_UNREACHABLE', /no answer in time|took too long/],
    [
      'a metadata service',
      { kind: 'redirect', location: 'http://169.254.169.254/latest/meta-data/' },
      'REGISTRY_BLOCKED',
      /169\.254\.169\.254/,
    ],
    ['a circle', { kind: 'redirect', location: '/v2/team/app/manifests/1' }, 'REGISTRY_INVALID', /redirects/],
    ['no address', { kind: 'redirect', location: 'http://[' }, 'REGISTRY_INVALID', /no address/],
  ];

  it.each(cases)('%s', async (_, action, code, message) => {
    await registry.pushImage('team/app', '1');
    registry.faults.add({ action });
    const problem = await problemIn(look());
    expect(problem.code).toBe(code);
    expect(problem.message).toMatch(message);
    expect(problem.message).toContain(registry.host);
    expect(problem.hint).not.toBe('');
  });

  it.each(cases.filter(([name]) => !name.includes('404')))(
    '%s while tags are listed',
    async (_, action, code) => {
      await registry.pushImage('team/app', '1');
      registry.faults.add({ action });
      expect((await problemIn(list())).code).toBe(code);
    },
  );

  it('a plain 404 is no failure: the tag is absent', async () => {
    expect(await look()).toEqual({ kind: 'absent' });
  });

  it.each([
    ['an endless body', { kind: 'endless-body' }, 'REGISTRY_TOO_LARGE'],
    ['a body that trickles for ever', { kind: 'slow-body', interval: 50 }, 'REGISTRY_UNREACHABLE'],
    ['a body that is cut', { kind: 'cut-body' }, 'REGISTRY_UNREACHABLE'],
    ['other content', { kind: 'wrong-body' }, 'REGISTRY_DIGEST_MISMATCH'],
    ['HTML', { kind: 'html' }, 'REGISTRY_INVALID'],
  ] as const)('%s instead of a manifest', async (_, action, code) => {
    registry.faults.add({ action, when: ({ method }) => method === 'GET' });
    expect((await problemIn(describePushed())).code).toBe(code);
  });

  it.each([
    ['other content', { kind: 'wrong-body' }, 'REGISTRY_DIGEST_MISMATCH'],
    ['an endless body', { kind: 'endless-body' }, 'REGISTRY_TOO_LARGE'],
    [
      'a redirect to a private address',
      { kind: 'redirect', location: 'http://10.0.0.1/blob' },
      'REGISTRY_BLOCKED',
    ],
  ] as const)('%s instead of an image configuration', async (_, action, code) => {
    registry.faults.add({ action, when: ({ path }) => path.includes('/blobs/') });
    expect((await problemIn(describePushed())).code).toBe(code);
  });

  it('an endless explanation of an error is not read to its end', async () => {
    await registry.pushImage('team/app', '1');
    registry.faults.add({ action: { kind: 'endless-body' }, when: ({ method }) => method === 'GET' });
    expect((await problemIn(list())).code).toBe('REGISTRY_TOO_LARGE');
    const missing = client.listTags(referenceTo(registry.host, 'nobody/here'));
    expect((await problemIn(missing)).code).toBe('REGISTRY_NOT_FOUND');
  });

  it('something else than HTTP', async () => {
    const server = createServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const other = createRegistry({ ...clientOptions(host), timeouts });
    const problem = await problemIn(other.look(referenceTo(host, 'team/app', '1')));
    await other.close();
    server.close();
    expect(problem.code).toBe('REGISTRY_UNREACHABLE');
  });

  it('nobody listens', async () => {
    await registry.close();
    const problem = await problemIn(look());
    expect(problem.code).toBe('REGISTRY_UNREACHABLE');
    expect(problem.message).toContain('connection refused');
  });
});

describe('a manifest without a digest header', () => {
  it('is read whole, once, and hashed', async () => {
    const { descriptor } = await registry.pushImage('team/app', '1');
    registry.faults.add({ action: { kind: 'no-digest-header' } });
    expect(await look()).toMatchObject({ kind: 'digest', digest: descriptor.digest });
    expect(registry.log.ofManifest('team/app', '1')).toEqual({ head: 1, get: 1 });
  });

  it('is refused where the header of the whole answer names another digest', async () => {
    await registry.pushImage('team/app', '1');
    registry.faults.add({ action: { kind: 'no-digest-header' }, when: ({ method }) => method === 'HEAD' });
    registry.faults.add({ action: { kind: 'wrong-digest-header' }, when: ({ method }) => method === 'GET' });
    expect((await problemIn(look())).code).toBe('REGISTRY_DIGEST_MISMATCH');
  });

  it.each(['sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'latest'])(
    'is read whole where the header is "%s"',
    async (digest) => {
      const { descriptor } = await registry.pushImage('team/app', '1');
      registry.faults.add({
        action: { kind: 'wrong-digest-header', digest },
        when: ({ method }) => method === 'HEAD',
      });
      expect(await look()).toMatchObject({ digest: descriptor.digest });
    },
  );

  it('is no manifest if the page is something else', async () => {
    await registry.pushImage('team/app', '1');
    const headers = { 'content-type': 'application/json' };
    registry.faults.add({ action: { kind: 'status', status: 200, headers, body: '{"ok":true}' } });
    const problem = await problemIn(look());
    expect(problem.code).toBe('REGISTRY_INVALID');
    expect(formatProblem(problem)).toContain('expected a manifest');
  });
});

describe('what passes is tried again', () => {
  it('a server that sends bodies where none may be', async () => {
    const digest = `sha256:${'d'.repeat(64)}`;
    const head = `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ndocker-content-digest: ${digest}\r\n\r\n`;
    const server = createServer((socket) => {
      socket.on('data', () => socket.write(`${head}hello`));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const other = createRegistry({ ...clientOptions(host, { concurrency: 1 }), timeouts });
    const tags = ['1', '2', '3', '4', '5', '6'];
    const looks = await Promise.all(tags.map((tag) => other.look(referenceTo(host, 'team/app', tag))));
    expect(looks.map(({ kind }) => kind)).toEqual(tags.map(() => 'digest'));
    await other.close();
    server.close();
  });

  it.each([
    ['500', { kind: 'status', status: 500 }],
    ['a closed connection', { kind: 'drop' }],
    ['429', { kind: 'status', status: 429, headers: { 'retry-after': '2' } }],
    ['503 with a time', { kind: 'status', status: 503, headers: { 'retry-after': '2' } }],
  ] as const)('%s twice', async (_, action) => {
    const { descriptor } = await registry.pushImage('team/app', '1');
    registry.faults.add({ action, times: 2 });
    expect(await look()).toMatchObject({ digest: descriptor.digest });
    expect(registry.log.ofManifest('team/app', '1')).toEqual({ head: 3, get: 0 });
  });

  it('but not for ever', async () => {
    registry.faults.add({ action: { kind: 'status', status: 502 } });
    await problemIn(look());
    expect(registry.log.all().length).toBe(4);
  });

  it('and a cancelled request ends with its own reason, unrepeated', async () => {
    registry.faults.add({ action: { kind: 'hang' } });
    const reason = new Error('stopped by a person');
    const controller = new AbortController();
    const work = client.look(referenceTo(registry.host, 'team/app', '1'), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(work).rejects.toBe(reason);
    expect(registry.log.all().length).toBe(1);
  });
});

it('quotes the registry without control characters', async () => {
  const body = JSON.stringify({
    errors: [{ code: 'DENIED', message: 'no\u001b[31m such\nuser' }],
  });
  registry.faults.add({ action: { kind: 'status', status: 403, body } });
  const problem = await problemIn(list());
  expect(problem.message).toContain('DENIED: no [31m such user');
});

it('stops asking a registry that cannot be reached, and tries again later', async () => {
  const options = clientOptions(registry.host, { concurrency: 1 });
  const dead = createRegistry({ ...options, timeouts });
  const { descriptor } = await registry.pushImage('team/app', '1');
  const remove = registry.faults.add({ action: { kind: 'drop' } });
  const tags = Array.from({ length: 30 }, (_, index) => `t${index}`);
  const problems = await Promise.all(
    tags.map((tag) => problemIn(dead.look(referenceTo(registry.host, 'team/app', tag)))),
  );
  expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['REGISTRY_UNREACHABLE']));
  expect(registry.log.all().length).toBeLessThan(20);
  for (const { message } of problems) expect(message).toContain('connection was closed');
  expect(problems.filter(({ message }) => message.includes('not asked'))).not.toEqual([]);
  remove();
  options.clock.advance(60_000);
  expect(await dead.look(referenceTo(registry.host, 'team/app', '1'))).toMatchObject({
    digest: descriptor.digest,
  });
  await dead.close();
});
