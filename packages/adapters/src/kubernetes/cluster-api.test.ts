import { createServer as createPlainServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { problemOf, type Problem } from '@image-factory/core/problem.ts';
import { startCluster, type ClusterOptions } from '@image-factory/testing/kubernetes/start-cluster.ts';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { inCluster, type ClusterAccess } from './cluster-access.ts';
import { createClusterApi, namespaceOf, type ClusterApi, type ClusterApiOptions } from './cluster-api.ts';

const path = {
  group: 'kargo.akuity.io',
  version: 'v1alpha1',
  resource: 'warehouses',
  namespace: 'factory',
};
const refresh = { key: 'kargo.akuity.io/refresh', value: '2026-11-23T07:00:00Z' };

async function cluster(options: Partial<ClusterOptions> = {}) {
  const started = await startCluster({
    namespace: 'factory',
    serviceAccount: 'looks',
    rules: [{ apiGroups: ['kargo.akuity.io'], resources: ['warehouses'], verbs: ['list', 'patch'] }],
    ...options,
  });
  onTestFinished(() => started.close());
  return started;
}

function apiOf(access: ClusterAccess, options: Partial<ClusterApiOptions> = {}): ClusterApi {
  const api = createClusterApi(access, { fieldManager: 'test', ...options });
  onTestFinished(() => api.close());
  return api;
}

function answering(body: string): NonNullable<ClusterOptions['before']> {
  return (_, response) => {
    response.end(body);
    return true;
  };
}

async function namesOf(listed: AsyncIterable<unknown>): Promise<string[]> {
  const names: string[] = [];
  for await (const each of listed) names.push((each as { metadata: { name: string } }).metadata.name);
  return names;
}

async function problemIn(doing: Promise<unknown>): Promise<Problem> {
  return problemOf(
    await doing.then(
      () => new Error('nothing was thrown'),
      (thrown: unknown) => thrown,
    ),
  );
}

describe('listing', () => {
  it('has what bears the label, over all pages', async () => {
    const served = await cluster();
    for (let index = 0; index < 250; index += 1)
      served.put('warehouses', {
        metadata: { name: `w${index}`, labels: { slot: index < 240 ? '07' : '08' } },
      });
    const names = await namesOf(apiOf(inCluster(served.env, served.folder)).list(path, 'slot=07'));
    expect(names).toEqual(Array.from({ length: 240 }, (_, index) => `w${index}`));
    expect(served.calls.map(({ verb }) => verb)).toEqual(['list', 'list', 'list']);
  });

  it.each([
    [401, 'CLUSTER_DENIED'],
    [403, 'CLUSTER_DENIED'],
    [404, 'CLUSTER_INVALID'],
    [410, 'CLUSTER_INVALID'],
    [429, 'CLUSTER_UNREACHABLE'],
    [503, 'CLUSTER_UNREACHABLE'],
  ])('that is answered with %i is %s, asked once', async (status, code) => {
    let asked = 0;
    const served = await cluster({
      before: (_, response) => {
        asked += 1;
        response.writeHead(status).end('{"message":"no\\nway"}');
        return true;
      },
    });
    const problem = await problemIn(namesOf(apiOf(inCluster(served.env, served.folder)).list(path, 'a=b')));
    expect(problem).toMatchObject({ code, subject: { kind: 'factory' } });
    expect(problem.message).toBe(`Kubernetes: listing warehouses: ${status}: no way`);
    expect(asked).toBe(1);
  });

  it.each<[string, string]>([
    ['no JSON', '<html>'],
    ['no items', '{}'],
    ['more than is accepted', JSON.stringify({ items: ['x'.repeat(5000)] })],
  ])('of %s is refused', async (_, body) => {
    const served = await cluster({ before: answering(body) });
    const api = apiOf(inCluster(served.env, served.folder), { largestAnswer: 4096 });
    expect(await problemIn(namesOf(api.list(path, 'a=b')))).toMatchObject({ code: 'CLUSTER_INVALID' });
  });

  it('of a server that always has one page more ends', async () => {
    const body = '{"items":[],"metadata":{"continue":"more"}}';
    const served = await cluster({ before: answering(body) });
    const problem = await problemIn(namesOf(apiOf(inCluster(served.env, served.folder)).list(path, 'a=b')));
    expect(problem.message).toContain('more than 1000 pages');
  });

  it('ends in time, and when its caller gives up', async () => {
    const served = await cluster({ before: () => true });
    const access = inCluster(served.env, served.folder);
    const late = await problemIn(namesOf(apiOf(access, { timeout: 50 }).list(path, 'a=b')));
    expect(late).toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
    expect(late.message).toMatch(/no answer in time|TIMEOUT/);
    const stop = new AbortController();
    const waiting = namesOf(apiOf(access).list(path, 'a=b', stop.signal));
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });
});

describe('annotating', () => {
  it('changes that annotation of what is still as it was read', async () => {
    const served = await cluster();
    served.put('warehouses', {
      metadata: { name: 'w', annotations: { mine: 'a' } },
      spec: { interval: '24h0m0s' },
    });
    const api = apiOf(inCluster(served.env, served.folder));
    const resourceVersion = String(served.objects.get('warehouses/w')?.metadata['resourceVersion']);
    expect(await api.annotate(path, { name: 'w', resourceVersion }, refresh)).toBe('patched');
    expect(served.objects.get('warehouses/w')).toMatchObject({
      metadata: { annotations: { mine: 'a', [refresh.key]: refresh.value } },
      spec: { interval: '24h0m0s' },
    });
    expect(await api.annotate(path, { name: 'w', resourceVersion }, refresh)).toBe('changed');
    expect(await api.annotate(path, { name: 'x', resourceVersion }, refresh)).toBe('gone');
  });

  it('says why an admission policy refused', async () => {
    const served = await cluster({ admit: () => 'only the annotation' });
    served.put('warehouses', { metadata: { name: 'w' } });
    const resourceVersion = String(served.objects.get('warehouses/w')?.metadata['resourceVersion']);
    const api = apiOf(inCluster(served.env, served.folder));
    const problem = await problemIn(api.annotate(path, { name: 'w', resourceVersion }, refresh));
    expect(problem).toMatchObject({ code: 'CLUSTER_DENIED' });
    expect(problem.message).toContain('patching warehouses w: 422: denied request: only the annotation');
  });
});

describe('the credentials', () => {
  it('are read for each request, as they are replaced while a pod runs, and shown to nobody', async () => {
    const served = await cluster();
    const api = apiOf(inCluster(served.env, served.folder));
    expect(await namesOf(api.list(path, 'a=b'))).toEqual([]);
    served.rotate('second-token');
    expect(await namesOf(api.list(path, 'a=b'))).toEqual([]);
    served.rotate('third-token', false);
    const problem = await problemIn(namesOf(api.list(path, 'a=b')));
    expect(problem).toMatchObject({ code: 'CLUSTER_DENIED' });
    expect(JSON.stringify(problem)).not.toContain('second-token');
  });

  it('go to no server that redirects, no proxy, and none whose certificate is not of the cluster', async () => {
    const elsewhere: (string | undefined)[] = [];
    const other = createPlainServer((request, response) => {
      elsewhere.push(request.url);
      response.end('{}');
    });
    other.on('connect', (request, socket) => {
      elsewhere.push(request.url);
      socket.end('HTTP/1.1 200 OK\r\n\r\n');
    });
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    vi.stubEnv('https_proxy', `http://127.0.0.1:${port}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const served = await cluster({
      before: (_, response) => {
        response.writeHead(307, { location: `http://127.0.0.1:${port}/stolen` }).end();
        return true;
      },
    });
    const access = inCluster(served.env, served.folder);
    expect(await problemIn(namesOf(apiOf(access).list(path, 'a=b')))).toMatchObject({
      code: 'CLUSTER_INVALID',
    });
    const foreign = await cluster();
    const mixed = { ...access, caFile: join(foreign.folder, 'ca.crt') };
    const refused = await problemIn(namesOf(apiOf(mixed).list(path, 'a=b')));
    expect(refused.message).toMatch(/SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_VERIFY|CERT/);
    const plain = { ...access, server: `http://127.0.0.1:${port}` };
    expect(await problemIn(namesOf(apiOf(plain).list(path, 'a=b')))).toMatchObject({
      code: 'CLUSTER_INVALID',
    });
    expect(elsewhere).toEqual([]);
  });

  it('that are not there are named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'no-account-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const access = inCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, folder);
    expect(access.server).toBe('https://[fd00::1]');
    const problem = await problemIn(namesOf(apiOf(access).list(path, 'a=b')));
    expect(problem).toMatchObject({ code: 'CREDENTIALS' });
    expect(problem.message).toContain('cannot be read');
    writeFileSync(join(folder, 'namespace'), 'a/../b');
    expect(() => namespaceOf(access)).toThrow('no name of a namespace');
    writeFileSync(join(folder, 'namespace'), 'factory\n');
    expect(namespaceOf(access)).toBe('factory');
  });

  it.each([{}, { KUBERNETES_SERVICE_HOST: 'a/b' }, { KUBERNETES_SERVICE_HOST: 'x@y' }])(
    'of no pod are none: %j',
    (env) => {
      expect(() => inCluster(env)).toThrow('this is no pod');
    },
  );
});
