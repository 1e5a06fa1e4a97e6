import { day, hour, minute } from '@image-factory/core/time.ts';
import { clientOptions, problemIn, referenceTo } from '@image-factory/testing/registry/client-options.ts';
import { startRegistry, type FakeRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry, type RegistryClient } from './create-registry.ts';
import { createMemoryLookCache } from './look-cache.ts';

let registry: FakeRegistry;
const clients: RegistryClient[] = [];
beforeEach(async () => {
  registry = await startRegistry();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await registry.close();
});

function start(
  settings: Parameters<typeof clientOptions>[1] = {},
  more: Partial<Parameters<typeof createRegistry>[0]> = {},
) {
  const options = clientOptions(registry.host, settings);
  const client = createRegistry({ ...options, ...more });
  clients.push(client);
  const look = (tag = '1', force = false) =>
    client.look(referenceTo(registry.host, 'team/app', tag), { force });
  return { client, look, clock: options.clock };
}

describe('a look', () => {
  it('always asks with the same four types', async () => {
    await registry.pushImage('team/app', '1');
    await start().look();
    expect(registry.log.all()[0]?.headers.accept).toBe(
      'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, ' +
        'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json',
    );
  });

  it('costs one request for a tag that did not move, and asks conditionally with the etag as it was given', async () => {
    const { descriptor } = await registry.pushImage('team/app', '1');
    const { look, clock } = start();
    await look();
    registry.log.clear();
    clock.advance(hour);
    expect(await look()).toMatchObject({ kind: 'digest', digest: descriptor.digest });
    const [request, ...others] = registry.log.all();
    expect(others).toEqual([]);
    expect(request?.status).toBe(304);
    expect(request?.headers['if-none-match']).toBe(`"${descriptor.digest}"`);
  });

  it('keeps its connections', async () => {
    for (let index = 0; index < 20; index += 1) await registry.pushImage('team/app', `t${index}`);
    const { look } = start({ concurrency: 2 });
    await Promise.all(Array.from({ length: 20 }, (_, index) => look(`t${index}`)));
    expect(registry.connections()).toBeLessThan(6);
  });

  it('asks in full once a day, so that a wrong "unchanged" is found out', async () => {
    await registry.pushImage('team/app', '1');
    const { look, clock } = start();
    await look();
    const moved = await registry.pushImage('team/app', '1', { layers: ['newer'] });
    registry.faults.add({
      action: { kind: 'status', status: 304 },
      when: ({ headers }) => headers['if-none-match'] !== undefined,
    });
    clock.advance(23 * hour);
    expect(await look()).not.toMatchObject({ digest: moved.descriptor.digest });
    clock.advance(2 * hour);
    expect(await look()).toMatchObject({ digest: moved.descriptor.digest });
  });

  it('remembers what stood under the tag before, and when it was seen last', async () => {
    const first = await registry.pushImage('team/app', '1', { layers: ['1'] });
    const { look, clock } = start();
    await look();
    clock.advance(hour);
    await look();
    const lastSeen = clock.now();
    const second = await registry.pushImage('team/app', '1', { layers: ['2'] });
    clock.advance(hour);
    const moved = await look();
    expect(moved).toMatchObject({
      digest: second.descriptor.digest,
      previous: { digest: first.descriptor.digest },
    });
    const { previous } = moved as { previous: { lastSeenAt: number } };
    expect(Math.abs(previous.lastSeenAt - lastSeen)).toBeLessThan(minute);
  });

  it('vouches for the time at which it began to ask, however long the answer took', async () => {
    const { descriptor } = await registry.pushImage('team/app', '1');
    const headers = { 'retry-after': '30' };
    registry.faults.add({ action: { kind: 'status', status: 429, headers }, times: 1 });
    const { look, clock } = start({ minInterval: day });
    const before = clock.now();
    await look();
    expect(clock.now() - before).toBeGreaterThan(30_000);
    const again = await look();
    expect(again).toMatchObject({ kind: 'not-asked', last: { digest: descriptor.digest } });
    const { last } = again as { last: { lastSeenAt: number } };
    expect(last.lastSeenAt - before).toBeLessThan(10_000);
  });

  it('is made once in the interval per tag, unless forced', async () => {
    const { descriptor } = await registry.pushImage('team/app', '1');
    const { look, clock } = start({ minInterval: day });
    await look();
    registry.log.clear();
    clock.advance(23 * hour);
    expect(await look()).toMatchObject({ kind: 'not-asked', last: { digest: descriptor.digest } });
    expect(registry.log.all()).toEqual([]);
    expect(await look('1', true)).toMatchObject({ kind: 'digest' });
    clock.advance(2 * hour);
    expect(await look()).toMatchObject({ kind: 'not-asked' });
    clock.advance(22 * hour + minute);
    expect(await look()).toMatchObject({ kind: 'digest' });
    expect(registry.log.all().length).toBe(2);
  });

  it('is made again soon where the tag was gone', async () => {
    await registry.pushImage('team/app', '1');
    const { look, clock } = start({ minInterval: day });
    await look();
    registry.storage.deleteManifest('team/app', '1');
    expect(await look('1', true)).toEqual({ kind: 'absent' });
    await registry.pushImage('team/app', '1');
    clock.advance(30 * minute);
    expect(await look()).toMatchObject({ kind: 'not-asked' });
    clock.advance(31 * minute);
    expect(await look()).toMatchObject({ kind: 'digest' });
  });

  it('that failed does not count as made', async () => {
    await registry.pushImage('team/app', '1');
    const { look } = start({ minInterval: day });
    registry.faults.add({ action: { kind: 'status', status: 403 }, times: 1 });
    await problemIn(look());
    expect(await look()).toMatchObject({ kind: 'digest' });
  });

  it('is shared through the cache by clients one after the other', async () => {
    await registry.pushImage('team/app', '1');
    const cache = createMemoryLookCache();
    await start({ minInterval: day }, { cache }).look();
    expect(await start({ minInterval: day }, { cache }).look()).toMatchObject({ kind: 'not-asked' });
  });
});

describe('limits', () => {
  it('never has more requests under way than allowed', async () => {
    await registry.pushImage('team/app', '1');
    let now = 0;
    let most = 0;
    registry.faults.add({
      action: { kind: 'delay', by: 20 },
      when: () => {
        now += 1;
        most = Math.max(most, now);
        setTimeout(() => (now -= 1), 15);
        return true;
      },
    });
    const { look } = start({ concurrency: 3 });
    await Promise.all(Array.from({ length: 20 }, () => look()));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('spreads requests over time', async () => {
    await registry.pushImage('team/app', '1');
    const { look, clock } = start({ requestsPerSecond: 2 });
    const before = clock.monotonic();
    await Promise.all(Array.from({ length: 11 }, () => look()));
    const took = clock.monotonic() - before;
    expect(took).toBeGreaterThan(4500);
    expect(took).toBeLessThan(6500);
  });

  it('stops before the quota is used up, and looks again later', async () => {
    await registry.close();
    registry = await startRegistry({ quota: { limit: 12, window: 3600, countHead: true } });
    await registry.pushImage('team/app', '1');
    const { look, clock } = start({ quotaFloor: 10, concurrency: 1 });
    await look();
    await look();
    await look();
    const problem = await problemIn(look());
    expect(problem.code).toBe('REGISTRY_THROTTLED');
    expect(problem.message).toContain('9 requests are left, 10 are kept');
    expect(registry.log.all().length).toBe(3);
    clock.advance(16 * minute);
    expect(await look()).toMatchObject({ kind: 'digest' });
  });

  it('a refusal makes everybody wait, and is not asked into', async () => {
    await registry.pushImage('team/app', '1');
    registry.faults.add({
      action: { kind: 'status', status: 429, headers: { 'retry-after': '30' } },
      times: 1,
    });
    const { look, clock } = start({ concurrency: 1 });
    const before = clock.monotonic();
    await Promise.all([look(), look(), look()]);
    expect(clock.monotonic() - before).toBeGreaterThan(30_000);
    expect(registry.log.all().filter(({ status }) => status === 429).length).toBe(1);
  });

  it('a long refusal ends all who wait at once, without another request', async () => {
    await registry.pushImage('team/app', '1');
    const headers = { 'retry-after': '3600' };
    registry.faults.add({ action: { kind: 'status', status: 429, headers } });
    const { look } = start({ concurrency: 1 });
    const problems = await Promise.all(Array.from({ length: 50 }, () => problemIn(look())));
    expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['REGISTRY_THROTTLED']));
    expect(registry.log.all().length).toBe(1);
  });
});

describe('a list of tags', () => {
  async function listing(more: Partial<Parameters<typeof createRegistry>[0]> = {}) {
    await registry.pushImage('team/app', '1');
    const { client, clock } = start({ minInterval: day }, more);
    const list = (force = false) => client.listTags(referenceTo(registry.host, 'team/app'), { force });
    return { list, clock };
  }

  it('is asked for once in the interval per repository, unless forced', async () => {
    const { list, clock } = await listing();
    expect(await list()).toEqual(['1']);
    registry.log.clear();
    await registry.pushImage('team/app', '2');
    clock.advance(23 * hour);
    expect(await list()).toEqual(['1']);
    expect(registry.log.all().filter(({ method }) => method === 'GET')).toEqual([]);
    expect(await list(true)).toEqual(['1', '2']);
    await registry.pushImage('team/app', '3');
    clock.advance(23 * hour);
    expect(await list()).toEqual(['1', '2']);
    clock.advance(hour + minute);
    expect(await list()).toEqual(['1', '2', '3']);
  });

  it('that could not be had does not count as asked for', async () => {
    const { list } = await listing();
    registry.faults.add({ action: { kind: 'status', status: 403 }, times: 1 });
    await problemIn(list());
    expect(await list()).toEqual(['1']);
  });

  it('is shared through the cache by clients one after the other', async () => {
    const cache = createMemoryLookCache();
    const { list } = await listing({ cache });
    await list();
    const second = await listing({ cache });
    await registry.pushImage('team/app', '2');
    expect(await second.list()).toEqual(['1']);
  });
});

describe('tags', () => {
  const list = (client: RegistryClient) => client.listTags(referenceTo(registry.host, 'team/app'));

  async function withPages(next: (usual: string) => string) {
    await registry.close();
    registry = await startRegistry({ tags: { pageSize: 2, nextLink: next } });
    for (const tag of ['a', 'b', 'c', 'd', 'e']) await registry.pushImage('team/app', tag);
    return list(start().client);
  }

  it.each([
    ['relative', (usual: string) => usual],
    ['relative to the page', (usual: string) => usual.replace('/v2/team/app/tags/', '')],
    ['of a proxy that drops its prefix', (usual: string) => usual.replace('/v2/team/', '/v2/')],
    ['with another scheme', (usual: string) => `https://127.0.0.1${usual}`],
    ['of a query alone', (usual: string) => usual.replace(/^[^?]*/, '')],
  ])('follows links %s', async (_, next) => {
    expect(await withPages(next)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('refuses a link to another host', async () => {
    const problem = await problemIn(withPages((usual) => `http://169.254.169.254${usual}`));
    expect(problem.code).toBe('REGISTRY_BLOCKED');
  });

  it('refuses pages that go in a circle', async () => {
    const problem = await problemIn(withPages(() => '/v2/team/app/tags/list?n=2&last=b'));
    expect(problem.code).toBe('REGISTRY_INVALID');
  });

  it('refuses pages without end', async () => {
    let page = 0;
    const problem = await problemIn(withPages(() => `/v2/team/app/tags/list?n=2&x=${(page += 1)}`));
    expect(problem.code).toBe('REGISTRY_TOO_LARGE');
  });

  it('asks without a page size where the size is refused', async () => {
    await registry.close();
    registry = await startRegistry({ tags: { largestPage: 2 } });
    for (const tag of ['a', 'b', 'c']) await registry.pushImage('team/app', tag);
    expect(await list(start().client)).toEqual(['a', 'b', 'c']);
  });

  it('drops what is no tag', async () => {
    const body = JSON.stringify({ name: 'x', tags: ['ok', '../../etc', 7, null, 'a'.repeat(129), 'ok'] });
    registry.faults.add({ action: { kind: 'status', status: 200, body } });
    expect(await list(start().client)).toEqual(['ok']);
  });

  it('accepts null for no tags, and nothing else that is no list', async () => {
    registry.faults.add({ action: { kind: 'status', status: 200, body: '{"tags":null}' }, times: 1 });
    expect(await list(start().client)).toEqual([]);
    registry.faults.add({ action: { kind: 'status', status: 200, body: '{"tags":{"a":1}}' } });
    expect((await problemIn(list(start().client))).code).toBe('REGISTRY_INVALID');
  });
});

describe('referrers', () => {
  async function subjectWithTag() {
    const subject = await registry.pushImage('team/app', '1');
    const { digest } = subject.descriptor;
    const index = await registry.pushIndex('team/app', digest.replace(':', '-'), [
      { layers: ['signature'], artifactType: 'application/vnd.example.signature' },
    ]);
    const find = () => start().client.referrers(referenceTo(registry.host, 'team/app'), digest);
    return { find, expected: index.children[0]?.descriptor.digest };
  }
  const onApi = ({ path }: { path: string }) => path.includes('/referrers/');

  it.each([
    ['404', { kind: 'status', status: 404 }],
    ['303 to another host', { kind: 'redirect', status: 303, location: 'https://web.example.com/packages' }],
    ['429', { kind: 'status', status: 429 }],
    ['405', { kind: 'status', status: 405 }],
  ] as const)('are found by the tag where the API answers %s', async (_, action) => {
    const { find, expected } = await subjectWithTag();
    registry.faults.add({ action, when: onApi });
    expect((await find()).map(({ digest }) => digest)).toEqual([expected]);
  });

  it('are not said to be none where the API only refused for now', async () => {
    const subject = await registry.pushImage('team/app', '1');
    registry.faults.add({ action: { kind: 'status', status: 429 }, when: onApi });
    const { client } = start();
    const work = client.referrers(referenceTo(registry.host, 'team/app'), subject.descriptor.digest);
    expect((await problemIn(work)).code).toBe('REGISTRY_THROTTLED');
  });
});

it('describes a digest once, and asks again where a part was not served', async () => {
  const pushed = await registry.pushIndex('team/app', '1', [
    { layers: ['a'] },
    { layers: ['b'], platform: 'linux/arm64' },
  ]);
  const { client } = start();
  const read = () => client.describe(referenceTo(registry.host, 'team/app'), pushed.descriptor.digest);
  const child = pushed.children[1]?.descriptor.digest ?? '';
  registry.faults.add({
    action: { kind: 'status', status: 404 },
    when: ({ path }) => path.endsWith(child),
    times: 1,
  });
  expect(Object.keys((await read())?.platforms ?? {})).toEqual(['linux/amd64']);
  expect(Object.keys((await read())?.platforms ?? {})).toEqual(['linux/amd64', 'linux/arm64']);
  registry.log.clear();
  expect(Object.keys((await read())?.platforms ?? {})).toEqual(['linux/amd64', 'linux/arm64']);
  expect(registry.log.all()).toEqual([]);
});

it('reads the registry clock, and does without', async () => {
  await registry.pushImage('team/app', '1');
  const { look, client, clock } = start();
  registry.faults.add({ action: { kind: 'skewed-date', by: -hour }, times: 1 });
  registry.faults.add({ action: { kind: 'no-date' }, times: 1 });
  await look();
  await look();
  const readings = client.takeClockReadings();
  expect(readings.length).toBe(1);
  expect(Math.abs((readings[0]?.remote ?? 0) + hour - clock.now())).toBeLessThan(minute);
});
