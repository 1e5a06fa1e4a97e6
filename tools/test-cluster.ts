// What can only be shown with a cluster that has Kargo: npm run test:cluster [-- --live]
//
// With KUBECONFIG it makes a namespace, hands the output to the API server by a server-side dry run, and removes the
// namespace. --live also runs a base update to the dispatch of a build.
import { fileURLToPath } from 'node:url';
import { findCommand } from './bootstrap/commands.mjs';
import { dryRun, inNamespace, obstacleOf } from './cluster/dry-run.ts';
import { kubectlOf, type Kubectl } from './cluster/kubectl.ts';
import { baseUpdateToDispatch } from './cluster/live.ts';
import { generatedManifests } from './generate-kustomize.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

export interface ClusterTest {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** For tests. */
  readonly kubectl?: Kubectl;
  readonly patience?: number;
}

/** Answers the exit code: 0 also where there is nothing to test with, which is said. */
export async function testCluster({
  args,
  env,
  say,
  kubectl: given,
  patience,
}: ClusterTest): Promise<number> {
  const unknown = args.find((each) => each !== '--live');
  if (unknown !== undefined) {
    say(`unknown argument ${unknown}; the only one is --live`);
    return 2;
  }
  if ((env['KUBECONFIG'] ?? '') === '') {
    say('skipped: KUBECONFIG names no cluster');
    return 0;
  }
  const program = given ? '' : findCommand('kubectl', env);
  if (program === undefined) {
    say('skipped: kubectl is not installed');
    return 0;
  }
  const kubectl = given ?? kubectlOf(program, env);
  const obstacle = await obstacleOf(kubectl);
  if (obstacle !== undefined) {
    say(`skipped: ${obstacle}`);
    return 0;
  }
  const address = env['IMAGE_FACTORY_TEST_ADDRESS'] ?? '';
  const image = env['IMAGE_FACTORY_TEST_IMAGE'] ?? '';
  const live = args.includes('--live');
  if (live && (address === '' || image === '')) {
    say('--live needs IMAGE_FACTORY_TEST_ADDRESS (an IPv4 address of this machine that pods reach)');
    say('and IMAGE_FACTORY_TEST_IMAGE (the image of Image Factory, as the cluster can pull it)');
    return 2;
  }
  try {
    await inNamespace(kubectl, async (namespace) => {
      const lines = await dryRun(kubectl, namespace, await generatedManifests(root));
      say(`accepted by the API server and by Kargo's webhooks: ${lines.length} resources`);
      if (!live) return;
      const found = await baseUpdateToDispatch({
        kubectl,
        namespace,
        address,
        image,
        say,
        patience: patience ?? 20 * 60_000,
      });
      say(`a base update led to ${found.method} ${found.path} ${found.body}`);
    });
    return 0;
  } catch (thrown) {
    say(`failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await testCluster({
    args: process.argv.slice(2),
    env: process.env,
    say: (line) => console.log(`test:cluster: ${line}`),
  });
