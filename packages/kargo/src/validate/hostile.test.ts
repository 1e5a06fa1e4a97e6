import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kargoKinds } from './shapes/kinds.ts';
import { cases } from './test-cases.ts';
import { image, secret, step, type Loose } from './test-manifests.ts';
import { validateManifests } from './validate-manifests.ts';

const kinds = [
  ...Object.keys(kargoKinds),
  'AnalysisTemplate',
  'Secret',
  'ExternalSecret',
  'Namespace',
  'List',
  'ConfigMap',
];

/** Manifests of the table with one value of theirs replaced by anything. */
function replaced(value: unknown, path: readonly number[], by: unknown): unknown {
  const [first, ...rest] = path;
  if (typeof value !== 'object' || value === null || first === undefined) return by;
  const keys = Object.keys(value);
  const key = keys[first % Math.max(1, keys.length)];
  if (key === undefined) return by;
  const inner = replaced((value as Loose)[key], rest, by);
  return Array.isArray(value)
    ? value.map((each: unknown, index) => (String(index) === key ? inner : each))
    : { ...value, [key]: inner };
}

describe('anything at all gives findings and never throws', () => {
  test('any value', () => {
    fc.assert(
      fc.property(fc.array(fc.anything({ withNullPrototype: true, withDate: true })), (manifests) => {
        expect(validateManifests(manifests)).toBeInstanceOf(Array);
      }),
    );
  });

  test('any value where a spec is expected', () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.jsonValue(), fc.jsonValue(), (kind, metadata, spec) => {
        const group = kind.startsWith('Analysis') ? 'argoproj.io' : 'kargo.akuity.io';
        const whole = { apiVersion: `${group}/v1alpha1`, kind, metadata, spec, items: spec };
        expect(validateManifests([whole])).toBeInstanceOf(Array);
      }),
    );
  });

  test('any value in the place of another', () => {
    const path = fc.array(fc.nat(20), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(fc.constantFrom(...cases), path, fc.jsonValue(), ([, , mended], steps, by) => {
        const set = Array.isArray(mended) ? mended : [mended];
        expect(validateManifests(set.map((each) => replaced(each, steps, by)))).toBeInstanceOf(Array);
      }),
      { numRuns: 2000 },
    );
  });

  test('names of the prototype are names like others', () => {
    const found = validateManifests([
      step('constructor', {}),
      image(JSON.parse('{"__proto__": {"constraint": "x"}}') as Loose),
    ]);
    expect(found.map(({ rule }) => rule)).toEqual(['step-unknown', 'subscription-unknown-field']);
  });
});

describe('what is too much', () => {
  test('a manifest that holds itself', () => {
    const circle: Loose = { ...image({}) };
    circle['spec'] = circle;
    expect(validateManifests([circle]).map(({ rule }) => rule)).toEqual(['resource-too-large']);
  });

  test('aliases that multiply', () => {
    let bomb: unknown = 'lol';
    for (let level = 0; level < 12; level += 1) bomb = Array.from({ length: 10 }, () => bomb);
    const began = performance.now();
    expect(validateManifests([{ ...image({}), spec: bomb }]).map(({ rule }) => rule)).toEqual([
      'resource-too-large',
    ]);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('texts made to stall expressions', () => {
    const long = 'a.'.repeat(100_000);
    const nasty = [
      long,
      `${'a-'.repeat(50_000)}!`,
      '(('.repeat(40_000),
      '${{ '.repeat(30_000),
      `${'a@'.repeat(50_000)}:`,
      'outputs['.repeat(12_000),
    ];
    const began = performance.now();
    for (const text of nasty) {
      validateManifests([
        image({ repoURL: text, constraint: text, platform: text, allowTagsRegexes: [text] }),
        {
          ...image({}),
          spec: {
            interval: text,
            freightCreationCriteria: { expression: text },
            subscriptions: [{ git: { repoURL: text, branch: text, since: text } }],
          },
        },
        step('http', { url: text, body: `\${{ ${text} }}`, pollInterval: text }, { as: text, if: text }),
        step('git-clone', { repoURL: text }),
      ]);
    }
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test('one rule speaks fifty times of one resource at most', () => {
    const labels = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key-${index}`, index]));
    expect(
      validateManifests([{ ...image({}), metadata: { name: 'web', namespace: 'x', labels } }]),
    ).toHaveLength(50);
  });
});

test('no value of a Secret and no credential of a URL stands in a finding', () => {
  const found = validateManifests([
    secret('docker', { repoURL: 5, password: 'hunter2' }),
    image({ repoURL: 'https://acme:hunter2@ghcr.io/acme/web' }),
    step('git-clone', { repoURL: 'http://acme:hunter2@git.example/a', checkout: [{ path: 'a' }] }),
  ]);
  expect(found.length).toBeGreaterThanOrEqual(3);
  expect(JSON.stringify(found)).not.toContain('hunter2');
});

test('findings name the image of their resource', () => {
  const metadata = { name: 'web', namespace: 'x', labels: { 'image-factory.dev/image': 'web' } };
  const [found] = validateManifests([{ ...image({ semverConstraint: '^1' }), metadata }]);
  expect(found).toMatchObject({
    rule: 'image-semver-constraint',
    severity: 'error',
    resource: { kind: 'Warehouse', name: 'web', namespace: 'x' },
    path: 'spec.subscriptions[0].image.semverConstraint',
    keys: ['spec', 'subscriptions', 0, 'image', 'semverConstraint'],
    manifest: 0,
    image: 'web',
  });
});

test('members of a List are resources like others', () => {
  const list = { apiVersion: 'v1', kind: 'List', items: [image({}), image({ discoveryLimit: 0 })] };
  const found = validateManifests([list]);
  expect(found.map(({ rule, keys }) => [rule, keys.slice(0, 2)])).toEqual([
    ['duplicate-resource', ['items', 1]],
    ['discovery-limit', ['items', 1]],
  ]);
});
