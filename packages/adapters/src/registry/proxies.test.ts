import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clientOptions, problemIn, referenceTo } from '@image-factory/testing/registry/client-options.ts';
import { startRegistry, type FakeRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry, type RegistryClient } from './create-registry.ts';
import { proxiesFrom } from './proxies.ts';

describe('the environment', () => {
  const proxy = 'http://proxy.corp:3128';
  const through = (url: string, environment: Record<string, string>) =>
    proxiesFrom(environment)(new URL(url))?.url.origin;

  it('names a proxy for each scheme, in small letters before capital ones', () => {
    const environment = { HTTP_PROXY: 'other:8080', http_proxy: 'first:8080', HTTPS_PROXY: proxy };
    expect(through('http://registry.corp/', environment)).toBe('http://first:8080');
    expect(through('https://ghcr.io/', environment)).toBe(proxy);
    expect(through('https://ghcr.io/', { HTTP_PROXY: proxy })).toBeUndefined();
    expect(through('https://ghcr.io/', { HTTPS_PROXY: proxy, https_proxy: '' })).toBeUndefined();
  });

  it.each([
    ['ghcr.io', 'https://ghcr.io/'],
    ['GHCR.io.', 'https://ghcr.io/'],
    ['corp', 'https://registry.corp/'],
    ['.corp', 'https://registry.corp/'],
    ['*.corp', 'https://registry.corp/'],
    ['a b,corp', 'https://registry.corp/'],
    ['registry.corp:5000', 'https://registry.corp:5000/'],
    ['registry.corp:443', 'https://registry.corp/'],
    ['*', 'https://ghcr.io/'],
    ['10.0.0.0/8', 'https://10.1.2.3:5000/'],
    ['fd00::/8', 'https://[fd12::1]/'],
    ['fd12::1', 'https://[fd12::1]/'],
    ['[fd12::1]:5000', 'https://[fd12::1]:5000/'],
    ['', 'https://localhost:5000/'],
    ['', 'https://127.0.0.1:5000/'],
    ['', 'https://[::1]:5000/'],
  ])('with NO_PROXY=%s sends %s straight', (exceptions, url) => {
    expect(through(url, { HTTPS_PROXY: proxy, NO_PROXY: exceptions })).toBeUndefined();
  });

  it.each([
    ['corp', 'https://acorp/'],
    ['ghcr.io.evil', 'https://ghcr.io/'],
    ['registry.corp:5000', 'https://registry.corp/'],
    ['10.0.0.0/8', 'https://11.1.2.3/'],
    ['10.0.0.0/8', 'https://10.example.com/'],
    ['10.0.0.0/99', 'https://10.0.0.1/'],
    ['0.1', 'https://10.0.0.1/'],
  ])('with NO_PROXY=%s sends %s through the proxy', (exceptions, url) => {
    expect(through(url, { HTTPS_PROXY: proxy, NO_PROXY: exceptions })).toBe(proxy);
  });

  it.each(['socks5://proxy:1080', 'http://', 'http://user:s3cret%zz@proxy'])(
    'that holds %s is refused, without telling what it holds',
    async (text) => {
      const problem = await problemIn((async () => proxiesFrom({ HTTPS_PROXY: text }))());
      expect(problem.code).toBe('CONFIG_INVALID_VALUE');
      expect(JSON.stringify(problem)).not.toContain('s3cret');
    },
  );
});

describe('a registry behind a proxy', () => {
  let registry: FakeRegistry;
  let proxy: Server;
  let asked: string[];
  const clients: RegistryClient[] = [];

  beforeEach(async () => {
    asked = [];
    registry = await startRegistry();
    proxy = createServer((request, reply) => {
      asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? 'without'}`);
      const { pathname, search } = new URL(request.url ?? '');
      const { 'proxy-authorization': _, ...headers } = request.headers;
      const [host, port] = registry.host.split(':');
      const onward = httpRequest(
        { host, port, method: request.method, path: pathname + search, headers },
        (answer) => {
          reply.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(reply);
        },
      );
      request.pipe(onward);
    });
    proxy.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    await registry.close();
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });

  const address = () => `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  function start(domain: string, insecure: boolean, at = address()): RegistryClient {
    const environment = { HTTP_PROXY: `http://ann:s3cret@${at}`, HTTPS_PROXY: `http://ann:s3cret@${at}` };
    const client = createRegistry({
      ...clientOptions(domain, { insecure }),
      proxyFor: proxiesFrom(environment),
      resolve: (hostname) => {
        throw new Error(`${hostname} was resolved here`);
      },
    });
    clients.push(client);
    return client;
  }

  it('is asked through it, by a name that only the proxy knows', async () => {
    const { descriptor } = await registry.pushImage('team/app', '1');
    const client = start('registry.corp', true);
    const reference = referenceTo('registry.corp', 'team/app', '1');
    expect(await client.look(reference)).toMatchObject({ kind: 'digest', digest: descriptor.digest });
    expect(await client.describe(reference, descriptor.digest)).toMatchObject({ digest: descriptor.digest });
    const credentials = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`;
    expect(asked[0]).toBe(`HEAD http://registry.corp/v2/team/app/manifests/1 ${credentials}`);
    expect(registry.log.all().length).toBe(asked.length);
    expect(registry.log.all()[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  it('with TLS is asked for a tunnel; that it refuses is told, and no credential', async () => {
    const problem = await problemIn(start('ghcr.io', false).look(referenceTo('ghcr.io', 'team/app', '1')));
    expect(asked[0]).toBe('CONNECT ghcr.io:443');
    expect(problem).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      hint: expect.stringContaining('HTTPS_PROXY'),
    });
    expect(problem.message).toContain(`through the proxy http://${address()}: the proxy answered 403`);
    expect(JSON.stringify(problem)).not.toMatch(/s3cret|Basic/);
  });

  it('that does not answer is told', async () => {
    const client = start('registry.corp', true, '127.0.0.1:1');
    const problem = await problemIn(client.look(referenceTo('registry.corp', 'team/app', '1')));
    expect(problem.message).toContain('through the proxy http://127.0.0.1:1: connection refused');
  });

  it.each(['169.254.169.254', '[fd00:ec2::254]'])('is never %s', async (host) => {
    const problem = await problemIn(start(host, true).look(referenceTo(host, 'latest', 'meta')));
    expect(problem.code).toBe('REGISTRY_BLOCKED');
    expect(asked).toEqual([]);
  });

  it('may not lead to a private address by a redirect', async () => {
    registry.faults.add({ action: { kind: 'redirect', location: 'http://10.0.0.1/v2/' } });
    const client = start('registry.corp', true);
    const problem = await problemIn(client.look(referenceTo('registry.corp', 'team/app', '1')));
    expect(problem.code).toBe('REGISTRY_BLOCKED');
    expect(asked.length).toBe(1);
  });
});
