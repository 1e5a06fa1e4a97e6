import {
  image,
  named,
  namespace,
  projectConfig,
  receiver,
  secret,
  stage,
  task,
  type Loose,
  type Case,
} from './test-manifests.ts';

const project: Loose = {
  apiVersion: 'kargo.akuity.io/v1alpha1',
  kind: 'Project',
  metadata: { name: namespace },
};
const clusterConfig: Loose = {
  apiVersion: 'kargo.akuity.io/v1alpha1',
  kind: 'ClusterConfig',
  metadata: { name: 'cluster' },
  spec: {},
};
const space = (labels: Loose): Loose => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: namespace, labels },
});
const labelled = space({ 'kargo.akuity.io/project': 'true' });
const policy = (given: Loose): Loose =>
  projectConfig({ promotionPolicies: [{ autoPromotionEnabled: true, ...given }] });
const chosen = { stageSelector: { name: 'rebuild-web' } };
const promotion = (spec: Loose, metadata: Loose = { generateName: 'rebuild-web.' }): Loose => ({
  apiVersion: 'kargo.akuity.io/v1alpha1',
  kind: 'Promotion',
  metadata: { namespace, ...metadata },
  spec: { stage: 'rebuild-web', ...spec },
});
const secretRef = { name: 'hook' };
const external = (data: Loose): Loose => ({
  apiVersion: 'external-secrets.io/v1',
  kind: 'ExternalSecret',
  metadata: { name: 'registry', namespace },
  spec: { target: { template: { metadata: { labels: { 'kargo.akuity.io/cred-type': 'image' } }, data } } },
});
const deep = (levels: number): unknown => (levels === 0 ? 'x' : { a: deep(levels - 1) });
const config = (data: unknown): Loose => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace },
  data,
});

/** Everything but Warehouses, Stages, tasks and analyses. */
export const otherCases: readonly Case[] = [
  ['not-a-resource', { metadata: { name: 'web' } }, project],
  ['not-a-resource', 'text', project],
  ['resource-too-large', config(deep(100)), config({ a: 'b' })],
  ['resource-too-large', config({ a: 'x'.repeat(2_000_000) }), config({ a: 'b' })],
  ['unknown-kind', { ...project, kind: 'Warehuose' }, project],
  ['unknown-kind', { ...image({}), apiVersion: 'kargo.akuity.io/v1alpha2' }, image({})],
  ['name-invalid', named(image({}), { name: 'Web' }), image({})],
  ['name-invalid', named(image({}), { name: 'w'.repeat(254) }), image({})],
  ['name-invalid', named(project, { name: 'a.b' }), project],
  ['name-invalid', named(image({}), { name: null }), image({})],
  ['name-long', named(stage({}), { name: 's'.repeat(51) }), named(stage({}), { name: 's'.repeat(50) })],
  ['namespace-invalid', named(image({}), { namespace: 'a.b' }), image({})],
  [
    'label-invalid',
    named(image({}), { labels: { team: 'a b' } }),
    named(image({}), { labels: { team: 'a-b' } }),
  ],
  [
    'label-invalid',
    named(image({}), { labels: { 'a/b/c': 'x' } }),
    named(image({}), { labels: { 'a/b': 'x' } }),
  ],
  [
    'annotation-invalid',
    named(image({}), { annotations: { keep: true } }),
    named(image({}), { annotations: { keep: 'true' } }),
  ],
  [
    'label-invalid',
    named(image({}), { labels: { team: 'a'.repeat(64) } }),
    named(image({}), { labels: { team: 'a'.repeat(63) } }),
  ],
  [
    'namespace-invalid',
    named(image({}), { namespace: 'n'.repeat(64) }),
    named(image({}), { namespace: 'n'.repeat(63) }),
  ],
  ['duplicate-resource', [task({}), task({})], [task({}), task({}, 'other')]],
  ['namespace-label', [project, space({})], [project, labelled]],
  ['namespace-label', [image({}), space({ 'kargo.akuity.io/project': 'false' })], [image({}), labelled]],
  ['missing-field', { ...task({}), spec: null }, task({})],

  ['project-spec', { ...project, spec: { promotionPolicies: [] } }, project],
  ['project-config-name', projectConfig({}, 'config'), projectConfig({})],
  ['cluster-config-name', named(clusterConfig, { name: 'kargo' }), clusterConfig],
  ['policy-selector', policy({ ...chosen, stage: 'rebuild-web' }), policy(chosen)],
  ['policy-selector', policy({}), policy(chosen)],
  ['policy-stage-field', policy({ stage: 'rebuild-web' }), policy(chosen)],
  ['policy-duplicate', projectConfig({ promotionPolicies: [chosen, chosen] }), policy(chosen)],
  [
    'policy-stage-unknown',
    [stage({}), policy({ stageSelector: { name: 'rebuild-wbe' } })],
    [stage({}), policy({ stageSelector: { name: 'glob:rebuild-*' } })],
  ],
  [
    'regex-invalid',
    policy({ stageSelector: { name: 'regex:^(?=re)' } }),
    policy({ stageSelector: { name: 'regex:^rebuild-' } }),
  ],
  ['policy-rollback', policy({ ...chosen, autoRollback: { onPromotion: ['Failed'] } }), policy(chosen)],
  [
    'invalid-value',
    policy({ stageSelector: { matchExpressions: [{ key: 'a', operator: 'in', values: ['b'] }] } }),
    policy({ stageSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] } }),
  ],
  ['receiver-name', receiver({ quay: { secretRef } }), receiver({ name: 'quay', quay: { secretRef } })],
  [
    'receiver-one-type',
    receiver({ name: 'hooks', harbor: { secretRef }, quay: { secretRef } }),
    receiver({ name: 'hooks', harbor: { secretRef } }),
  ],
  ['receiver-one-type', receiver({ name: 'hooks' }), receiver({ name: 'hooks', harbor: { secretRef } })],
  [
    'receiver-secret',
    receiver({ name: 'hooks', github: {} }),
    receiver({ name: 'hooks', github: { secretRef } }),
  ],
  [
    'receiver-secret-key',
    [secret('generic', { secret: 'x' }, 'hook'), receiver({ name: 'hooks', harbor: { secretRef } })],
    [secret('generic', { 'auth-header': 'x' }, 'hook'), receiver({ name: 'hooks', harbor: { secretRef } })],
  ],
  [
    'receiver-actions',
    receiver({ name: 'hooks', generic: { secretRef } }),
    receiver({
      name: 'hooks',
      generic: {
        secretRef,
        actions: [{ action: 'Refresh', targetSelectionCriteria: [{ kind: 'Warehouse' }] }],
      },
    }),
  ],
  [
    'invalid-value',
    receiver({
      name: 'hooks',
      generic: {
        secretRef,
        actions: [{ action: 'Refresh', targetSelectionCriteria: [{ kind: 'Promotion' }] }],
      },
    }),
    receiver({ name: 'hooks', quay: { secretRef } }),
  ],
  [
    'bare-expression',
    receiver({
      name: 'hooks',
      generic: {
        secretRef,
        actions: [
          {
            action: 'Refresh',
            whenExpression: '${{ true }}',
            targetSelectionCriteria: [{ kind: 'Warehouse' }],
          },
        ],
      },
    }),
    receiver({ name: 'hooks', quay: { secretRef } }),
  ],
  [
    'unknown-field',
    receiver({ name: 'hooks', ecr: { secretRef }, quay: { secretRef } }),
    receiver({ name: 'hooks', quay: { secretRef } }),
  ],

  ['promotion-freight-or-origin', promotion({}), promotion({ freight: 'a1' })],
  ['promotion-name', promotion({ freight: 'a1' }, { name: 'mine' }), promotion({ freight: 'a1' })],

  [
    'credential-type',
    secret('docker', { repoURL: 'ghcr.io/acme' }),
    secret('image', { repoURL: 'ghcr.io/acme' }),
  ],
  ['credential-repo-url', secret('image', { username: 'acme' }), secret('generic', { secret: 'x' })],
  ['credential-repo-url', external({ username: 'acme' }), external({ repoURL: 'ghcr.io/acme' })],
  [
    'credential-http',
    secret('git', { repoURL: 'http://git.example/a' }),
    secret('git', { repoURL: 'https://git.example/a' }),
  ],
  [
    'credential-http',
    { ...secret('git', {}), data: { repoURL: 'aHR0cDovL2dpdC5leGFtcGxlL2E=' } },
    secret('git', { repoURL: 'https://git.example/a' }),
  ],
  [
    'credential-ssh-key',
    secret('git', { repoURL: 'https://git.example/a', sshPrivateKey: 'k' }),
    secret('git', { repoURL: 'https://git.example/a' }),
  ],
  [
    'credential-shadowed',
    [
      secret('image', { repoURL: '^ghcr', repoURLIsRegex: 'true' }, 'a'),
      secret('image', { repoURL: 'ghcr.io/acme/web' }, 'b'),
    ],
    [
      secret('image', { repoURL: '^ghcr', repoURLIsRegex: 'true' }, 'z'),
      secret('image', { repoURL: 'ghcr.io/acme/web' }, 'b'),
    ],
  ],
];
