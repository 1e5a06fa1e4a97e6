import { expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { readConfig } from './read-config.ts';

function sourceOf(keys: string, defaults = '{}'): unknown {
  const { config, problems } = readConfig({
    images: {
      path: 'images.yaml',
      text: `defaults: ${defaults}\nimages: [{ name: a, repository: ghcr.io/acme/a, ${keys} }]`,
    },
    imagesDir: [],
  });
  expect(problems.map(formatProblem)).toEqual([]);
  const image = config?.images[0];
  return image?.kind === 'managed' ? image.source : image;
}

const id = '0123456789abcdef0123456789abcdef01234567';

it.each([
  [
    'patches: CI runs where the factory directory is',
    'source: { repo: up/x, branch: main, dockerfile: d/Dockerfile, patches: [./p/1.patch, "p//2.diff"] }',
    {
      provider: 'github',
      repo: 'up/x',
      branch: 'main',
      dockerfile: 'd/Dockerfile',
      context: 'd',
      patches: ['p/1.patch', 'p/2.diff'],
      workflowRepo: '.',
      workflowBranch: undefined,
    },
  ],
  [
    'CI runs in a repository that is named',
    'source: { repo: "https://codeberg.org/up/x", provider: gitlab, tag: v1.2, patches: [a.patch], workflowRepo: acme/ops/builds, workflowBranch: main }',
    {
      provider: 'gitlab',
      repo: 'https://codeberg.org/up/x',
      branch: undefined,
      tag: 'v1.2',
      workflowRepo: 'acme/ops/builds',
      workflowBranch: 'main',
    },
  ],
  [
    'our Dockerfile, the context of another repository',
    `local: { dockerfile: images/a/Dockerfile, target: run }, source: { repo: up/x, commit: "${id}", context: src }`,
    {
      provider: 'github',
      repo: 'up/x',
      commit: id,
      dockerfile: 'images/a/Dockerfile',
      context: 'src',
      target: 'run',
      ownDockerfile: true,
      workflowRepo: '.',
    },
  ],
  [
    'its root where no context is named',
    'local: { dockerfile: images/a/Dockerfile }, source: { provider: local, repo: ../x }',
    { provider: 'local', repo: '../x', context: '.', ownDockerfile: true },
  ],
] as const)('%s', (_, keys, expected) => {
  expect(sourceOf(keys)).toMatchObject(expected);
});

it('a tag of the entry takes the place of the branch of the defaults', () => {
  const source = sourceOf('source: { repo: up/x, tag: v1 }', '{ source: { branch: main } }');
  expect(source).toMatchObject({ branch: undefined, tag: 'v1' });
});

it('a source that is plain has none of the keys', () => {
  const source = sourceOf(
    'local: { dockerfile: a/Dockerfile }',
    '{ source: { repo: up/x, patches: [a.patch] } }',
  );
  expect(Object.keys(source as object)).toEqual([
    'provider',
    'repo',
    'branch',
    'dockerfile',
    'context',
    'target',
    'buildArgs',
    'workflow',
  ]);
});
