import type { Enrolment, ManagedEnrolment, Provider } from '@image-factory/core/enrolment/types.ts';
import type { BaseRecord, FactoryState, ImageRecord } from '@image-factory/core/state/types.ts';
import { day } from '@image-factory/core/time.ts';
import {
  baseRecord,
  enrolment,
  externalEnrolment,
  imageRecord,
  stateOf,
} from '@image-factory/testing/records.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { yamlText } from '../constructs/yaml-text.ts';
import type { Manifest } from '../manifests/any-manifest.ts';
import { kargoDuration } from '../manifests/duration.ts';
import { imageLabel } from '../manifests/manifest.ts';
import { crdMistakes, crdsMissing, crdValidators } from '../test-crds.ts';
import { validateManifests } from '../validate/validate-manifests.ts';
import { baseLabel } from './meta.ts';
import { synth } from './synth.ts';
import { factoryOf } from './test-factory.ts';
import { knownKinds, traps } from './test-traps.ts';

interface Drawn {
  readonly images: readonly Enrolment[];
  readonly state: FactoryState;
}

/** Names that meet each other: of bases and images alike, long ones with the same beginning, such as prefixes make. */
const names = [
  'web',
  'image-web',
  'api',
  'node-22',
  '1',
  `${'a'.repeat(45)}-one`,
  `${'a'.repeat(45)}-two`,
  'z'.repeat(50),
];
const aName = fc.constantFrom(...names);
const aRepository = fc.constantFrom('acme/web', 'acme/api', 'library/node', 'acme/a--b', 'acme/tools/cli');
const aRegistry = fc.constantFrom('docker.io', 'ghcr.io', 'localhost:5000');
const aTag = fc.constantFrom('22', 'latest', '1.10', '3.12-slim');
const aSelection = fc.record({
  allowTags: fc.constantFrom('^22$', '^16[.0-9]*-alpine$', '^(a|b)$', '3\\.12', '^v?[0-9.]+$'),
  imageSelectionStrategy: fc.constantFrom('Lexical', 'SemVer', 'NewestBuild', 'Digest'),
});

const aManaged: fc.Arbitrary<Enrolment> = fc
  .record({
    name: aName,
    registry: aRegistry,
    repository: aRepository,
    tags: fc.uniqueArray(aTag, { minLength: 1, maxLength: 2 }),
    provider: fc.constantFrom<Provider>('github', 'gitlab', 'gitea', 'local', 'webhook'),
    repo: fc.constantFrom(
      'acme/web',
      '.',
      './apps',
      'https://git.example.com/acme/web.git',
      'git@github.com:acme/web.git',
      'acme/${{secret}}',
    ),
    branch: fc.constantFrom('main', undefined),
    context: fc.constantFrom('.', 'apps/web', 'glob:x'),
    mode: fc.constantFrom('dispatch', 'pull-request'),
    users: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ provider, repo, branch, context, users, ...rest }) =>
    enrolment({
      ...rest,
      source: { provider, repo, branch, context, dockerfile: `${context}/Dockerfile` },
      updates: Array.from({ length: users }, () => aUser),
    }),
  );

const aUser: ManagedEnrolment['updates'][number] = {
  format: 'yaml',
  provider: 'github',
  repo: 'acme/deploy',
  branch: 'main',
  mode: 'pull-request',
  paths: ['a.yaml'],
  keys: { image: 'reference' },
};

const anExternal: fc.Arbitrary<Enrolment> = fc
  .record({ name: aName, registry: aRegistry, repository: aRepository, selection: aSelection })
  .map(({ selection, ...rest }) => externalEnrolment({ ...rest, ...selection }));

function without<T extends BaseRecord | ImageRecord>(record: T): T {
  const { repoURL: _url, allowTags: _tags, imageSelectionStrategy: _strategy, ...rest } = record;
  return rest as T;
}

const aBaseRecord: fc.Arbitrary<BaseRecord> = fc
  .record({
    name: fc.oneof(aName, fc.constant('node-22.11'), fc.constant('x'.repeat(60))),
    registry: aRegistry,
    repository: aRepository,
    tag: aTag,
    selection: fc.option(aSelection, { nil: undefined }),
    watched: fc.boolean(),
    managed: fc.boolean(),
  })
  .map(({ selection, watched, managed, ...rest }) => {
    const record = baseRecord({ ...rest, ...selection, ...(managed ? { managedBy: 'web' } : {}) });
    return watched ? record : without(record);
  });

const aRecord: fc.Arbitrary<ImageRecord> = fc
  .record({
    name: aName,
    version: fc.constantFrom(undefined, '1.4.2', 'v2.0.0-rc.1', 'main'),
    watched: fc.boolean(),
  })
  .map(({ name, version, watched }) =>
    imageRecord({
      name,
      ...(version === undefined ? {} : { currentVersion: version }),
      ...(watched ? { repoURL: 'docker.io/library/other', allowTags: '^1$' } : {}),
    }),
  );

const aFactory: fc.Arbitrary<Drawn> = fc
  .record({
    images: fc.uniqueArray(fc.oneof(aManaged, anExternal), { selector: ({ name }) => name, maxLength: 6 }),
    bases: fc.uniqueArray(aBaseRecord, { selector: ({ name }) => name, maxLength: 6 }),
    records: fc.uniqueArray(aRecord, { selector: ({ name }) => name, maxLength: 6 }),
  })
  .map(({ images, bases, records }) => ({ images, state: stateOf({ images: records, bases }) }));

function generated({ images, state }: Drawn): readonly Manifest[] {
  return knownKinds(synth({ config: factoryOf(images), state }).manifests);
}

function markOf({ metadata }: Manifest, key: string): string | undefined {
  return metadata.labels?.[key] ?? metadata.annotations?.[key];
}

function named(all: readonly Manifest[], kind: 'Warehouse' | 'Stage', prefix: string): readonly Manifest[] {
  return all.filter((each) => each.kind === kind && each.metadata.name.startsWith(`${prefix}-`));
}

/** By the registry's own rules for names: `--` is legal there and not in Kargo. */
function isAccepted(repository: string): boolean {
  return !repository.includes('--');
}

describe('whatever the factory', () => {
  test('an upstream Warehouse exists exactly where the state has repoURL and allowTags, never for a managed base', () => {
    fc.assert(
      fc.property(aFactory, (drawn) => {
        const moved = new Set(
          drawn.images.flatMap((each) =>
            each.kind === 'managed'
              ? each.tags.map((tag) => `${each.registry}/${each.repository}:${tag}`)
              : [],
          ),
        );
        const bases = [...drawn.state.bases.values()].filter(
          (base) =>
            base.repoURL !== undefined &&
            base.allowTags !== undefined &&
            base.managedBy === undefined &&
            !moved.has(`${base.registry}/${base.repository}:${base.tag ?? 'latest'}`) &&
            isAccepted(base.repository),
        );
        const externals = drawn.images.filter((each) => {
          const record = drawn.state.images.get(each.name);
          const said = record?.repoURL !== undefined && record.allowTags !== undefined;
          return each.kind === 'external' && said && isAccepted(each.repository);
        });
        const all = generated(drawn);
        const found = (key: string, kind: 'Warehouse' | 'Stage', prefix: string) =>
          named(all, kind, prefix).map((each) => markOf(each, key) ?? '');
        const baseNames = bases.map(({ name }) => name).toSorted();
        const imageNames = externals.map(({ name }) => name).toSorted();
        expect(found(baseLabel, 'Warehouse', 'base').toSorted()).toEqual(baseNames);
        expect(found(imageLabel, 'Warehouse', 'external').toSorted()).toEqual(imageNames);
        // Each base has its way into the ledger.
        const observed = named(all, 'Stage', 'observe').map(
          (each) => markOf(each, baseLabel) ?? markOf(each, imageLabel) ?? '',
        );
        expect(observed.toSorted()).toEqual([...baseNames, ...imageNames].toSorted());
      }),
      { numRuns: 300 },
    );
  });

  test('every image that Kargo can start has its way to a rebuild, and of every other one a problem says why not', () => {
    fc.assert(
      fc.property(aFactory, (drawn) => {
        const { manifests, problems } = synth({ config: factoryOf(drawn.images), state: drawn.state });
        const all = knownKinds(manifests);
        for (const each of drawn.images) {
          if (each.kind !== 'managed' || each.mode !== 'dispatch') continue;
          const stages = named(all, 'Stage', 'rebuild').filter(
            (found) => markOf(found, imageLabel) === each.name,
          );
          const warehouses = named(all, 'Warehouse', 'intents').filter(
            (found) => markOf(found, imageLabel) === each.name,
          );
          expect(warehouses.length).toBe(stages.length);
          if (stages.length === 1) continue;
          expect(stages).toEqual([]);
          const about = problems.filter(
            ({ subject }) => subject?.kind === 'image' && subject.name === each.name,
          );
          expect(about.map(({ message }) => message).join()).toMatch(/never rebuilt by Kargo|left out/);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('names are valid, unique, and at most 50 characters long', () => {
    fc.assert(
      fc.property(aFactory, (drawn) => {
        const seen = new Set<string>();
        for (const { kind, metadata } of generated(drawn)) {
          expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$/);
          expect(seen.has(`${kind} ${metadata.name}`)).toBe(false);
          seen.add(`${kind} ${metadata.name}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the same bytes again, in whatever order the records come', () => {
    fc.assert(
      fc.property(aFactory, ({ images, state }) => {
        const backwards: FactoryState = {
          ...state,
          images: new Map([...state.images].toReversed()),
          bases: new Map([...state.bases].toReversed()),
        };
        const before = JSON.stringify([images, [...state.images], [...state.bases]]);
        const once = yamlText(generated({ images, state }));
        expect(yamlText(generated({ images: images.toReversed(), state: backwards }))).toBe(once);
        expect(JSON.stringify([images, [...state.images], [...state.bases]])).toBe(before);
      }),
      { numRuns: 100 },
    );
  });

  test('24 h for every base and external image', () => {
    fc.assert(
      fc.property(aFactory, (drawn) => {
        const all = generated(drawn);
        for (const each of [...named(all, 'Warehouse', 'base'), ...named(all, 'Warehouse', 'external')])
          expect(each.kind === 'Warehouse' && each.spec.interval).toBe(kargoDuration(day));
      }),
      { numRuns: 100 },
    );
  });

  test('the validator has nothing against it', () => {
    fc.assert(
      fc.property(aFactory, (drawn) => {
        const findings = validateManifests(generated(drawn)).filter(({ severity }) => severity === 'error');
        expect(findings).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('the CRDs accept it', ({ skip }) => {
    if (crdsMissing !== undefined) skip(crdsMissing);
    const validators = crdValidators();
    fc.assert(
      fc.property(aFactory, (drawn) => {
        for (const manifest of generated(drawn)) expect(crdMistakes(validators, manifest) ?? []).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test.each(Object.entries(traps))('never into trap %s', (_name, trap) => {
    fc.assert(
      fc.property(aFactory, (drawn) => {
        expect(trap(generated(drawn))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
