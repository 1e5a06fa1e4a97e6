import type { Settings } from '@image-factory/core/enrolment/types.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { yamlText } from '../constructs/yaml-text.ts';
import type { DeploymentManifest } from '../manifests/workload.ts';
import { validateManifests } from '../validate/validate-manifests.ts';
import { serverTokenFile } from './own-server.ts';
import { kargoSettings, synthesize } from './test-factory.ts';

const namespace = 'image-factory-kargo';
const inCluster = `http://image-factory.${namespace}.svc:8480`;
const asFile = { kind: 'file', path: serverTokenFile } as const;
const ours = ['Service', 'PodDisruptionBudget', 'Deployment'];

function synthesized(
  address: string | undefined,
  token: Settings['server']['token'] = asFile,
  more: Partial<Settings['kargo']> = {},
) {
  const { kargo, server } = kargoSettings();
  return synthesize(
    [enrolment({ name: 'web', source: { provider: 'github', repo: 'acme/web', branch: 'main' } })],
    undefined,
    { kargo: { ...kargo, ...more, server: address }, server: { ...server, token } },
  );
}

function generated(...args: Parameters<typeof synthesized>) {
  return synthesized(...args).manifests.filter(({ kind }) => ours.includes(kind));
}

function podOf(...args: Parameters<typeof synthesized>) {
  const found = generated(...args).find(({ kind }) => kind === 'Deployment');
  return (found as DeploymentManifest).spec.template.spec;
}

describe('a server in the namespace', () => {
  test.each(ours)('has this %s', async (kind) => {
    const found = generated(inCluster).filter((each) => each.kind === kind);
    await expect(yamlText(found)).toMatchFileSnapshot(
      `testdata/kinds/${kind.toLowerCase()}-image-factory.yaml`,
    );
  });

  test('is nothing that the validator has anything against, and comes with the Jobs', () => {
    const { manifests, problems } = synthesized(inCluster);
    expect(problems).toEqual([]);
    expect(validateManifests(manifests)).toEqual([]);
    const waves = manifests.map(({ metadata }) =>
      Number(metadata.annotations?.['argocd.argoproj.io/sync-wave']),
    );
    expect(waves).toEqual(waves.toSorted((a, b) => a - b));
  });

  test.each([
    [`http://factory.${namespace}.svc`, 'factory', 80],
    [`http://factory.${namespace}.svc.cluster.local:8480`, 'factory', 8480],
    [`http://Factory.${namespace}.SVC:1234`, 'factory', 1234],
  ])('is found by its address: %s', (address, name, port) => {
    expect(generated(address)).toMatchObject([
      { kind: 'Service', metadata: { name }, spec: { ports: [{ port, targetPort: 'http' }] } },
      { kind: 'PodDisruptionBudget', metadata: { name } },
      { kind: 'Deployment', metadata: { name } },
    ]);
  });

  test.each([
    undefined,
    'https://factory.example.com',
    'http://factory.example.com',
    `http://image-factory.${namespace}`,
    `https://image-factory.${namespace}.svc`,
    'http://image-factory.elsewhere.svc:8480',
    `http://a.image-factory.${namespace}.svc`,
  ])('is not there where the address is another one: %s', (address) => {
    const { problems } = synthesized(address, undefined);
    expect(problems).toEqual([]);
    expect(generated(address, undefined)).toEqual([]);
  });

  test.each([
    [`http://1factory.${namespace}.svc`, asFile, 'no Service can be called 1factory'],
    [`${inCluster}/factory`, asFile, 'has the path /factory'],
    [inCluster, null, 'server.token is not where'],
    [inCluster, { kind: 'git-credential' }, 'server.token is not where'],
    [inCluster, { kind: 'file', path: 'token' }, 'server.token is not where'],
  ] as const)('is refused where it could not be reached, or nobody let in: %s %j', (address, token, why) => {
    const { kargo, server } = kargoSettings();
    const { manifests, problems } = synthesize([], undefined, {
      kargo: { ...kargo, server: address },
      server: { ...server, token: token ?? undefined },
    });
    expect(manifests).toEqual([]);
    expect(problems).toMatchObject([{ code: 'CONFIG_CONFLICT', message: expect.stringContaining(why) }]);
  });

  test('reads the token of Kargo where factory.yaml says: a file, or a variable', () => {
    const { kargo } = kargoSettings();
    const named = { secrets: { ...kargo.secrets, server: 'kargo-asks', ci: 'builds' } };
    const file = podOf(inCluster, asFile, named);
    expect(file.volumes).toContainEqual({
      name: 'server',
      secret: { secretName: 'kargo-asks', defaultMode: 0o440, items: [{ key: 'token', path: 'token' }] },
    });
    expect(file.containers[0].volumeMounts).toContainEqual({
      name: 'server',
      mountPath: '/var/run/secrets/image-factory/server',
      readOnly: true,
    });
    expect(file.containers[0].envFrom).toEqual([{ secretRef: { name: 'builds' } }]);
    const variable = podOf(inCluster, { kind: 'env', name: 'FACTORY_API_TOKEN' }, named);
    expect(variable.volumes?.map(({ name }) => name)).toEqual(['tmp']);
    expect(variable.containers[0].env).toContainEqual({
      name: 'FACTORY_API_TOKEN',
      valueFrom: { secretKeyRef: { name: 'kargo-asks', key: 'token' } },
    });
  });

  test('runs as the Jobs do, where they do, and without their tokens of forges', () => {
    const more = {
      imagePullSecrets: ['pull'],
      nodeSelector: { pool: 'ci' },
      tolerations: [{ key: 'ci', operator: 'Exists', value: undefined, effect: 'NoSchedule' }] as const,
    };
    const { manifests } = synthesized(inCluster, asFile, more);
    const job = manifests.find(({ kind }) => kind === 'CronJob') as unknown as {
      spec: { jobTemplate: { spec: { template: { spec: DeploymentManifest['spec']['template']['spec'] } } } };
    };
    const { containers: jobContainers, ...decide } = job.spec.jobTemplate.spec.template.spec;
    const { containers, ...server } = podOf(inCluster, asFile, more);
    for (const key of [
      'serviceAccountName',
      'automountServiceAccountToken',
      'securityContext',
      'imagePullSecrets',
      'nodeSelector',
      'tolerations',
    ] as const)
      expect(server[key], key).toEqual(decide[key]);
    const [container] = containers;
    const [jobContainer] = jobContainers;
    for (const key of ['image', 'resources', 'securityContext'] as const)
      expect(container[key], key).toEqual(jobContainer[key]);
    expect(container.args?.slice(2)).toEqual(jobContainer.args?.slice(2));
    const names = (each: typeof container) => (each.env ?? []).map(({ name }) => name);
    expect(names(jobContainer).filter((name) => !names(container).includes(name))).toEqual(['GITHUB_TOKEN']);
  });
});
