import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { startRegistry } from '@image-factory/testing/registry/start-registry.ts';
import {
  startCluster,
  type AccessRule,
  type ClusterObject,
} from '@image-factory/testing/kubernetes/start-cluster.ts';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { refusalOf, type AdmissionPolicy } from './deployment/admission-policy.ts';
import { generatedPath } from './generate-kustomize.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'packages/cli/src/main.ts');
const looksFolder = join(root, 'kustomize/image-factory/components/spread-looks');

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

let folder: string;
let server: Server;
let remote: GitRemote;
let url: string;
let registry: Awaited<ReturnType<typeof startRegistry>>;
const calls: string[] = [];
const token = 'job-token-0123';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-job-calls-'));
  server = createServer((request, response) => {
    calls.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(403).end();
  });
  server.on('connection', () => calls.push('connection'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  registry = await startRegistry();
  await registry.pushImage('library/base', '1', { layers: ['one'] });
  remote = await createGitRemote();
  const served = await remote.serve({ credential: `x-access-token:${token}` });
  url = served.url.replace(/\/([^/]+)$/, '/acme/$1');
  await remote.commit({
    'app/Dockerfile': `FROM ${registry.host}/library/base:1\nCOPY . /app\n`,
    'factory/images.yaml': `- name: app
  registry: ${registry.host}
  repository: acme/app
  source: { provider: github, repo: "${url}", branch: main, dockerfile: app/Dockerfile }
`,
    'factory/factory.yaml': `engine: kargo
state: { mode: git }
providers: { github: { url: "${new URL(url).origin}" } }
registries: { "${registry.host}": { insecure: true } }
`,
  });
});

afterAll(async () => {
  await new Promise((done) => server.close(done));
  await registry.close();
  await remote.remove();
  await rm(folder, { recursive: true, force: true });
});

function jobs(): readonly Container[] {
  return containersIn(
    parseAllDocuments(readFileSync(join(root, generatedPath), 'utf8')).map((each) => each.toJS() as unknown),
  );
}

function containersIn(resources: readonly unknown[]): readonly Container[] {
  const found: Container[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('args' in value && 'image' in value) found.push(value as unknown as Container);
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const each of resources) visit(each);
  return found;
}

/** What Kargo and Argo Rollouts would put in. */
const given: Readonly<Record<string, string>> = {
  image: 'app',
  name: 'base-1',
  tag: '1',
  digest: '',
  dockerfile: 'app/Dockerfile',
  'source-repo': '',
  'source-provider': 'github',
};

function inPlace(argument: string): string {
  if (argument.startsWith('--git-repo=')) return `--git-repo=${url}`;
  return argument.replaceAll(/\{\{args\.([\w-]+)\}\}/g, (_, name: string) => given[name] ?? '');
}

function recorder(): Readonly<Record<string, string>> {
  const { port } = server.address() as AddressInfo;
  return {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(port),
    KUBERNETES_SERVICE_PORT_HTTPS: String(port),
    KUBERNETES_PORT: `tcp://127.0.0.1:${port}`,
  };
}

/** As in a pod that somebody gave a token after all. */
async function run(
  container: Container,
  cluster: Readonly<Record<string, string>> = recorder(),
): Promise<{ readonly exit: number; readonly text: string }> {
  const own = container.env.flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const env = {
    PATH: process.env['PATH'],
    ...Object.fromEntries(own),
    HOME: folder,
    TMPDIR: folder,
    IMAGE_FACTORY_CACHE_DIR: join(folder, 'cache'),
    FACTORY_GIT_TOKEN: token,
    ...cluster,
  };
  const args = container.args.map(inPlace);
  return promisify(execFile)(process.execPath, [main, ...args], { env, timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ exit: 0, text: stdout + stderr }),
    (thrown: unknown) => {
      const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
      return { exit: code, text: stdout + stderr };
    },
  );
}

it(
  'the Jobs run against the factory directory and ask nothing of the Kubernetes API',
  { timeout: 120_000 },
  async () => {
    const commands = jobs().toSorted((a, b) => order(a) - order(b));
    expect(commands.map(({ args }) => args[0])).toEqual(['analyze', 'run', 'observe']);
    for (const each of commands) {
      const { exit, text } = await run(each);
      // Kargo would start what was decided: its run is not there yet, which is said and stops nothing.
      expect([0, 1], `${each.args.join(' ')}: ${text}`).toContain(exit);
      expect(text).not.toContain('INTERNAL');
    }
    expect([...(await remote.files('image-factory/state')).keys()]).toEqual(
      expect.arrayContaining(['images/app.yaml', 'base-images/base-1.yaml', 'intents/app.yaml']),
    );
    expect(calls).toEqual([]);
    // The recorder records.
    const { port } = server.address() as AddressInfo;
    await fetch(`http://127.0.0.1:${port}/api`).catch(() => undefined);
    expect(calls).toContain('GET /api');
  },
);

function order({ args }: Container): number {
  return ['analyze', 'run', 'observe'].indexOf(args[0] ?? '');
}

interface Role {
  readonly rules: readonly AccessRule[];
}

it(
  'the Job that moves looks calls what its Role allows, all of it and nothing else',
  { timeout: 60_000 },
  async () => {
    const read = (file: string) =>
      parseAllDocuments(readFileSync(join(looksFolder, file), 'utf8')).map((each) => each.toJS() as unknown);
    const [account, role] = read('access.yaml') as [ClusterObject, Role];
    const [policy] = read('admission-policy.yaml') as [AdmissionPolicy];
    const [job] = containersIn(read('cron-job.yaml'));
    if (!job) throw new Error('there is no CronJob');
    const cluster = await startCluster({
      namespace: 'image-factory-kargo',
      serviceAccount: account.metadata.name,
      rules: role.rules,
      admit: ({ object, oldObject, username }) =>
        refusalOf(policy, { request: { operation: 'UPDATE', userInfo: { username } }, object, oldObject }),
    });
    onTestFinished(() => cluster.close());
    // The hour may end while the Job runs: both have one.
    const hours = [0, 1].map((more) => new Date(Date.now() + more * 3_600_000).toISOString().slice(11, 13));
    for (const manifest of parseAllDocuments(readFileSync(join(root, generatedPath), 'utf8'))) {
      const { kind, ...warehouse } = manifest.toJS() as ClusterObject & { kind: string };
      if (kind !== 'Warehouse' || warehouse.metadata.labels?.['image-factory.dev/slot'] === undefined)
        continue;
      for (const slot of hours) {
        const metadata = {
          ...warehouse.metadata,
          name: `${warehouse.metadata.name}-${slot}`,
          labels: { ...warehouse.metadata.labels, 'image-factory.dev/slot': slot },
        };
        const discoveredAt = new Date(Date.now() - 5 * 3_600_000).toISOString();
        cluster.put('warehouses', {
          ...warehouse,
          metadata,
          status: { discoveredArtifacts: { discoveredAt } },
        });
      }
    }
    const before = new Map(cluster.objects);
    const { exit, text } = await run(
      { ...job, args: [...job.args, `--service-account=${cluster.folder}`] },
      cluster.env,
    );
    expect([exit, text]).toEqual([0, expect.stringContaining('asked for a look at base-')]);
    const called = new Set(cluster.calls.map(({ group, resource, verb }) => `${group} ${resource} ${verb}`));
    const granted = role.rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group} ${resource} ${verb}`)),
      ),
    );
    expect([...called].toSorted()).toEqual(granted.toSorted());
    expect(cluster.calls.filter(({ allowed }) => !allowed)).toEqual([]);
    const patched = [...cluster.objects].filter(([at, object]) => before.get(at) !== object);
    expect(patched.length).toBeGreaterThan(0);
    for (const [at, { spec, metadata }] of patched) {
      expect(spec).toEqual(before.get(at)?.['spec']);
      expect(metadata.labels).toEqual(before.get(at)?.metadata.labels);
    }
  },
);

it('of the bundle only the command of that Job knows a way to the Kubernetes API', () => {
  const dist = join(root, 'packages/cli/dist');
  if (!existsSync(dist)) execFileSync('node', ['tools/build.mjs'], { cwd: root });
  const files = readdirSync(dist).filter((name) => name.endsWith('.js'));
  expect(files.length).toBeGreaterThan(5);
  const words = ['KUBERNETES_SERVICE', 'kubernetes.default', '/var/run/secrets/kubernetes.io', 'KUBECONFIG'];
  const knowing = files.filter((name) => {
    const text = readFileSync(join(dist, name), 'utf8');
    return words.some((word) => text.includes(word));
  });
  expect(knowing.map((name) => name.replace(/-[^-]*\.js$/, ''))).toEqual(['spread-looks']);
  // Nothing else loads it: its name stands where commands are loaded on demand, and nowhere else.
  const loading = files.filter((name) => readFileSync(join(dist, name), 'utf8').includes(String(knowing[0])));
  expect(loading).toEqual(['command.js']);
});
