import { defaultSettings } from '@image-factory/core/enrolment/default-settings.ts';
import { defaultKargo } from '@image-factory/core/enrolment/kargo-settings.ts';
import { defaultProviders } from '@image-factory/core/enrolment/provider-settings.ts';
import { hour } from '@image-factory/core/time.ts';
import {
  baseRecord,
  enrolment,
  externalEnrolment,
  imageRecord,
  stateOf,
} from '@image-factory/testing/records.ts';
import { describe, expect, test } from 'vitest';
import { yamlText } from '../constructs/yaml-text.ts';
import type { Manifest } from '../manifests/any-manifest.ts';
import { validateManifests } from '../validate/validate-manifests.ts';
import { mostPerStage } from './analyzed.ts';
import { synth } from './synth.ts';
import { factoryOf, factoryUrl, kargoSettings, smallFactory, synthesize } from './test-factory.ts';
import { knownKinds } from './test-traps.ts';

function find<K extends Manifest['kind']>(
  manifests: readonly Manifest[],
  kind: K,
  name: string,
): Extract<Manifest, { kind: K }> {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  if (!found)
    throw new Error(`no ${kind} ${name} among ${manifests.map((each) => each.metadata.name).join(', ')}`);
  return found as Extract<Manifest, { kind: K }>;
}

const github = (name: string, more = {}) =>
  enrolment({ name, source: { provider: 'github', repo: `acme/${name}`, branch: 'main', ...more } });

describe('a small factory', () => {
  const { manifests, problems } = synth(smallFactory());
  const all = knownKinds(manifests);

  test('becomes these manifests', async () => {
    await expect(yamlText(manifests)).toMatchFileSnapshot('testdata/small-factory.k8s.yaml');
    expect(
      problems.map(({ subject, message }) => `${subject?.kind === 'image' ? subject.name : ''}: ${message}`),
    ).toEqual([
      'tools: never rebuilt by Kargo: Kargo cannot start builds of provider local; github and gitlab it can',
    ]);
  });

  test.each([
    ['Project', 'image-factory-kargo'],
    ['ProjectConfig', 'image-factory-kargo'],
    ['AnalysisTemplate', 'analyze'],
    ['AnalysisTemplate', 'observe'],
    ['PromotionTask', 'start-on-github'],
    ['PromotionTask', 'start-on-gitlab'],
    ['Warehouse', 'base-debian-12'],
    ['Warehouse', 'external-postgres'],
    ['Warehouse', 'image-portal'],
    ['Warehouse', 'image-platform'],
    ['Warehouse', 'source-portal'],
    ['Warehouse', 'source-tools'],
    ['Warehouse', 'intents-portal'],
    ['Stage', 'observe-debian-12'],
    ['Stage', 'analyze-dockerfile-portal'],
    ['Stage', 'analyzed'],
    ['Stage', 'rebuild-portal'],
    ['Stage', 'update-portal-kustomize-1'],
    ['Stage', 'update-portal-helm-1'],
    ['Stage', 'update-portal-yaml-1'],
    ['CronJob', 'decide'],
  ] as const)('%s %s is this one', async (kind, name) => {
    await expect(yamlText([find(all, kind, name)])).toMatchFileSnapshot(
      `testdata/kinds/${kind.toLowerCase()}-${name}.yaml`,
    );
  });

  test('the validator has nothing to say at all, not even a warning', () =>
    expect(validateManifests(manifests)).toEqual([]));

  test('has no Warehouse for the base that is managed', () =>
    expect(all.some(({ metadata }) => metadata.name === 'base-platform-12')).toBe(false));

  test('is applied in an order in which each finds what it needs', () => {
    const waves = all.map(({ metadata }) => Number(metadata.annotations?.['argocd.argoproj.io/sync-wave']));
    expect(waves).toEqual(waves.toSorted((a, b) => a - b));
    expect(new Set(waves).size).toBe(6);
  });
});

describe('settings that lack something', () => {
  test.each([
    [{ engine: 'embedded' }, 'engine is embedded'],
    [{ kargo: defaultKargo }, 'kargo.image is not set'],
    [{ state: defaultSettings.state }, 'state.mode is directory'],
    [gitState('git@example.com:acme/state.git'), 'kargo.repository is not set'],
    [gitState(undefined), 'kargo.repository is not set'],
    [
      { ...gitState('../state.git'), kargo: { ...kargoSettings().kargo, repository: factoryUrl } },
      'state.remote is not an http(s) URL',
    ],
  ] as const)('%# generate nothing, and say what is missing', (settings, message) => {
    const { manifests, problems } = synthesize([], stateOf(), settings);
    expect(manifests).toEqual([]);
    expect(problems.map((each) => each.message).join('\n')).toContain(message);
    expect(problems.every((each) => each.place?.file === 'factory.yaml')).toBe(true);
  });

  test('the state may stand in the repository of the factory', () => {
    const kargo = { ...kargoSettings().kargo, repository: factoryUrl };
    const { manifests } = synthesize([github('web')], stateOf(), { ...gitState(undefined), kargo });
    const [{ git }] = find(knownKinds(manifests), 'Warehouse', 'intents-web').spec.subscriptions;
    expect(git?.repoURL).toBe(factoryUrl);
  });

  function gitState(remote: string | undefined) {
    const { state } = kargoSettings();
    return { state: { ...state, mode: 'git', remote } } as Partial<ReturnType<typeof kargoSettings>>;
  }
});

describe('the enrolment wins over the state', () => {
  const upstream = { repoURL: 'docker.io/library/other', allowTags: '^1$' };

  test('an external image is watched as its entry says', () => {
    const images = [externalEnrolment({ name: 'redis', allowTags: '^7-alpine$' })];
    const { manifests } = synthesize(
      images,
      stateOf({ images: [imageRecord({ name: 'redis', ...upstream })] }),
    );
    expect(find(knownKinds(manifests), 'Warehouse', 'external-redis').spec.subscriptions).toEqual([
      {
        image: {
          repoURL: 'docker.io/library/redis',
          imageSelectionStrategy: 'Digest',
          constraint: '7-alpine',
          discoveryLimit: 1,
        },
      },
    ]);
  });

  test('one that became managed is not watched upstream any more, one that became external is no source', () => {
    const record = stateOf({ images: [imageRecord({ name: 'web', ...upstream })] });
    const names = (images: Parameters<typeof synthesize>[0]) =>
      synthesize(images, record)
        .manifests.filter(({ kind }) => kind === 'Warehouse')
        .map(({ metadata }) => metadata.name);
    expect(names([github('web')])).toEqual(['image-web', 'intents-web', 'source-web']);
    expect(names([externalEnrolment({ name: 'web' })])).toEqual(['external-web']);
  });

  test('a base whose tag a managed image moves is ours before its record knows', () => {
    const state = stateOf({
      bases: [baseRecord({ registry: 'ghcr.io', repository: 'acme/web', tag: 'latest' })],
    });
    const { manifests } = synthesize([github('web')], state);
    expect(manifests.filter(({ metadata }) => metadata.name.startsWith('base-'))).toEqual([]);
  });
});

test("a registry's own interval goes before the one for all", () => {
  const registries = {
    'ghcr.io': {
      insecure: true,
      minInterval: 6 * hour,
      requestsPerSecond: undefined,
      concurrency: undefined,
      quotaFloor: undefined,
      allowPrivateAddresses: false,
    },
  };
  const state = stateOf({
    bases: [baseRecord({ registry: 'ghcr.io', repository: 'others/base', tag: '1' })],
  });
  const [base] = knownKinds(synthesize([], state, { registries }).manifests).filter(
    ({ kind }) => kind === 'Warehouse',
  );
  expect(base?.kind === 'Warehouse' && base.spec).toMatchObject({
    interval: '6h0m0s',
    subscriptions: [{ image: { insecureSkipTLSVerify: true } }],
  });
});

test('repositories of every forge are reached by https', () => {
  const providers = {
    ...defaultProviders,
    github: { ...defaultProviders.github, url: 'https://github.example.com/api/v3' },
    gitlab: { ...defaultProviders.gitlab, url: 'https://git.example.com/lab' },
    gitea: {
      url: 'https://gitea.example.com',
      token: undefined,
      ca: undefined,
      callBack: undefined,
      claims: true,
    },
  };
  const images = (
    [
      ['a', 'github', 'acme/a'],
      ['b', 'gitlab', 'acme/group/b'],
      ['c', 'gitea', 'acme/c'],
      ['d', 'github', 'git@github.example.com:acme/d.git'],
      ['e', 'webhook', 'https://svn.example.com/git/e'],
    ] as const
  ).map(([name, provider, repo]) => enrolment({ name, source: { provider, repo, branch: 'main' } }));
  const all = knownKinds(synthesize(images, stateOf(), { providers }).manifests);
  const urls = images.map(
    ({ name }) => find(all, 'Warehouse', `source-${name}`).spec.subscriptions[0].git?.repoURL,
  );
  expect(urls).toEqual([
    'https://github.example.com/acme/a.git',
    'https://git.example.com/lab/acme/group/b.git',
    'https://gitea.example.com/acme/c.git',
    'https://github.example.com/acme/d.git',
    'https://svn.example.com/git/e',
  ]);
});

test("the factory's own files are looked at, and never what the factory writes", () => {
  const kargo = { ...kargoSettings().kargo, directory: 'factory', branch: 'trunk' };
  const images = [
    enrolment({ name: 'tool', source: { repo: '.', dockerfile: 'tool/build/Dockerfile', context: 'tool' } }),
    enrolment({ name: 'whole', source: { repo: '.' } }),
  ];
  const all = knownKinds(synthesize(images, stateOf(), { kargo }).manifests);
  expect(find(all, 'Warehouse', 'source-tool').spec.subscriptions[0].git).toMatchObject({
    repoURL: factoryUrl,
    branch: 'trunk',
    includePaths: ['factory/images.d', 'factory/images.yaml', 'tool'],
    excludePaths: ['factory/dist', 'factory/state'],
  });
  const whole = find(all, 'Warehouse', 'source-whole').spec.subscriptions[0].git;
  expect(whole).not.toHaveProperty('includePaths');
  expect(whole?.excludePaths).toEqual(['factory/dist', 'factory/state']);
});

test('text of an entry that Kargo would evaluate leaves the image out, with a reason', () => {
  const { manifests, problems } = synthesize([
    github('web', { dockerfile: "${{secret('github-token').token}}/Dockerfile" }),
    github('api'),
  ]);
  expect(JSON.stringify(manifests)).not.toContain("secret('");
  expect(manifests.some(({ metadata }) => metadata.name === 'rebuild-api')).toBe(true);
  expect(problems).toMatchObject([{ subject: { kind: 'image', name: 'web' } }]);
});

test('Jobs get the tokens of the forges that build something, and no others', () => {
  const variables = (images: Parameters<typeof synthesize>[0]) => {
    const { spec } = find(knownKinds(synthesize(images).manifests), 'CronJob', 'decide');
    return (spec.jobTemplate.spec.template.spec.containers[0].env ?? []).map(({ name }) => name);
  };
  const always = ['HOME', 'IMAGE_FACTORY_CACHE_DIR', 'FACTORY_GIT_TOKEN'];
  expect(variables([enrolment()])).toEqual(always);
  expect(variables([github('web')])).toEqual([...always, 'GITHUB_TOKEN']);
});

test('many images are gathered by several Stages, each within its size, and stay where they are when others come', () => {
  const shardsOf = (count: number) => {
    const images = Array.from({ length: count }, (_, index) => github(`image-${index}`));
    const all = knownKinds(synthesize(images).manifests);
    const places = new Map<string, string>();
    for (const each of all) {
      if (each.kind !== 'Stage' || !each.metadata.name.startsWith('analyzed')) continue;
      expect(each.spec.requestedFreight.length).toBeLessThanOrEqual(mostPerStage * 2);
      for (const { origin } of each.spec.requestedFreight) places.set(origin.name, each.metadata.name);
    }
    expect(places.size).toBe(count * 2);
    return places;
  };
  const before = shardsOf(1200);
  const after = shardsOf(1210);
  expect(new Set(before.values()).size).toBeGreaterThan(2);
  for (const [origin, place] of before) expect(after.get(origin)).toBe(place);
});

test('an image that came to be external leaves nothing of its sources, and back again nothing is lost', () => {
  const state = stateOf({ images: [imageRecord({ name: 'web' })] });
  const first = yamlText(synthesize([github('web')], state).manifests);
  synthesize([externalEnrolment({ name: 'web' })], state);
  expect(yamlText(synth({ config: factoryOf([github('web')]), state }).manifests)).toBe(first);
});
