import { enrolment, stateOf } from '@image-factory/testing/records.ts';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { describe, expect, test } from 'vitest';
import { yamlText } from '../constructs/yaml-text.ts';
import { validateManifests } from '../validate/validate-manifests.ts';
import { synth } from './synth.ts';
import { factoryOf, kargoSettings } from './test-factory.ts';
import { knownKinds } from './test-traps.ts';

const patched = (more: Partial<Source> = {}): Partial<Source> => ({
  provider: 'github',
  repo: 'up/x',
  branch: 'v1',
  dockerfile: 'docker/Dockerfile',
  context: 'docker',
  patches: ['patches/1.patch'],
  workflowRepo: '.',
  ...more,
});

function made(source: Partial<Source>) {
  const { kargo } = kargoSettings();
  const settings = {
    kargo: {
      ...kargo,
      repository: 'https://github.com/acme/factory.git',
      directory: 'images',
      branch: 'trunk',
    },
  };
  const { manifests, problems } = synth({
    config: factoryOf([enrolment({ name: 'x', source })], settings),
    state: stateOf({}),
  });
  return { manifests, problems: problems.map(({ message }) => message) };
}

describe('an image of an upstream source', () => {
  test('has Warehouses for upstream and for the patches, and starts in the repository of the workflow', async () => {
    const { manifests, problems } = made(patched());
    expect(problems).toEqual([]);
    const own = manifests.filter(
      ({ kind, metadata }) => /^(?:Warehouse|Stage)$/.test(kind) && metadata.name.endsWith('-x'),
    );
    await expect(yamlText(own)).toMatchFileSnapshot('testdata/upstream-source.k8s.yaml');
    expect(validateManifests(manifests)).toEqual([]);
  });

  test.each([
    [
      'a tag',
      patched({ branch: undefined, tag: 'v1.2' }),
      {
        commitSelectionStrategy: 'Lexical',
        allowTagsRegexes: [String.raw`^v1\.2$`],
      },
    ],
    [
      'our Dockerfile',
      patched({ patches: [], ownDockerfile: true, dockerfile: 'images/x/Dockerfile', context: 'src' }),
      { branch: 'v1', includePaths: ['src'] },
    ],
    ['a commit', patched({ branch: undefined, commit: '0'.repeat(40) }), undefined],
  ])('%s', (_, source, git) => {
    const { manifests } = made(source);
    const found = knownKinds(manifests).find(({ metadata }) => metadata.name === 'source-x');
    const seen = found?.kind === 'Warehouse' ? found.spec.subscriptions[0].git : undefined;
    expect({ git: seen }).toMatchObject({ git });
    expect(manifests.some(({ metadata }) => metadata.name === 'additions-x')).toBe(true);
    expect(validateManifests(manifests)).toEqual([]);
  });

  test('elsewhere than at the forge that starts builds is watched, and never started by Kargo', () => {
    const { problems } = made(
      patched({ provider: 'github', workflowRepo: 'https://git.example.com/acme/builds' }),
    );
    expect(problems).toEqual([expect.stringContaining('never rebuilt by Kargo')]);
  });
});
