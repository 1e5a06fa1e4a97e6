import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createGitRemote } from '@image-factory/testing/git-remote.ts';
import { startRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { openGate, startRecorder, type Recorder } from './gate.ts';
import type { Kubectl } from './kubectl.ts';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');

export interface LiveOptions {
  readonly kubectl: Kubectl;
  readonly namespace: string;
  /** An IPv4 address of this machine that pods reach. */
  readonly address: string;
  /** Image Factory's own image, as the cluster can pull it. */
  readonly image: string;
  /** Milliseconds that Kargo may take. */
  readonly patience: number;
  readonly say: (line: string) => void;
}

/** The request with which the build was started. */
export type Dispatch = Recorder['requests'][number];

/**
 * A base is pushed to a registry, Kargo finds it, the Jobs decide, and Kargo starts the build: until the request arrives
 * here. Registry, repository and forge are in this process; Kargo, Argo Rollouts and the Jobs are the cluster's own.
 */
export async function baseUpdateToDispatch(options: LiveOptions): Promise<Dispatch> {
  const { kubectl, namespace, address, image, say } = options;
  const closing: (() => Promise<unknown>)[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-cluster-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  try {
    const registry = await startRegistry();
    closing.push(() => registry.close());
    const remote = await createGitRemote();
    closing.push(() => remote.remove());
    const served = new URL((await remote.serve()).url);
    const images = await openGate(address, Number(registry.host.split(':')[1]));
    const git = await openGate(address, Number(served.port));
    const forge = await startRecorder(address);
    closing.push(images.close, git.close, forge.close);

    const repository = `http://${git.host}/acme${served.pathname}`;
    const os = (content: string) => ({ 'etc/os-release': content });
    await registry.pushImage('base/os', '1', { layers: [os('one')] });
    await registry.pushImage('acme/app', 'latest', { layers: [os('one'), { 'app/app': 'app' }] });
    const files = factoryFiles({ images: images.host, forge: forge.host, repository, namespace, image });
    await remote.commit(files);
    const factory = join(folder, 'clone/factory');
    await promisify(execFile)('git', ['clone', '--quiet', remote.path, join(folder, 'clone')]);
    const run = async (...args: readonly string[]) =>
      (
        await promisify(execFile)(process.execPath, [main, '--dir', factory, ...args], {
          env: { ...process.env, IMAGE_FACTORY_CACHE_DIR: join(folder, 'cache'), FACTORY_GIT_TOKEN: 'none' },
        })
      ).stdout;
    await run('run', '--once');
    await run('synth', '--out', join(folder, 'out'));
    for (const [name, key] of [
      ['image-factory-git', 'password'],
      ['github-token', 'token'],
    ] as const)
      await kubectl(['create', '-f', '-'], secret(namespace, name, key));
    await kubectl(['create', 'serviceaccount', 'image-factory', '-n', namespace]);
    await kubectl(['apply', '--server-side', '-f', join(folder, 'out')]);
    say('applied; a new base is pushed now');

    await registry.pushImage('base/os', '1', { layers: [os('two')] });
    const refresh = `kargo.akuity.io/refresh=${Date.now()}`;
    const all = ['warehouses.kargo.akuity.io', '--all', '--overwrite', '-n', namespace];
    await kubectl(['annotate', ...all, refresh]);
    return await dispatched(forge, options);
  } finally {
    for (const close of closing.toReversed()) await close().catch(() => undefined);
  }
}

async function dispatched(forge: Recorder, { patience, say }: LiveOptions): Promise<Dispatch> {
  const until = Date.now() + patience;
  for (let said = Date.now(); Date.now() < until; await sleep(250)) {
    const found = forge.requests.find(({ method }) => method === 'POST');
    if (found) return found;
    if (Date.now() - said < 30_000) continue;
    said = Date.now();
    say(`waiting for Kargo: ${Math.round((until - said) / 1000)} s left`);
  }
  throw new Error(`no build was started within ${Math.round(patience / 1000)} s`);
}

function factoryFiles(at: {
  readonly images: string;
  readonly forge: string;
  readonly repository: string;
  readonly namespace: string;
  readonly image: string;
}): Record<string, string> {
  return {
    'app/Dockerfile': `FROM ${at.images}/base/os:1\nCOPY . /app\n`,
    'factory/images.yaml': `- name: app
  registry: "${at.images}"
  repository: acme/app
  source: { provider: github, repo: "${at.repository}", branch: main, dockerfile: app/Dockerfile, workflow: app.yml, workflowRepo: acme/repository, workflowBranch: main }
  rebuildDelay: "0"
  schedule: "* * * * * *"
`,
    'factory/factory.yaml': `engine: kargo
state: { mode: git, remote: "${at.repository}" }
registries: { "${at.images}": { insecure: true } }
providers: { github: { url: "http://${at.forge}" } }
timing: { settle: 1s, coordinationWindow: 0s, lookAhead: 0s }
kargo:
  namespace: ${at.namespace}
  image: ${at.image}
  directory: factory
  intervals: { source: 5m, intents: 5m, images: 5m }
  schedule: "*/1 * * * *"
`,
  };
}

function secret(namespace: string, name: string, key: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'kargo.akuity.io/cred-type': 'generic' } },
    stringData: { [key]: 'of-a-test' },
  });
}
