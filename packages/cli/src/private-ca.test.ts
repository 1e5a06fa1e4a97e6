import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { problemOf } from '@image-factory/core/problem.ts';
import { createAuthority, type CertificateAuthority } from '@image-factory/testing/certificate-authority.ts';
import { fakeGitlab } from '@image-factory/testing/forges/gitlab.ts';
import { serveForge } from '@image-factory/testing/forges/serve-forge.ts';
import { jenkins } from '@image-factory/testing/forges/webhook-systems.ts';
import { fakeWebhook } from '@image-factory/testing/forges/webhook.ts';
import { buildRequest, digest } from '@image-factory/testing/records.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openCiBuilders } from './ci-builders.ts';
import { loadConfig } from './config-files.ts';

const closers: (() => Promise<unknown>)[] = [];
let dir: string;
let authority: CertificateAuthority;
let stranger: CertificateAuthority;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'private-ca-'));
  authority = createAuthority(dir);
  stranger = createAuthority(dir, 'Another CA');
});
afterAll(() => rm(dir, { recursive: true }));
beforeEach(() => {
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'])
    vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).toReversed()) await close();
});

const workflows = {
  now: () => Date.now(),
  random: () => 0.5,
  claim: undefined,
  push: () => digest('pushed'),
};

/** What a provider's server is, and the lines of factory.yaml that name it. */
interface Case {
  serve(): Promise<{ readonly starts: () => number; readonly lines: (ca: string) => string }>;
}

const cases: Record<'gitlab' | 'webhook', Case> = {
  gitlab: {
    async serve() {
      const options = { ...workflows, project: 'acme/app', prefix: '/git', token: 'glpat-secret' };
      const forge = fakeGitlab({ ...options, pipelineName: 'image-factory {image} [{key}/{attempt}]' });
      const { url, close } = await serveForge(forge.handle, authority.localhost);
      closers.push(close);
      return {
        starts: () => forge.runs.length,
        lines: (ca) => `providers: { gitlab: { url: "${url}/git", token: { env: TOKEN }${ca} } }\n`,
      };
    },
  },
  webhook: {
    async serve() {
      const credential = { header: 'authorization', value: 'Bearer glpat-secret' };
      const forge = fakeWebhook({ ...workflows, system: jenkins, credential });
      const { url, close } = await serveForge(forge.handle, authority.localhost);
      closers.push(close);
      return {
        starts: () => forge.runs.length,
        lines: (ca) => `providers:
  webhook:
    start:
      url: ${url}/job/build/buildWithParameters
      headers: { content-type: application/x-www-form-urlencoded }
      secretHeaders: { authorization: { secret: { env: TOKEN }, prefix: "Bearer " } }
      body: FACTORY_RUN={{key}}%2F{{attempt}}&FACTORY_IMAGE={{image}}
${ca === '' ? '' : `    ${ca.slice(2)}\n`}`,
      };
    },
  },
};

async function open(provider: 'gitlab' | 'webhook', lines: string) {
  const entry = `- { name: app, registry: r.test, repository: acme/app, source: { provider: ${provider}, repo: acme/app, branch: main, dockerfile: Dockerfile } }\n`;
  await writeFile(join(dir, 'images.yaml'), entry);
  await writeFile(join(dir, 'factory.yaml'), lines);
  const loaded = await loadConfig(dir);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const [image] = loaded.value.images;
  const registry = { look: async () => ({ kind: 'absent' as const }), describe: async () => undefined };
  const builders = await openCiBuilders(dir, loaded.value, registry, {
    env: { TOKEN: 'glpat-secret' },
    cwd: '/',
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    width: 80,
    out: () => undefined,
    err: () => undefined,
    now: () => Date.now(),
  });
  closers.push(() => builders.close());
  const builder = builders.builderFor(provider);
  if (image?.kind !== 'managed' || !builder) throw new Error('no builder');
  return { builder, image };
}

async function startAt({ builder, image }: Awaited<ReturnType<typeof open>>) {
  try {
    return { run: await builder.start(buildRequest(image)), problem: undefined };
  } catch (thrown) {
    return { run: undefined, problem: problemOf(thrown) };
  }
}

/** A proxy that lets tunnels through; what it was asked for. */
async function proxied(): Promise<readonly string[]> {
  const tunnels: string[] = [];
  const proxy = createServer((_request, response) => response.writeHead(400).end());
  proxy.on('connect', (request, socket) => {
    tunnels.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    const onward = connect(Number((request.url ?? '').split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    proxy.closeAllConnections();
    proxy.close();
  });
  vi.stubEnv('HTTPS_PROXY', `http://kim:s3cret@127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  return tunnels;
}

describe.each(Object.entries(cases) as ['gitlab' | 'webhook', Case][])(
  'a %s server with a certificate of a private authority',
  (provider, { serve }) => {
    it('is asked where its authority is named, by a path in the factory directory', async () => {
      const { starts, lines } = await serve();
      const { run, problem } = await startAt(
        await open(provider, lines(`, ca: ${basename(authority.file)}`)),
      );
      expect(problem).toBeUndefined();
      expect(run).toMatchObject({ key: 'k1', status: 'running' });
      expect(starts()).toBe(1);
    });

    it('is refused without, and it is said what to set', async () => {
      const { starts, lines } = await serve();
      const { problem } = await startAt(await open(provider, lines('')));
      expect(problem?.code).toBe('CI_UNREACHABLE');
      expect(problem?.message).toContain('certificate is of an unknown authority');
      expect(problem?.hint).toContain(`Set providers.${provider}.ca in factory.yaml`);
      expect(JSON.stringify(problem)).not.toContain('secret');
      expect(starts()).toBe(0);
    });

    it('is refused by another authority, and it is said that it is not this one', async () => {
      const { starts, lines } = await serve();
      const { problem } = await startAt(await open(provider, lines(`, ca: ${basename(stranger.file)}`)));
      expect(problem?.message).toContain('certificate is of an unknown authority');
      expect(problem?.hint).toContain(`is not in the file of providers.${provider}.ca`);
      expect(starts()).toBe(0);
    });

    it('is not asked where the file of the authority holds no certificate', async () => {
      const { starts, lines } = await serve();
      const { problem } = await startAt(await open(provider, lines(', ca: images.yaml')));
      expect(problem).toMatchObject({ code: 'CREDENTIALS' });
      expect(problem?.message).toContain('has no certificate in it');
      expect(starts()).toBe(0);
    });

    it('is asked through the proxy of the environment, with its certificate checked in the tunnel', async () => {
      const { starts, lines } = await serve();
      const tunnels = await proxied();
      const { run } = await startAt(await open(provider, lines(`, ca: ${basename(authority.file)}`)));
      expect(run).toMatchObject({ key: 'k1', status: 'running' });
      expect(tunnels).toEqual([expect.stringMatching(/^localhost:\d+ Basic a2ltOnMzY3JldA==$/) as string]);
      const { problem } = await startAt(await open(provider, lines('')));
      expect(problem?.message).toContain('certificate is of an unknown authority');
      expect(tunnels).toHaveLength(2);
      expect(starts()).toBe(1);
    });

    it('is asked directly where NO_PROXY names it', async () => {
      const { starts, lines } = await serve();
      const tunnels = await proxied();
      vi.stubEnv('NO_PROXY', 'localhost');
      await startAt(await open(provider, lines(`, ca: ${basename(authority.file)}`)));
      expect(tunnels).toEqual([]);
      expect(starts()).toBe(1);
    });
  },
);
