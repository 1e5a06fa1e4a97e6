import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { receiverTypes } from '@image-factory/core/enrolment/kargo-settings.ts';
import { kargoSettings, smallFactory } from '@image-factory/kargo/synth/test-factory.ts';
import { synth } from '@image-factory/kargo/synth/synth.ts';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

const components = join(import.meta.dirname, '../kustomize/image-factory/components');
/** As the settings' examples and the documentation name them. */
const registries = 'image-factory-registries';

interface ExternalSecret {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly target: {
      readonly name: string;
      readonly template?: {
        readonly type?: string;
        readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
        readonly data: Readonly<Record<string, string>>;
      };
    };
    readonly data?: readonly { readonly secretKey: string }[];
    readonly dataFrom?: readonly { readonly extract: { readonly key: string } }[];
  };
}

/** Every Secret that a component makes, by its name. */
const made = new Map(
  readdirSync(components, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yaml'))
    .flatMap((path) => parseAllDocuments(readFileSync(join(components, path), 'utf8')))
    .map((document) => document.toJS() as ExternalSecret)
    .filter(({ kind }) => kind === 'ExternalSecret')
    .map((each) => [each.spec.target.name, each] as const),
);

interface Reference {
  readonly name: string;
  readonly key: string | undefined;
  readonly by: 'variable' | 'environment' | 'file' | 'nodes' | 'expression' | 'receiver';
}

/** Every Secret that is named anywhere in a resource. */
function referencesIn(value: unknown): readonly Reference[] {
  if (typeof value === 'string')
    return [...value.matchAll(/secret\(["']([\w.-]+)["']\)(?:\??\.(\w+))?/g)].map(([, name = '', key]) => ({
      name,
      key,
      by: 'expression',
    }));
  if (typeof value !== 'object' || value === null) return [];
  const { envFrom = [], ...rest } = value as { readonly envFrom?: readonly unknown[] };
  const environment = envFrom.flatMap(referencesIn).map((each) => ({ ...each, by: 'environment' as const }));
  const inner = [...Object.values(rest).flatMap(referencesIn), ...environment];
  const { secretKeyRef, secretName, imagePullSecrets, secretRef, items } = value as {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly secretName?: string;
    readonly imagePullSecrets?: readonly { readonly name: string }[];
    readonly secretRef?: { readonly name: string };
    readonly items?: readonly { readonly key: string }[];
  };
  return [
    ...inner,
    ...(secretKeyRef ? [{ ...secretKeyRef, by: 'variable' as const }] : []),
    ...(secretName === undefined
      ? []
      : (items ?? []).map(({ key }) => ({ name: secretName, key, by: 'file' as const }))),
    ...(imagePullSecrets ?? []).map(({ name }) => ({ name, key: '.dockerconfigjson', by: 'nodes' as const })),
    ...(secretRef ? [{ name: secretRef.name, key: undefined, by: 'receiver' as const }] : []),
  ];
}

const { config, state } = smallFactory();

function generated(server: string | undefined) {
  const settings = kargoSettings();
  const { manifests } = synth({
    state,
    config: {
      ...config,
      settings: {
        ...settings,
        server: {
          ...settings.server,
          token: { kind: 'file', path: '/var/run/secrets/image-factory/server/token' },
        },
        kargo: {
          ...settings.kargo,
          server,
          imagePullSecrets: [registries],
          secrets: { ...settings.kargo.secrets, registries },
          receivers: receiverTypes.map((type) => ({ type, name: type, secret: `${type}-hook` })),
        },
      },
    },
  });
  return manifests;
}

const references = referencesIn([
  generated(undefined),
  generated('https://factory.example.com'),
  generated('http://image-factory.image-factory-kargo.svc:8480'),
]);
/** Those of receivers are named by whoever sets them up. */
const asked = references.filter(({ by }) => by !== 'receiver');

describe('the Secrets that the generated resources name', () => {
  it('are found in every place that can name one', () => {
    expect(new Set(references.map(({ by }) => by))).toEqual(
      new Set(['variable', 'environment', 'file', 'nodes', 'expression', 'receiver']),
    );
    expect(new Set(asked.map(({ name }) => name))).toEqual(
      new Set([
        'image-factory-git',
        'github-token',
        'gitlab-token',
        'image-factory-server',
        'image-factory-ci',
        registries,
      ]),
    );
  });

  it('are made by a component, with the keys that are read', () => {
    for (const { name, key, by } of asked) {
      expect([...made.keys()], name).toContain(name);
      if (by === 'environment') continue;
      expect(Object.keys(made.get(name)?.spec.target.template?.data ?? {}), name).toContain(key);
    }
  });

  it('have the type and the label without which they are not read', () => {
    const typeOf = (name: string) => made.get(name)?.spec.target.template?.type;
    const labelOf = (name: string) =>
      made.get(name)?.spec.target.template?.metadata?.labels?.['kargo.akuity.io/cred-type'];
    const named = (...ways: readonly Reference['by'][]) =>
      asked.filter(({ by }) => ways.includes(by)).map(({ name }) => name);
    const folders = named('file', 'nodes').filter((name) => name !== 'image-factory-server');
    expect(new Set(folders.map(typeOf))).toEqual(new Set(['kubernetes.io/dockerconfigjson']));
    // Kargo's secret() reads no others.
    expect(new Set(named('expression').map(labelOf))).toEqual(new Set(['generic']));
    // What the server alone has, no promotion may read.
    expect(new Set(named('environment').map(labelOf))).toEqual(new Set([undefined]));
  });

  it('are all that is made, besides those that Kargo finds by their URL', () => {
    const named = new Set(asked.map(({ name }) => name));
    const others = [...made].filter(([name]) => !named.has(name));
    expect(others.map(([name]) => name)).toEqual(['image-factory-registry']);
    for (const [name, { spec }] of others) {
      expect(spec.target.template?.metadata?.labels?.['kargo.akuity.io/cred-type'], name).toMatch(
        /^(git|image)$/,
      );
      expect(Object.keys(spec.target.template?.data ?? {}), name).toContain('repoURL');
    }
  });

  it('come whole from the store: what a template fills in is fetched', () => {
    for (const [name, { spec }] of made) {
      // Whole as it is, keys and all.
      if (spec.dataFrom) {
        expect([spec.target.template, spec.data], name).toEqual([undefined, undefined]);
        continue;
      }
      const used = Object.values(spec.target.template?.data ?? {}).flatMap((text) =>
        [...text.matchAll(/\{\{[^}]*\}\}/g)].flatMap(([part]) => part.match(/(?<= )\.\w+/g) ?? []),
      );
      expect(new Set(used.map((each) => each.slice(1))), name).toEqual(
        new Set((spec.data ?? []).map(({ secretKey }) => secretKey)),
      );
    }
  });
});
