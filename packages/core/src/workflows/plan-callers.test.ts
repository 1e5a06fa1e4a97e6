import { join } from 'node:path';
import { enrolment } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { defaultProviders } from '../enrolment/provider-settings.ts';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { PlatformName } from '../reference/types.ts';
import { planCallers, workflowPlaces, type WorkflowLook } from './plan-callers.ts';

type Source = Partial<ManagedEnrolment['source']>;

const missing: WorkflowLook = { kind: 'missing' };
const plain = { settings: defaultProviders, githubBuild: undefined, gitlabComponent: undefined };

function image(name: string, source: Source, more: Partial<ManagedEnrolment> = {}): ManagedEnrolment {
  return enrolment({
    name,
    registry: 'ghcr.io',
    repository: `acme/${name}`,
    tags: ['1', 'latest'],
    ...more,
    source: {
      provider: 'github',
      repo: 'acme/platform',
      branch: undefined,
      dockerfile: `${name}/Dockerfile`,
      context: name,
      target: undefined,
      buildArgs: {},
      workflow: undefined,
      ...source,
    },
  });
}

function plan(
  images: readonly ManagedEnrolment[],
  look: (name: string) => WorkflowLook = () => missing,
  options: Partial<Parameters<typeof planCallers>[1]> = {},
) {
  const places = workflowPlaces({ images });
  return planCallers(
    places.map((place) => ({ ...place, look: look(place.image.name) })),
    { ...plain, ...options },
  );
}

const shop = image(
  'shop',
  { workflow: 'shop.yml', target: 'runtime', buildArgs: { A: '1', TEXT: 'it\'s "x": #y' } },
  { platforms: ['linux/amd64' as PlatformName, 'linux/arm64' as PlatformName] },
);
const golden = (name: string): string => join(import.meta.dirname, 'testdata', name);

describe('callers', () => {
  it.each([
    ['github-one.yml', [shop], {}, '.github/workflows/shop.yml'],
    [
      'github-two.yml',
      [image('api', {}), image('web', {})],
      { githubBuild: 'acme/image-factory/.github/workflows/build-image.yml@0123abc' },
      '.github/workflows/build-image.yml',
    ],
    [
      'github-repository-dispatch.yml',
      [image('api', { workflow: 'api.yml' })],
      {
        settings: {
          ...defaultProviders,
          github: { ...defaultProviders.github, start: 'repository_dispatch' as const },
        },
      },
      '.github/workflows/api.yml',
    ],
    [
      'gitlab-two.yml',
      [image('api', { provider: 'gitlab' }), image('web', { provider: 'gitlab' })],
      {},
      '.gitlab-ci.yml',
    ],
    [
      'gitlab-variables.yml',
      [image('api', { provider: 'gitlab' })],
      {
        gitlabComponent: '$CI_SERVER_FQDN/acme/image-factory/build-image@1.0.0',
        settings: {
          ...defaultProviders,
          gitlab: { ...defaultProviders.gitlab, start: 'variables' as const },
        },
      },
      '.gitlab-ci.yml',
    ],
    [
      'forgejo-two.yml',
      [image('api', { provider: 'forgejo' }), image('web', { provider: 'forgejo' })],
      {},
      '.forgejo/workflows/build-image.yml',
    ],
    [
      'github-upstream.yml',
      [
        image('patched', {
          repo: 'https://codeberg.org/up/x.git',
          tag: 'v1.2',
          patches: ['patches/1.patch', 'patches/2.diff'],
          workflowRepo: '.',
        }),
      ],
      { factoryFolder: 'images' },
      '.github/workflows/build-image.yml',
    ],
    [
      'gitlab-upstream.yml',
      [
        image('patched', {
          provider: 'gitlab',
          repo: 'up/x',
          branch: 'main',
          patches: ['1.patch'],
          workflowRepo: 'acme/builds',
        }),
        image('own', {
          provider: 'gitlab',
          repo: 'up/x',
          commit: '0'.repeat(40),
          ownDockerfile: true,
          dockerfile: 'images/own/Dockerfile',
          context: '.',
          workflowRepo: 'acme/builds',
        }),
      ],
      {},
      '.gitlab-ci.yml',
    ],
    [
      'gitea-upstream.yml',
      [
        image('patched', {
          provider: 'gitea',
          repo: 'https://github.com/up/x',
          patches: ['1.patch'],
          workflowRepo: 'acme/builds',
          workflowBranch: 'main',
        }),
      ],
      {},
      '.gitea/workflows/build-image.yml',
    ],
  ] as const)('%s', async (name, images, options, path) => {
    const { files } = plan(images, undefined, options);
    const file = files.find((each) => each.path === path);
    expect(file?.images).toEqual(images.map((each) => each.name));
    await expect(file?.text).toMatchFileSnapshot(golden(name));
  });

  it('bring the build along, once for a repository, unless it is elsewhere', () => {
    const images = [
      image('a', { workflow: 'a.yml' }),
      image('b', { workflow: 'b.yml' }),
      image('c', { provider: 'gitlab' }),
    ];
    expect(plan(images).files.map(({ path }) => path)).toEqual([
      '.github/workflows/a.yml',
      '.github/workflows/image-factory-build.yml',
      '.github/workflows/b.yml',
      '.gitlab-ci.yml',
      'image-factory/build-image.yml',
    ]);
    const elsewhere = { githubBuild: 'a/b/.github/workflows/c.yml@1', gitlabComponent: 'h/a/b/c@1' };
    expect(plan(images, undefined, elsewhere).files).toHaveLength(3);
  });

  it('of an upstream source are for the repository that has the workflow', () => {
    const { images, files } = plan([
      image('a', { repo: 'up/x', patches: ['1.patch'], workflowRepo: '.' }),
      image('b', { repo: 'up/x', workflowRepo: 'acme/builds', workflowBranch: 'main' }),
      image('c', { repo: 'git@github.com:up/x', patches: ['1.patch'], workflowRepo: '.', workflow: 'c.yml' }),
    ]);
    expect(images.map(({ repository, status }) => `${repository} ${status}`)).toEqual([
      '. made',
      'acme/builds made',
      '. refused',
    ]);
    expect(images[2]?.problem?.message).toContain('has no https address');
    expect(
      files.flatMap(({ images: of, repository, branch }) => (of[0] ? [[of[0], repository, branch]] : [])),
    ).toEqual([
      ['a', '.', undefined],
      ['b', 'acme/builds', 'main'],
    ]);
  });

  it('are made for those that have none, and for those of whom nobody knows', () => {
    const problem = { code: 'SOURCE_DENIED', message: 'no', hint: 'ask' } as const;
    const looks: Readonly<Record<string, WorkflowLook>> = {
      there: { kind: 'there', text: 'inputs: { factory_key: {} }' },
      other: { kind: 'there', text: 'on: push' },
      none: missing,
      dark: { kind: 'unknown', problem },
    };
    const names = Object.keys(looks);
    const found = plan(
      names.map((name) => image(name, { workflow: `${name}.yml` })),
      (name) => looks[name] ?? missing,
    );
    expect(found.images.map(({ status }) => status)).toEqual(['there', 'other', 'made', 'unknown']);
    expect(found.files.flatMap(({ images }) => images)).toEqual(['none', 'dark']);
    // A shared file that names one of two images lacks the other.
    const shared = plan([image('api', {}), image('web', {})], () => ({
      kind: 'there',
      text: 'factory_key api',
    }));
    expect(shared.images.map(({ status }) => status)).toEqual(['there', 'other']);
  });

  it('are not for images that no such CI system builds', () => {
    const external = { ...image('x', {}), kind: 'external' } as never;
    expect(plan([image('a', { provider: 'local' }), image('b', { provider: 'webhook' }), external])).toEqual({
      images: [],
      files: [],
    });
  });

  it.each([
    { buildArgs: { A: '${{ secrets.TOKEN }}' } },
    { buildArgs: { A: '$[[ inputs.x ]]' } },
    { workflow: '12345' },
    { workflow: '../../x.yml' },
  ])('are refused for %j', (source) => {
    const { images, files } = plan([image('app', source)]);
    expect([images.map(({ status }) => status), files]).toEqual([['refused'], []]);
    expect(images[0]?.problem?.code).toBe('CONFIG_INVALID_VALUE');
  });
});
