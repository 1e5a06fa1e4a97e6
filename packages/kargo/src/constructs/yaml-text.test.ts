import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { KubernetesManifest } from '../manifests/manifest.ts';
import { yamlText } from './yaml-text.ts';

function parsed(text: string, version: '1.1' | '1.2'): unknown[] {
  const documents = parseAllDocuments(text, { version, uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as unknown;
  });
}

function manifest(data: unknown): KubernetesManifest {
  const whole = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data };
  return whole;
}

const looksLikeMore = fc.constantFrom(
  'yes',
  'No',
  'off',
  'y',
  '~',
  'null',
  '1',
  '0x1f',
  '1_000',
  '1e3',
  '.5',
  '.inf',
  '1:20',
  '2026-01-31',
  '0o17',
  '<<',
  '=',
  '- a',
  'a: b',
  'a #b',
  '#a',
  '',
  ' ',
  'a ',
  '%',
  '@a',
  '!a',
  '&a',
  '*a',
  '{a}',
  '[a]',
  'a\nb\n',
  'a\n\n',
  '\na',
  ' a\n b',
  'a\n  b\nc',
  'a\tb\n',
  '---',
  '...',
  'true',
  '+1',
  '-1',
  '1.',
  '!!str',
  '190:20:30',
  "it's",
  '"',
  '_',
  '._1',
  'e0',
  '.e5',
  '._e-5',
  '\u2028',
  '\ufeffa',
  'é',
);
const text = fc.oneof(
  looksLikeMore,
  fc.string(),
  fc.string({ unit: 'binary' }).filter((each) => each.isWellFormed()),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(text, tie('any'), { maxKeys: 4 }),
  ),
})).any;

test('what is written is read back alike by both versions of YAML', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 3 }), (all) => {
      const manifests = all.map(manifest);
      const wanted: unknown = JSON.parse(JSON.stringify(manifests));
      const written = yamlText(manifests);
      expect(parsed(written, '1.2')).toEqual(wanted);
      expect(parsed(written, '1.1')).toEqual(wanted);
    }),
    { numRuns: 2000 },
  );
});

test('looks as a person would write it', () => {
  const written = yamlText([
    {
      spec: {
        steps: [{ uses: 'http', config: { url: 'https://ci.example:8443/x', headers: [], on: true } }],
        script: 'a\nb: 1\n',
      },
      kind: 'Stage',
      metadata: { namespace: 'factory', labels: { a: '1' }, name: 'web' },
      apiVersion: 'kargo.akuity.io/v1alpha1',
    } as KubernetesManifest,
  ]);
  expect(written).toBe(`---
apiVersion: kargo.akuity.io/v1alpha1
kind: Stage
metadata:
  name: web
  namespace: factory
  labels:
    a: "1"
spec:
  script: |
    a
    b: 1
  steps:
    - uses: http
      config:
        headers: []
        "on": true
        url: https://ci.example:8443/x
`);
});

test('what JSON does not have is refused', () => {
  expect(() => yamlText([manifest(Number.NaN)])).toThrow(TypeError);
  expect(() => yamlText([manifest(() => 1)])).toThrow(TypeError);
});
