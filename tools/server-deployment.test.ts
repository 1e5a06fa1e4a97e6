import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkPolicyManifest } from '@image-factory/kargo/manifests/access.ts';
import type {
  DeploymentManifest,
  PodDisruptionBudgetManifest,
  ServiceManifest,
} from '@image-factory/kargo/manifests/workload.ts';
import { crdMistakes, crdsMissing, crdValidators } from '@image-factory/kargo/test-crds.ts';
import { validateManifests } from '@image-factory/kargo/validate/validate-manifests.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, kustomize, podsOf, type Resource } from './deployment/overlay.ts';
import { buildWithServer } from './deployment/server-overlay.ts';

const root = join(import.meta.dirname, '..');
if (kustomize.command === undefined)
  console.log(`skipped: building the overlay with a server needs ${kustomize.missing}`);

const added = new Set([
  'Deployment image-factory',
  'Service image-factory',
  'PodDisruptionBudget image-factory',
  'NetworkPolicy server',
  'NetworkPolicy server-call-backs',
  'ExternalSecret image-factory-ci',
  'ExternalSecret image-factory-server',
  'PromotionTask start-by-image-factory',
]);

describe.skipIf(kustomize.command === undefined)('the production overlay with a server', () => {
  let resources: readonly Resource[];
  let without: readonly Resource[];
  beforeAll(async () => {
    resources = await buildWithServer();
    without = build(join(root, 'kustomize/image-factory/overlays/production'));
  });

  const titles = (of: readonly Resource[]) =>
    new Set(of.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  function find<T>(kind: string, name: string): T {
    const found = resources.find((each) => each.kind === kind && each.metadata.name === name);
    if (!found) throw new Error(`no ${kind} ${name}`);
    return found as unknown as T;
  }
  const deployment = () => find<DeploymentManifest>('Deployment', 'image-factory');
  const labels = () => deployment().spec.template.metadata?.labels ?? {};
  const selects = (selector: Readonly<Record<string, string>> = {}) =>
    Object.entries(selector).every(([key, value]) => labels()[key] === value);

  it('is accepted by the validator and by the schemas, and adds this and nothing else', () => {
    expect(validateManifests(resources)).toEqual([]);
    expect(titles(resources).difference(titles(without))).toEqual(added);
    expect([...titles(without).difference(titles(resources))]).toEqual(['PromotionTask start-on-github']);
    if (crdsMissing !== undefined) return;
    const validators = crdValidators();
    expect(resources.flatMap((each) => crdMistakes(validators, each) ?? [])).toEqual([]);
  });

  it('gives it no right: no account, no role, no token of the cluster', () => {
    const rights = (of: readonly Resource[]) =>
      of
        .filter(({ kind }) => /Role|ServiceAccount/.test(kind))
        .map(({ kind, metadata }) => [kind, metadata.name]);
    expect(rights(resources)).toEqual(rights(without));
    const { spec } = deployment().spec.template;
    expect([spec.serviceAccountName, spec.automountServiceAccountToken]).toEqual(['image-factory', false]);
    expect(JSON.stringify(spec)).not.toContain('serviceAccountToken');
  });

  it('lets it run where pods are restricted: not root, nothing writable but /tmp', () => {
    const { spec } = deployment().spec.template;
    expect(spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    const [container, ...others] = spec.containers;
    expect(others).toEqual([]);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.volumeMounts?.filter(({ readOnly }) => readOnly !== true)).toEqual([
      { name: 'tmp', mountPath: '/tmp' },
    ]);
    const writable = (container.env ?? []).flatMap((each) =>
      'value' in each ? [[each.name, each.value]] : [],
    );
    expect(writable).toEqual([
      ['HOME', '/tmp'],
      ['IMAGE_FACTORY_CACHE_DIR', '/tmp/cache'],
    ]);
    for (const list of [container.resources.requests, container.resources.limits])
      expect(Object.keys(list).toSorted()).toEqual(['cpu', 'memory']);
  });

  it('runs what the Jobs run, with their settings before its own credentials', () => {
    const [container] = deployment().spec.template.spec.containers;
    expect(new Set(podsOf(resources).map(({ containers }) => containers[0]?.image))).toEqual(
      new Set([container.image]),
    );
    expect(container.image).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(container.envFrom).toEqual([
      { configMapRef: { name: 'image-factory-settings', optional: true } },
      { secretRef: { name: 'image-factory-ci' } },
    ]);
  });

  it('leads from the address that Kargo asks to the port that the pods listen at', () => {
    const task = JSON.stringify(find<object>('PromotionTask', 'start-by-image-factory'));
    const url = new URL(/"url":"(http:[^"]+?)\/api/.exec(task)?.[1] ?? '');
    const { metadata, spec } = find<ServiceManifest>('Service', 'image-factory');
    expect(url.hostname).toBe(`${metadata.name}.${metadata.namespace}.svc`);
    expect(spec.ports.map(({ port }) => port)).toEqual([Number(url.port)]);
    expect(selects(spec.selector)).toBe(true);
    // The pods of Jobs have the other labels too.
    expect(spec.selector['app.kubernetes.io/component']).toBe('server');
    const [container] = deployment().spec.template.spec.containers;
    const { containerPort = 0 } =
      container.ports?.find(({ name }) => name === spec.ports[0]?.targetPort) ?? {};
    expect(container.args).toContain(`--listen=0.0.0.0:${containerPort}`);
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe])
      expect(probe?.httpGet.port).toBe('http');
    const allowed = ['server', 'server-call-backs'].flatMap(
      (name) => find<NetworkPolicyManifest>('NetworkPolicy', name).spec.ingress ?? [],
    );
    expect(allowed.map(({ ports }) => ports)).toEqual([
      [{ protocol: 'TCP', port: containerPort }],
      [{ protocol: 'TCP', port: containerPort }],
    ]);
  });

  it('lets in Kargo and what brings call-backs, and the server out where Jobs get', () => {
    const policies = resources
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map((each) => each as unknown as NetworkPolicyManifest);
    const chosen = policies.filter(({ spec }) => selects(spec.podSelector.matchLabels));
    const names = (type: 'Ingress' | 'Egress') =>
      chosen
        .filter(({ spec }) => spec.policyTypes.includes(type))
        .map(({ metadata }) => metadata.name)
        .toSorted();
    expect(names('Ingress')).toEqual(['nothing', 'server', 'server-call-backs']);
    expect(names('Egress')).toEqual(['jobs', 'nothing']);
    const from = chosen.flatMap(({ spec }) => spec.ingress ?? []).flatMap((rule) => rule.from ?? []);
    expect(from).toEqual([
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kargo' } } },
      { namespaceSelector: { matchLabels: { 'image-factory.dev/ingress': 'true' } } },
    ]);
    // Nobody else may be reached: the Jobs stay closed.
    const open = policies.filter(({ spec }) => spec.ingress !== undefined);
    for (const { spec } of open)
      expect(spec.podSelector.matchLabels?.['app.kubernetes.io/component']).toBe('server');
  });

  it('keeps one of them answering through rollouts and drains', () => {
    const { spec } = deployment();
    expect(spec.replicas).toBe(2);
    expect(spec.strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    const budget = find<PodDisruptionBudgetManifest>('PodDisruptionBudget', 'image-factory');
    expect(budget.spec.maxUnavailable).toBe(1);
    expect(selects(budget.spec.selector.matchLabels)).toBe(true);
    const [spread] = spec.template.spec.topologySpreadConstraints ?? [];
    expect([spread?.whenUnsatisfiable, selects(spread?.labelSelector.matchLabels)]).toEqual([
      'ScheduleAnyway',
      true,
    ]);
  });

  it('gives the credentials of CI to the server alone, where no promotion can read them', () => {
    const text = (of: unknown) => JSON.stringify(of);
    const users = resources.filter(
      (each) => each.kind !== 'ExternalSecret' && text(each).includes('image-factory-ci'),
    );
    expect(users.map(({ kind }) => kind)).toEqual(['Deployment']);
    expect(text(find<object>('ExternalSecret', 'image-factory-ci'))).not.toContain('cred-type');
    expect(text(deployment())).not.toContain('github-token');
  });
});

it('the overlays do without: a store has no entries for it until somebody asks for a server', () => {
  for (const overlay of ['demo', 'production']) {
    const text = readFileSync(
      join(root, `kustomize/image-factory/overlays/${overlay}/kustomization.yaml`),
      'utf8',
    );
    expect(text.match(/^ {2}- .*components\/(?:server|ci-secrets|call-backs).*$/gm)).toBeNull();
  }
});
