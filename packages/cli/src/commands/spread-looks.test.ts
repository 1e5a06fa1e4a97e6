import { hour, minute } from '@image-factory/core/time.ts';
import {
  startCluster,
  type Cluster,
  type ClusterOptions,
} from '@image-factory/testing/kubernetes/start-cluster.ts';
import { expect, it, onTestFinished } from 'vitest';
import { runCommandLine } from '../command-line.ts';

const at = Date.parse('2026-11-23T07:07:00Z');
const refresh = 'kargo.akuity.io/refresh';

async function cluster(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const started = await startCluster({
    namespace: 'factory',
    serviceAccount: 'spread-looks',
    rules: [{ apiGroups: ['kargo.akuity.io'], resources: ['warehouses'], verbs: ['list', 'patch'] }],
    ...options,
  });
  onTestFinished(() => started.close());
  return started;
}

function watch(served: Cluster, name: string, slot: string, discoveredAt: string): void {
  served.put('warehouses', {
    metadata: { name, labels: { 'image-factory.dev/slot': slot } },
    spec: { interval: '24h0m0s' },
    status: { discoveredArtifacts: { discoveredAt } },
  });
}

async function run(served: Cluster, flags: readonly string[] = [], now: () => number = () => at) {
  let [out, err] = ['', ''];
  const exit = await runCommandLine(['spread-looks', `--service-account=${served.folder}`, ...flags], {
    env: served.env,
    cwd: '/',
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    width: 100,
    out: (text) => (out += text),
    err: (text) => (err += text),
    now,
  });
  return { exit, out, err };
}

function asked(served: Cluster): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    [...served.objects.values()].map(({ metadata }) => [metadata.name, metadata.annotations?.[refresh]]),
  );
}

it('asks for one look at what is looked at in another hour, and once only', async () => {
  const served = await cluster();
  watch(served, 'base-a', '07', '2026-11-22T16:00:00Z');
  watch(served, 'base-b', '07', '2026-11-22T07:20:00Z');
  watch(served, 'base-c', '08', '2026-11-22T16:00:00Z');
  const first = await run(served);
  expect(first).toEqual({
    exit: 0,
    out: 'asked for a look at base-a\n1 looked at in this hour already, as every day\n',
    err: '',
  });
  expect(asked(served)).toEqual({
    'base-a': '2026-11-23T07:00:00Z',
    'base-b': undefined,
    'base-c': undefined,
  });
  const again = await run(served, ['--output=json']);
  expect(JSON.parse(again.out)).toEqual({
    hour: '07',
    dryRun: false,
    asked: [],
    left: { 'asked-lately': 1, 'in-its-hour': 1 },
  });
  expect(served.calls.map(({ verb }) => verb)).toEqual(['list', 'patch', 'list']);
});

it('asks for nothing with --dry-run, and after its hour', async () => {
  const served = await cluster();
  watch(served, 'base-a', '07', '2026-11-22T16:00:00Z');
  expect((await run(served, ['--dry-run'])).out).toBe('would ask for a look at base-a\n');
  let reads = 0;
  const late = await run(served, [], () => (reads++ < 2 ? at : at + hour - 7 * minute));
  expect(late.out).toBe('1 left for tomorrow, since the hour is over\n');
  expect(asked(served)).toEqual({ 'base-a': undefined });
});

it('leaves what somebody else wrote meanwhile', async () => {
  const others: Cluster[] = [];
  const started = await cluster({
    before: ({ method }) => {
      if (method === 'PATCH') for (const each of others) watch(each, 'base-a', '07', '2026-11-22T17:00:00Z');
      return false;
    },
  });
  others.push(started);
  watch(started, 'base-a', '07', '2026-11-22T16:00:00Z');
  expect((await run(started)).out).toBe('1 changed meanwhile\n');
});

it('says what is missing where its rights are', async () => {
  const served = await cluster({ rules: [] });
  const { exit, out, err } = await run(served);
  expect([exit, out]).toEqual([3, '']);
  expect(err).toContain('listing warehouses: 403: spread-looks cannot list warehouses [CLUSTER_DENIED]');
});

it('goes on where one is refused, and says so', async () => {
  const served = await cluster({
    admit: ({ object }) => (object.metadata.name === 'base-a' ? 'it may not change labels' : undefined),
  });
  watch(served, 'base-a', '07', '2026-11-22T16:00:00Z');
  watch(served, 'base-b', '07', '2026-11-22T16:00:00Z');
  const { exit, out, err } = await run(served);
  expect([exit, out]).toEqual([
    1,
    'asked for a look at base-b\n1 that the API server does not let be asked for\n',
  ]);
  expect(err).toContain('patching warehouses base-a: 422: denied request: it may not change labels');
});
