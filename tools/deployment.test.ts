import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crdMistakes, crdsMissing, crdValidators } from '@image-factory/kargo/test-crds.ts';
import { validateManifests } from '@image-factory/kargo/validate/validate-manifests.ts';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { generatedManifests, generatedPath } from './generate-kustomize.ts';
import { build, kustomize, podsOf, type Resource } from './deployment/overlay.ts';
import { buildWithServer } from './deployment/server-overlay.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'kustomize/image-factory');
const namespace = 'image-factory-kargo';
const ours = ['.', 'overlays/demo', 'overlays/production'];
/** The overlay with the Job that moves looks, and the account of that Job. */
const withLooks = 'overlays/production';
const looksAccount = 'image-factory-spread-looks';
if (kustomize.command === undefined) console.log(`skipped: building the overlays needs ${kustomize.missing}`);
if (crdsMissing !== undefined) console.log(`skipped: the schemas of Kargo: ${crdsMissing}`);

const validators = crdsMissing === undefined ? crdValidators() : new Map<string, never>();

describe('the generated folder', () => {
  it('is what synth makes of the example', async () => {
    expect(readFileSync(join(root, generatedPath), 'utf8'), 'run npm run generate').toBe(
      await generatedManifests(`${root}/`),
    );
  });
});

describe.skipIf(kustomize.command === undefined)('an overlay', () => {
  const built = new Map(
    kustomize.command === undefined ? [] : ours.map((path) => [path, build(join(folder, path))] as const),
  );

  it.each(ours)('%s is accepted by the validator and by the schemas', (path) => {
    const resources = built.get(path) ?? [];
    expect(resources.length).toBeGreaterThan(20);
    expect(validateManifests(resources)).toEqual([]);
    if (crdsMissing !== undefined) return;
    expect(resources.flatMap((each) => crdMistakes(validators, each) ?? [])).toEqual([]);
    const known = new Set(resources.filter((each) => crdMistakes(validators, each)).map(({ kind }) => kind));
    expect(known).toEqual(
      new Set(['AnalysisTemplate', 'Project', 'ProjectConfig', 'PromotionTask', 'Stage', 'Warehouse']),
    );
  });

  it.each(ours)('%s puts everything into the one namespace, in an order that Kargo needs', (path) => {
    const resources = built.get(path) ?? [];
    const cluster = resources.filter((each) => each.metadata.namespace === undefined);
    const policies = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];
    expect(cluster.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()).toEqual([
      `Namespace ${namespace}`,
      `Project ${namespace}`,
      ...(path === withLooks ? policies.map((kind) => `${kind} image-factory-spread-looks`) : []),
    ]);
    for (const each of resources) expect([namespace, undefined]).toContain(each.metadata.namespace);
    const wave = (kind: string) =>
      resources
        .filter((each) => each.kind === kind)
        .map((each) => Number(each.metadata.annotations?.['argocd.argoproj.io/sync-wave']));
    const order = [
      'Namespace',
      'Project',
      'ProjectConfig',
      'ServiceAccount',
      'AnalysisTemplate',
      'Warehouse',
      'Stage',
      'CronJob',
    ];
    const waves = order.map(wave);
    expect(waves.flat().every(Number.isInteger)).toBe(true);
    for (const [index, each] of waves.slice(1).entries())
      expect(Math.min(...each), order[index + 1]).toBeGreaterThan(Math.max(...(waves[index] ?? [])));
    const besides = ['ConfigMap', 'NetworkPolicy', 'ExternalSecret', 'ResourceQuota', 'Role', 'RoleBinding'];
    for (const kind of besides)
      for (const each of wave(kind)) expect(each, kind).toBe(wave('ServiceAccount')[0]);
    // A right is not there before what narrows it.
    for (const { kind } of cluster.filter((each) => each.kind.startsWith('Validating')))
      expect(Math.max(...wave(kind)), kind).toBeLessThan(Math.min(...wave('ServiceAccount')));
  });

  it.each(ours)('%s gives the Jobs no rights, and they have no way to use any', (path) => {
    const resources = built.get(path) ?? [];
    const isLooks = ({ metadata }: Resource) => metadata.name === looksAccount;
    expect(resources.filter((each) => /Role/.test(each.kind) && !isLooks(each))).toEqual([]);
    const accounts = resources.filter(({ kind }) => kind === 'ServiceAccount');
    expect(accounts.map((each) => [each.metadata.name, each['automountServiceAccountToken']])).toEqual([
      ['image-factory', false],
      ...(path === withLooks ? [[looksAccount, false]] : []),
    ]);
    const pods = podsOf(resources);
    expect(new Set(pods.map(({ containers }) => containers[0]?.args[0]))).toEqual(
      new Set(['analyze', 'observe', 'run', ...(path === withLooks ? ['spread-looks'] : [])]),
    );
    for (const pod of pods) {
      const looks = pod.containers[0]?.args[0] === 'spread-looks';
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(JSON.stringify(pod).includes('serviceAccountToken')).toBe(looks);
      expect(pod.serviceAccountName).toBe(looks ? looksAccount : 'image-factory');
      expect(pod.securityContext.runAsNonRoot).toBe(true);
      expect(pod.containers[0]?.envFrom).toEqual([
        { configMapRef: { name: 'image-factory-settings', optional: true } },
      ]);
    }
    expect(new Set(pods.map(({ containers }) => containers[0]?.image)).size).toBe(1);
  });

  it('for production lets the one Job list and annotate Warehouses, in its namespace, from a network of its own', () => {
    const resources = built.get(withLooks) ?? [];
    const of = (kind: string) => resources.filter((each) => each.kind === kind);
    expect(of('Role').map(({ metadata, rules }) => [metadata.name, rules])).toEqual([
      [
        looksAccount,
        [
          { apiGroups: ['kargo.akuity.io'], resources: ['warehouses'], verbs: ['list'] },
          { apiGroups: ['kargo.akuity.io'], resources: ['warehouses'], verbs: ['patch'] },
        ],
      ],
    ]);
    expect(of('RoleBinding')).toMatchObject([
      {
        roleRef: { kind: 'Role', name: looksAccount },
        subjects: [{ kind: 'ServiceAccount', name: looksAccount, namespace }],
      },
    ]);
    expect(resources.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    const job = of('CronJob').find(({ metadata }) => metadata.name === 'spread-looks');
    const labels =
      (job?.spec as { jobTemplate: { spec: { template: { metadata: { labels: object } } } } } | undefined)
        ?.jobTemplate.spec.template.metadata.labels ?? {};
    const selecting = of('NetworkPolicy').filter((each) => {
      const { podSelector } = each.spec as { podSelector: { matchLabels?: Record<string, string> } };
      const wanted = Object.entries(podSelector.matchLabels ?? {});
      return wanted.every(([key, value]) => new Map(Object.entries(labels)).get(key) === value);
    });
    expect(selecting.map(({ metadata }) => metadata.name).toSorted()).toEqual(['nothing', 'spread-looks']);
  });

  it.each(ours)('%s holds no value of a Secret', (path) => {
    const resources = built.get(path) ?? [];
    expect(resources.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const asked = new Set(
      podsOf(resources)
        .flatMap(({ containers }) => containers.flatMap(({ env }) => env))
        .filter(({ name, value }) => /TOKEN|PASSWORD|SECRET/.test(name) && value !== undefined),
    );
    expect([...asked]).toEqual([]);
  });

  it('for production takes every Secret that the Jobs and Kargo ask for from the store', () => {
    const resources = built.get('overlays/production') ?? [];
    const made = new Set(
      resources.filter(({ kind }) => kind === 'ExternalSecret').map(({ metadata }) => metadata.name),
    );
    const text = JSON.stringify(resources);
    const asked = [
      ...[...text.matchAll(/"secretKeyRef":\{[^}]*"name":"([^"]+)"/g)].map(([, name = '']) => name),
      ...[...text.matchAll(/secret\(\\*["']([\w.-]+)/g)].map(([, name = '']) => name),
    ];
    expect(asked.length).toBeGreaterThan(0);
    expect([...new Set(asked)].filter((name) => !made.has(name))).toEqual([]);
  });

  it('can be applied by ArgoCD with the rights of its AppProject', async () => {
    const project = parse(readFileSync(join(root, 'examples/argocd/project.yaml'), 'utf8')) as {
      spec: Record<
        'clusterResourceWhitelist' | 'namespaceResourceWhitelist',
        readonly { group: string; kind: string }[]
      >;
    };
    const allowed = Object.fromEntries(
      (['clusterResourceWhitelist', 'namespaceResourceWhitelist'] as const).map((list) => [
        list,
        new Set(project.spec[list].map(({ group, kind }) => `${group}/${kind}`)),
      ]),
    );
    const used = new Set<string>();
    for (const each of [...built.values(), await buildWithServer()].flat()) {
      const group = each.apiVersion.includes('/') ? (each.apiVersion.split('/')[0] ?? '') : '';
      const list =
        each.metadata.namespace === undefined ? 'clusterResourceWhitelist' : 'namespaceResourceWhitelist';
      expect(allowed[list], `${group}/${each.kind}`).toContain(`${group}/${each.kind}`);
      used.add(`${group}/${each.kind}`);
    }
    expect(Object.values(allowed).flatMap((list) => [...list].filter((each) => !used.has(each)))).toEqual([]);
  });
});

describe('the ArgoCD Application', () => {
  const application = parse(readFileSync(join(root, 'examples/argocd/application.yaml'), 'utf8')) as {
    metadata: { annotations: Record<string, string> };
    spec: {
      project: string;
      destination: { namespace: string };
      syncPolicy: { automated: object; syncOptions: readonly string[]; retry: { limit: number } };
      ignoreDifferences?: unknown;
    };
  };

  it('applies on the server, prunes, tries again, and has nothing to ignore', () => {
    const { spec, metadata } = application;
    expect(spec.project).toBe('image-factory');
    expect(spec.destination.namespace).toBe(namespace);
    expect(spec.syncPolicy.automated).toEqual({ prune: true, selfHeal: true, allowEmpty: false });
    expect(spec.syncPolicy.syncOptions).toEqual(
      expect.arrayContaining(['ServerSideApply=true', 'CreateNamespace=false']),
    );
    expect(spec.syncPolicy.retry.limit).toBeGreaterThan(5);
    expect(metadata.annotations['argocd.argoproj.io/compare-options']).toContain('ServerSideDiff=true');
    expect(spec.ignoreDifferences).toBeUndefined();
  });
});
