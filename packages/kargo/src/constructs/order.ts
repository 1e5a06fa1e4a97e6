import type { KubernetesManifest } from '../manifests/manifest.ts';

/** What others need comes first; kinds not named here come before what runs. */
const ranks: Readonly<Record<string, number>> = {
  Namespace: 0,
  Project: 1,
  ProjectConfig: 2,
  ServiceAccount: 3,
  Role: 4,
  RoleBinding: 5,
  NetworkPolicy: 6,
  ConfigMap: 7,
  Secret: 8,
  ExternalSecret: 9,
  AnalysisTemplate: 11,
  PromotionTask: 12,
  Warehouse: 13,
  Stage: 14,
  Job: 15,
  CronJob: 16,
  Service: 17,
  PodDisruptionBudget: 18,
  Deployment: 19,
};
const otherRank = 10;

/** Projects, their configuration and credentials before Warehouses before Stages; within a kind by namespace and name. */
export function inStableOrder<M extends KubernetesManifest>(manifests: readonly M[]): readonly M[] {
  return manifests
    .map((manifest) => ({ manifest, rank: ranks[manifest.kind] ?? otherRank, key: keyOf(manifest) }))
    .toSorted((left, right) => left.rank - right.rank || compare(left.key, right.key))
    .map(({ manifest }) => manifest);
}

/** By code units: no locale may change the order. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function keyOf({ kind, apiVersion, metadata }: KubernetesManifest): string {
  return [kind, apiVersion, metadata.namespace ?? '', metadata.name].join('\n');
}
