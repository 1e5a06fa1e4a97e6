import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { Kubectl } from './cluster/kubectl.ts';
import { testCluster } from './test-cluster.ts';

const main = join(import.meta.dirname, '../packages/cli/src/main.ts');

async function run(options: Omit<Parameters<typeof testCluster>[0], 'say'>) {
  const said: string[] = [];
  const exit = await testCluster({ ...options, say: (line) => said.push(line) });
  return { exit, said: said.join('\n') };
}

const env = { KUBECONFIG: '/a/cluster' };

describe('test:cluster', () => {
  it('says why it skips', async () => {
    expect(await run({ args: [], env: {} })).toEqual({
      exit: 0,
      said: 'skipped: KUBECONFIG names no cluster',
    });
    expect((await run({ args: [], env: { KUBECONFIG: '/x', PATH: '/nowhere' } })).said).toContain(
      'kubectl is not installed',
    );
    const silent: Kubectl = () => Promise.reject(new Error('refused'));
    expect((await run({ args: [], env, kubectl: silent })).said).toContain('does not answer: refused');
    const empty: Kubectl = (args) =>
      args[0] === 'get' ? Promise.reject(new Error('NotFound')) : Promise.resolve('{}');
    expect((await run({ args: [], env, kubectl: empty })).said).toContain(
      'has no warehouses.kargo.akuity.io',
    );
    expect((await run({ args: ['--life'], env })).exit).toBe(2);
  });

  it('dry-runs the output in a namespace of its own, and takes it away again', async () => {
    const calls: string[] = [];
    let applied = '';
    const kubectl: Kubectl = (args, input) => {
      calls.push(args.slice(0, 3).join(' '));
      if (args[0] === 'apply') applied = input ?? '';
      return Promise.resolve(args[0] === 'apply' ? 'a\nb\n' : '');
    };
    expect(await run({ args: [], env, kubectl })).toEqual({
      exit: 0,
      said: "accepted by the API server and by Kargo's webhooks: 2 resources",
    });
    const [project] = parseAllDocuments(applied).map((each) => each.toJS() as { metadata: { name: string } });
    const namespace = project?.metadata.name ?? '';
    expect(namespace).toMatch(/^image-factory-test-[0-9a-f]{8}$/);
    expect(applied).not.toContain('image-factory-kargo');
    expect(calls.slice(-3)).toEqual([
      'apply --server-side --dry-run=server',
      `delete project.kargo.akuity.io ${namespace}`,
      `delete namespace ${namespace}`,
    ]);
    const refusing: Kubectl = (args, input) =>
      args[0] === 'apply' ? Promise.reject(new Error('denied by the webhook')) : kubectl(args, input);
    expect(await run({ args: [], env, kubectl: refusing })).toEqual({
      exit: 1,
      said: 'failed: denied by the webhook',
    });
    expect(calls.at(-1)).toMatch(/^delete namespace/);
  });

  it('--live asks for what it needs', async () => {
    const kubectl: Kubectl = () => Promise.resolve('');
    const { exit, said } = await run({ args: ['--live'], env, kubectl });
    expect([exit, said]).toEqual([2, expect.stringContaining('IMAGE_FACTORY_TEST_ADDRESS')]);
  });

  it(
    '--live follows a base update to the request, with somebody else in the place of Kargo',
    { timeout: 60_000 },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'image-factory-cluster-test-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      let out = '';
      const kubectl: Kubectl = async (args) => {
        if (args[0] === 'apply' && !args.includes('--dry-run=server')) {
          const [name = ''] = readdirSync(args.at(-1) ?? '');
          out = await readFile(join(args.at(-1) ?? '', name), 'utf8');
        }
        if (args[0] === 'annotate') await playKargo(out, folder);
        return '';
      };
      const { exit, said } = await run({
        args: ['--live'],
        env: {
          ...env,
          IMAGE_FACTORY_TEST_ADDRESS: '127.0.0.1',
          IMAGE_FACTORY_TEST_IMAGE: `x/y@sha256:${'0'.repeat(64)}`,
        },
        kubectl,
        patience: 20_000,
      });
      expect(exit, said).toBe(0);
      expect(said).toMatch(/a base update led to POST \/\S*app\.yml\S* .*factory_attempt/);
    },
  );
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What Kargo and Argo Rollouts do of it: the observe Job, then the request of the intent. */
async function playKargo(out: string, folder: string): Promise<void> {
  const manifests = parseAllDocuments(out).map((each) => each.toJS() as Manifest);
  const stages = manifests.filter(({ kind }) => kind === 'Stage');
  const observe = stages.find(({ metadata }) => metadata.name.startsWith('observe-'));
  const rebuild = stages.find(({ metadata }) => metadata.name.startsWith('rebuild-'));
  const cron = manifests.find(({ kind }) => kind === 'CronJob');
  const where = [
    ...JSON.stringify(cron).matchAll(/"(--(?:git-repo|git-branch|image-factory-dir)=[^"]*)"/g),
  ].map(([, flag = '']) => flag);
  const name = /"name":"name","value":"([^"]+)"/.exec(JSON.stringify(observe))?.[1] ?? '';
  const job = {
    ...process.env,
    IMAGE_FACTORY_CACHE_DIR: join(folder, 'cache'),
    TMPDIR: folder,
    FACTORY_GIT_TOKEN: 'none',
  };
  const jobs = async (...args: readonly string[]) =>
    (await promisify(execFile)(process.execPath, [main, ...args, ...where], { env: job })).stdout;
  await jobs('observe', `--name=${name}`);
  for (let minute = 0; minute < 6; minute++) {
    await new Promise((done) => setTimeout(done, 1500));
    // Exit code 1: Kargo has not started what was decided.
    const decided = await jobs('run', '--once').catch(() => 'started');
    if (decided === 'started' || decided.includes('start')) break;
  }
  const repository = where.find((flag) => flag.startsWith('--git-repo='))?.slice('--git-repo='.length) ?? '';
  await promisify(execFile)('git', [
    'clone',
    '-q',
    '-b',
    'image-factory/state',
    repository,
    join(folder, 'state'),
  ]);
  const intent = parse(await readFile(join(folder, 'state/intents/app.yaml'), 'utf8')) as { request: string };
  const url = /"name":"url","value":"([^"]+)"/.exec(JSON.stringify(rebuild))?.[1] ?? '';
  await fetch(url, { method: 'POST', body: intent.request });
}
