import { App, Chart } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { crdMistakes, crdsMissing, crdValidators } from '../test-crds.ts';
import { kargoDuration } from '../manifests/duration.ts';
import { validateManifests } from '../validate/validate-manifests.ts';
import { manifestsOf, yamlOf } from './collect.ts';
import { ProjectConfig, projectManifest, Warehouse, warehouseManifest } from './kargo-constructs.ts';
import { yamlDocument } from './yaml-text.ts';
import { everyConstruct } from './test-factory.ts';

const interval = kargoDuration(300_000);
const subscriptions = [{ image: { repoURL: 'ghcr.io/acme/web' } }] as const;

describe('constructs', () => {
  const manifests = manifestsOf(everyConstruct());

  test('there is one of each kind, in an order that a cluster can follow', () => {
    const kinds = [...new Set(manifests.map(({ kind }) => kind))];
    expect(kinds.join(' ')).toBe(
      'Namespace Project ProjectConfig ServiceAccount Role RoleBinding NetworkPolicy ConfigMap Secret ExternalSecret ' +
        'ClusterConfig AnalysisTemplate PromotionTask Warehouse Stage Job CronJob Service PodDisruptionBudget Deployment',
    );
  });

  test('the validator has nothing against them', () => expect(validateManifests(manifests)).toEqual([]));

  test('the CRDs accept them', ({ skip }) => {
    if (crdsMissing !== undefined) skip(crdsMissing);
    const validators = crdValidators();
    const judged = manifests.flatMap((manifest) => {
      const mistakes = crdMistakes(validators, manifest);
      return mistakes === undefined ? [] : [{ kind: manifest.kind, mistakes }];
    });
    expect(judged.filter(({ mistakes }) => mistakes.length > 0)).toEqual([]);
    expect(new Set(judged.map(({ kind }) => kind)).size).toBe(7);
  });

  test('two apps with the same constructs make the same bytes', () => {
    expect(yamlOf(everyConstruct())).toBe(yamlOf(everyConstruct()));
  });

  test('order does not depend on when a construct was made', () => {
    const texts = [
      ['a', 'b'],
      ['b', 'a'],
    ].map((names) => {
      const chart = new Chart(new App(), 'chart', { namespace: 'factory' });
      for (const name of names)
        new Warehouse(chart, name, {
          metadata: { name },
          spec: { interval, subscriptions: [...subscriptions] },
        });
      return yamlOf(chart);
    });
    expect(texts[0]).toBe(texts[1]);
  });

  test('the function without cdk8s makes the same manifest', () => {
    const spec = { interval, subscriptions: [...subscriptions] } as const;
    const chart = new Chart(new App(), 'chart', { namespace: 'factory' });
    new Warehouse(chart, 'web', { metadata: { name: 'web' }, spec });
    const plain = warehouseManifest({ name: 'web', namespace: 'factory' }, { spec });
    expect(yamlOf(chart)).toBe(`---\n${yamlDocument(plain)}`);
    expect(projectManifest({ name: 'factory' })).toEqual({
      apiVersion: 'kargo.akuity.io/v1alpha1',
      kind: 'Project',
      metadata: { name: 'factory' },
    });
  });

  test('a namespace is needed, and names a ProjectConfig', () => {
    const chart = new Chart(new App(), 'chart');
    const spec = { interval, subscriptions: [...subscriptions] } as const;
    expect(() => new Warehouse(chart, 'web', { metadata: { name: 'web' }, spec })).toThrow('namespace');
    new ProjectConfig(chart, 'config', { metadata: { namespace: 'factory' }, spec: {} });
    expect(manifestsOf(chart)[0]?.metadata).toEqual({ name: 'factory', namespace: 'factory' });
  });

  test('what constructs say against themselves is thrown', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'factory' });
    chart.node.addValidation({ validate: () => ['not today'] });
    expect(() => manifestsOf(chart)).toThrow('chart: not today');
  });
});

test('the schemas refuse what they do not know, so that the test above means something', ({ skip }) => {
  if (crdsMissing !== undefined) skip(crdsMissing);
  const validators = crdValidators();
  const good = warehouseManifest(
    { name: 'web', namespace: 'factory' },
    { spec: { interval, subscriptions: [...subscriptions] } },
  );
  expect(crdMistakes(validators, good)).toEqual([]);
  const broken = { ...good, spec: { ...good.spec, subscription: [] } };
  expect(crdMistakes(validators, broken)?.[0]).toContain('"additionalProperty":"subscription"');
});
