import { createHmac } from 'node:crypto';
import type { WebhookSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Registry } from '@image-factory/core/ports/registry.ts';
import { serveForge, type ForgeReply, type ForgeCall } from '@image-factory/testing/forges/serve-forge.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { digest, enrolment } from '@image-factory/testing/records.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createWebhook } from './create-webhook.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Call = WebhookSettings['start'];

function call(url: string, more: Partial<Call> = {}): Call {
  return { url, method: 'POST', headers: {}, secretHeaders: {}, body: undefined, ...more };
}

const nothing: Pick<Registry, 'look' | 'describe'> = {
  look: async () => ({ kind: 'absent' }),
  describe: async () => undefined,
};

async function open(
  settingsAt: (url: string) => Partial<WebhookSettings> & Pick<WebhookSettings, 'start'>,
  answer: (request: ForgeCall) => ForgeReply = () => ({ status: 200, body: {} }),
  registry = nothing,
) {
  const requests: ForgeCall[] = [];
  const served = await serveForge(async (request) => {
    requests.push(request);
    return answer(request);
  });
  const api = createApi({
    provider: 'webhook',
    url: served.url,
    ca: undefined,
    clock: realClock,
  });
  closers.push(
    () => api.close(),
    () => served.close(),
  );
  const builder = createWebhook({
    settings: {
      sign: undefined,
      run: undefined,
      status: undefined,
      find: undefined,
      cancel: undefined,
      ca: undefined,
      callBack: undefined,
      claims: false,
      ...settingsAt(served.url),
    },
    apiFor: () => api,
    clock: realClock,
    secrets: createSecretSource({ baseDir: '/', environment: { KEY: 'a-signing-key' } }),
    registry,
  });
  return { builder, requests };
}

const image = enrolment({
  name: 'app',
  tags: ['1', 'latest'],
  source: { provider: 'webhook', repo: 'acme/größe & co', branch: 'feature/x y', dockerfile: 'Dockerfile' },
});

function request(reason: string): BuildRequest {
  return {
    key: 'k1',
    attempt: 2,
    image,
    pins: [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('node') }],
    dependencies: [],
    platforms: [],
    commit: undefined,
    reason,
  };
}

describe('a request of a webhook', () => {
  it('has each value encoded for where it stands', async () => {
    const { builder, requests } = await open((url) => ({
      start: call(`${url}/hooks/{{branch}}?repo={{repo}}&tags={{tags}}`, {
        headers: { 'x-image': '{{image}}' },
        body: '{"reason":"{{reason}}","pins":"{{pins}}","attempt":{{attempt}}}',
      }),
    }));
    await builder.start(request('said "now"\nbecause\\'));
    const [sent] = requests;
    expect(sent?.path).toBe('/hooks/feature%2Fx%20y');
    expect(sent?.query.get('repo')).toBe('acme/größe & co');
    expect(sent?.query.get('tags')).toBe('1,latest');
    expect(sent?.headers).toMatchObject({ 'x-image': 'app', 'content-type': 'application/json' });
    const body = JSON.parse(sent?.body ?? '') as Record<string, unknown>;
    expect(body).toMatchObject({ reason: 'said "now"\nbecause\\', attempt: 2 });
    expect(JSON.parse(String(body['pins']))).toEqual([
      { reference: 'docker.io/library/node:22', digest: digest('node') },
    ]);
  });

  it('is not sent with a line break in a header', async () => {
    const { builder, requests } = await open((url) => ({
      start: call(url, { headers: { 'x-reason': '{{reason}}' } }),
    }));
    await expect(builder.start(request('a\r\nx-admin: yes'))).rejects.toMatchObject({
      problem: { code: 'CI_REFUSED', message: expect.stringContaining('x-reason') as string },
    });
    expect(requests).toEqual([]);
  });

  it('is signed over its body', async () => {
    const { builder, requests } = await open((url) => ({
      start: call(url, { body: '{"key":"{{key}}"}' }),
      sign: {
        header: 'X-Sig',
        secret: { kind: 'env', name: 'KEY' },
        algorithm: 'sha512',
        prefix: 'sha512=',
      },
    }));
    await builder.start(request('due'));
    const hex = createHmac('sha512', 'a-signing-key').update('{"key":"k1"}').digest('hex');
    expect(requests[0]?.headers['x-sig']).toBe(`sha512=${hex}`);
  });

  it.each([
    ['/queue/item/17/', '17'],
    ['https://ci.test/builds/b-4?token=x#end', 'b-4'],
    ['plain', 'plain'],
  ])('takes the id from a header that says %s', async (location, id) => {
    const { builder, requests } = await open(
      (url) => ({
        start: call(url),
        run: { path: undefined, header: 'Location' },
        cancel: call(`${url}/stop/{{run}}/{{key}}`),
      }),
      ({ path }) => ({ status: 201, headers: path === '/' ? { location } : {} }),
    );
    const started = await builder.start(request('due'));
    await builder.cancel(image, started.id);
    expect(requests[1]?.path).toBe(`/stop/${id}/k1`);
  });

  it('whose answer names no run leaves it open whether there is one', async () => {
    const { builder } = await open((url) => ({
      start: call(url),
      run: { path: '$.id', header: undefined },
    }));
    await expect(builder.start(request('due'))).rejects.toMatchObject({
      problem: { code: 'CI_UNREACHABLE' },
    });
  });

  it('that finds something without our key in it has found nothing', async () => {
    const { builder } = await open(
      (url) => ({
        start: call(url),
        find: { ...call(`${url}/latest`, { method: 'GET' }), items: undefined },
      }),
      () => ({ status: 200, body: { id: 4, name: 'k1-21', other: 'xk1-2' } }),
    );
    expect(await builder.find(image, 'k1', 2)).toBeUndefined();
    expect(await builder.find(image, 'k1', 21)).toMatchObject({ status: 'running' });
  });
});

describe('a run that nobody can be asked about', () => {
  const pushedWith = (key: string): Pick<Registry, 'look' | 'describe'> => ({
    look: async () => ({ kind: 'digest', digest: digest('image') }),
    describe: async () => ({
      digest: digest('image'),
      platforms: {},
      annotations: { 'io.image-factory.build-key': key },
    }),
  });

  it.each([
    ['runs while the tag has no image', nothing, 'running', undefined],
    ['runs while the tag carries another key', pushedWith('k0'), 'running', undefined],
    ['has succeeded once the tag carries its key', pushedWith('k1'), 'success', 'success'],
  ])('%s', async (_, registry, got, found) => {
    const { builder } = await open((url) => ({ start: call(url) }), undefined, registry);
    const { id } = await builder.start(request('due'));
    expect(await builder.get(image, id)).toMatchObject({ key: 'k1', attempt: 2, status: got });
    expect((await builder.find(image, 'k1', 2))?.status).toBe(found);
  });

  it('is one whose status is gone', async () => {
    const status = {
      ...call('', { method: 'GET' }),
      state: '$.state',
      success: ['ok'],
      failure: [],
      cancelled: [],
      superseded: [],
      items: undefined,
      digest: undefined,
      link: undefined,
      log: undefined,
    };
    const { builder } = await open(
      (url) => ({ start: call(url), status: { ...status, url: `${url}/runs/{{run}}` } }),
      ({ path }) => (path === '/' ? { status: 202 } : { status: 404, body: { message: 'forgotten' } }),
      pushedWith('k1'),
    );
    const { id } = await builder.start(request('due'));
    expect(await builder.get(image, id)).toMatchObject({ status: 'success' });
  });
});
