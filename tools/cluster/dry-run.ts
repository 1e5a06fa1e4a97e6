import { randomBytes } from 'node:crypto';
import type { Kubectl } from './kubectl.ts';

const ours = 'image-factory-kargo';

/** Kinds of the output without which nothing can be said. */
const needed = ['warehouses.kargo.akuity.io', 'stages.kargo.akuity.io', 'analysistemplates.argoproj.io'];

/** Why the cluster cannot be used; undefined if it can. */
export async function obstacleOf(kubectl: Kubectl): Promise<string | undefined> {
  try {
    await kubectl(['version', '-o', 'json', '--request-timeout=15s']);
  } catch (thrown) {
    return `the cluster of KUBECONFIG does not answer: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  for (const kind of needed) {
    try {
      await kubectl(['get', 'customresourcedefinition', kind, '-o', 'name']);
    } catch {
      return `the cluster has no ${kind}: Kargo and Argo Rollouts have to be installed`;
    }
  }
  return undefined;
}

/** A namespace that Kargo adopts, for as long as `work` takes. */
export async function inNamespace<T>(kubectl: Kubectl, work: (namespace: string) => Promise<T>): Promise<T> {
  const namespace = `image-factory-test-${randomBytes(4).toString('hex')}`;
  const manifest = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'kargo.akuity.io/project': 'true' } },
  };
  await kubectl(['create', '-f', '-'], JSON.stringify(manifest));
  try {
    return await work(namespace);
  } finally {
    await kubectl(['delete', 'project.kargo.akuity.io', namespace, '--ignore-not-found', '--wait=false']);
    await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
  }
}

/** Hands the manifests to the API server and its webhooks, which say what they would do and do nothing. */
export async function dryRun(
  kubectl: Kubectl,
  namespace: string,
  manifests: string,
): Promise<readonly string[]> {
  const out = await kubectl(
    ['apply', '--server-side', '--dry-run=server', '--field-manager=image-factory-test', '-f', '-'],
    manifests.replaceAll(ours, namespace),
  );
  return out.split('\n').filter((line) => line.trim() !== '');
}
