import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { DeploymentManifest } from '@image-factory/kargo/manifests/workload.ts';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { makePlace, type Place } from './testing/test-place.ts';
import { buildCommand, startCommand } from './testing/test-process.ts';

let main: string;
beforeAll(async () => {
  main = await buildCommand();
}, 120_000);

const gitToken = 'token-of-git-0123';

/** What a pod takes for the API server of its cluster; the connections to it. */
async function recordingCluster(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  readonly connections: () => number;
}> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const port = String((server.address() as AddressInfo).port);
  const env = {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: port,
    KUBERNETES_SERVICE_PORT_HTTPS: port,
    KUBERNETES_PORT: `tcp://127.0.0.1:${port}`,
  };
  return { env, connections: () => connections };
}

async function until<T>(found: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const value = await found().catch(() => undefined);
    if (value !== undefined) return value;
    await sleep(100);
  }
  throw new Error('it did not happen within 20 s');
}

function entry(place: Place, url: string, name: string): string {
  return `- name: ${name}
  registry: ${place.registry.host}
  repository: acme/${name}
  source: { provider: github, repo: "${url}", branch: main, dockerfile: app/Dockerfile }
`;
}

/** The arguments of the container that `synth` deploys. */
async function deployedArguments(place: Place): Promise<readonly string[]> {
  const { exit, err } = await place.run('synth');
  expect(exit, err).toBe(0);
  const text = await readFile(join(place.dir, 'dist/image-factory.k8s.yaml'), 'utf8');
  const deployment = parseAllDocuments(text)
    .map((each) => each.toJS() as { kind: string; spec: DeploymentManifest['spec'] })
    .find(({ kind }) => kind === 'Deployment');
  return deployment?.spec.template.spec.containers[0].args ?? [];
}

it(
  'the server that synth deploys works on a clone, and on what is pushed to it later',
  { timeout: 60_000 },
  async () => {
    const place = await makePlace('real');
    onTestFinished(() => place.leave());
    Object.assign(place.env, { FACTORY_GIT_TOKEN: gitToken, GITHUB_TOKEN: gitToken, TMPDIR: place.root });
    const { registry, remote } = place;
    await registry.pushImage('library/base', '1', { layers: ['one'] });
    const served = await remote.serve({ credential: `x-access-token:${gitToken}` });
    const url = served.url.replace(/\/([^/]+)$/, '/acme/$1');
    const factory = `engine: kargo
state: { mode: git, remote: "${url}", tokenEnv: FACTORY_GIT_TOKEN }
registries: { "${registry.host}": { insecure: true } }
providers: { github: { url: "${new URL(url).origin}" } }
timing: { settle: 0s, coordinationWindow: 0s, lookAhead: 0s, interval: 1s }
server: { token: { file: /var/run/secrets/image-factory/server/token } }
kargo:
  image: registry.example.com/image-factory@sha256:${'0'.repeat(64)}
  directory: platform/factory
  server: http://image-factory.image-factory-kargo.svc:8480
`;
    await place.enrol(entry(place, url, 'first'), factory);
    await remote.commit({
      'app/Dockerfile': `FROM ${registry.host}/library/base:1\nCOPY . /app\n`,
      'platform/factory/images.yaml': entry(place, url, 'first'),
      'platform/factory/factory.yaml': factory,
    });
    const args = await deployedArguments(place);
    expect(args).toContain('--listen=0.0.0.0:8480');
    const cluster = await recordingCluster();
    const running = startCommand(
      [main, ...args.map((each) => (each.startsWith('--listen=') ? '--listen=127.0.0.1:0' : each))],
      { env: { ...place.env, ...cluster.env } },
    );
    onTestFinished(() => void running.child.kill('SIGKILL'));
    let said = '';
    running.child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    const server = await until(async () => /listening at (http:\S+)/.exec(said)?.[1]);
    const ready = async () => {
      const answer = await fetch(`${server}/readyz`);
      return `${answer.status} ${(await answer.text()).trim()}`;
    };
    const isOpen = async (name: string) => ((await place.state()).intents.has(name) ? true : undefined);
    await until(() => isOpen('first'));
    await until(async () => ((await ready()) === '200 ready' ? true : undefined));

    await remote.commit({ 'platform/factory/images.d/second.yaml': entry(place, url, 'second') });
    await until(() => isOpen('second'));

    await remote.commit({ 'platform/factory/images.d/second.yaml': '- name: [' });
    await until(async () => ((await ready()) === '503 the configuration is wrong' ? true : undefined));
    expect((await fetch(`${server}/healthz`)).status).toBe(200);

    await remote.commit({ 'platform/factory/images.d/second.yaml': null });
    await until(async () => ((await ready()) === '200 ready' ? true : undefined));

    // Its branch is gone for a while: it goes on with what it has.
    const head = (await remote.head()) ?? '';
    await remote.git('update-ref', '-d', 'refs/heads/main');
    await until(async () => (said.includes('SOURCE_BRANCH_MISSING') ? true : undefined));
    expect(await ready()).toBe('200 ready');
    await remote.git('update-ref', 'refs/heads/main', head);
    await remote.commit({ 'platform/factory/images.d/third.yaml': entry(place, url, 'third') });
    await until(() => isOpen('third'));

    running.child.kill('SIGTERM');
    const { code, out, err } = await running.ended;
    expect([code, out]).toEqual([0, 'stopped\n']);
    expect(out + err).not.toContain(gitToken);
    expect(cluster.connections()).toBe(0);
  },
);
