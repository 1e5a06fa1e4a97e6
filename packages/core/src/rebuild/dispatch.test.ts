import { describe, expect, it } from 'vitest';
import { defaultSettings } from '../enrolment/default-settings.ts';
import { readConfig } from '../enrolment/read-config.ts';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import { dispatchBody, dispatchTarget, repositoryPath } from './dispatch.ts';
import { runInputs } from './run-inputs.ts';

function enrolled(source: string): ManagedEnrolment {
  const { config, problems } = readConfig({
    images: {
      path: 'images.yaml',
      text: `- {name: web, registry: ghcr.io, repository: acme/web, source: {${source}}}`,
    },
    imagesDir: [],
    factory: undefined,
  });
  expect(problems).toEqual([]);
  const image = config?.images[0];
  if (image?.kind !== 'managed') throw new Error('expected a managed image');
  return image;
}

const github = 'provider: github, repo: acme/web, branch: main, dockerfile: Dockerfile';
const gitlab = 'provider: gitlab, repo: acme/tools/web, branch: main, dockerfile: Dockerfile';

describe('where Kargo sends the request for a build', () => {
  it('GitHub: a dispatch of the workflow', () => {
    expect(dispatchTarget(enrolled(`${github}, workflow: build.yml`), defaultSettings)).toEqual({
      ok: true,
      value: {
        provider: 'github',
        url: 'https://api.github.com/repos/acme/web/actions/workflows/build.yml/dispatches',
        runs: 'https://api.github.com/repos/acme/web/actions/runs',
      },
    });
  });

  it('GitLab: a pipeline of the project, wherever the server is', () => {
    const { providers } = defaultSettings;
    const settings = {
      ...defaultSettings,
      providers: { ...providers, gitlab: { ...providers.gitlab, url: 'https://git.example.com/lab' } },
    };
    expect(dispatchTarget(enrolled(gitlab), settings)).toMatchObject({
      value: { url: 'https://git.example.com/lab/api/v4/projects/acme%2Ftools%2Fweb/pipeline' },
    });
  });

  it.each([
    ['provider: local, repo: ., dockerfile: Dockerfile', 'provider local'],
    ['provider: github, repo: acme/web, dockerfile: Dockerfile', 'source.branch is not set'],
    ['provider: github, repo: up/x, workflowRepo: acme/builds', 'source.workflowBranch is not set'],
    ['provider: github, repo: ., branch: main', 'source.repo . names no repository'],
    [
      'provider: github, repo: "https://gitlab.com/acme/web", branch: main',
      'is at gitlab.com, but builds of provider github are started at github.com',
    ],
  ])('%s: %s', (source, why) => {
    const target = dispatchTarget(enrolled(source), defaultSettings);
    expect(target.ok ? '' : target.error).toContain(why);
  });
});

it.each([
  ['repo: up/x, patches: [a.patch]', 'acme/factory', 'trunk'],
  ['repo: up/x, patches: [a.patch], workflowBranch: next', 'acme/factory', 'next'],
  [
    'repo: up/x, branch: v1, patches: [a.patch], workflowRepo: acme/builds, workflowBranch: main',
    'acme/builds',
    'main',
  ],
  ['repo: "https://gitlab.com/up/x", workflowRepo: acme/builds, workflowBranch: main', 'acme/builds', 'main'],
  ['repo: .', 'acme/factory', 'trunk'],
])('CI runs in the repository that has the workflow: %s', (source, repository, ref) => {
  const kargo = {
    ...defaultSettings.kargo,
    repository: 'https://github.com/acme/factory.git',
    branch: 'trunk',
  };
  const settings = { ...defaultSettings, kargo };
  const image = enrolled(`provider: github, ${source}`);
  expect(dispatchTarget(image, settings)).toMatchObject({
    value: { url: `https://api.github.com/repos/${repository}/actions/workflows/build-image.yml/dispatches` },
  });
  const inputs = runInputs({
    key: 'k',
    attempt: 1,
    image,
    reason: '',
    commit: 'c',
    pins: [],
    dependencies: [],
  });
  expect(JSON.parse(dispatchBody(image, settings, inputs))).toMatchObject({ ref });
});

it('the body has the inputs, or variables where GitLab is to be given those', () => {
  const image = enrolled(gitlab);
  const inputs = runInputs({
    key: 'k',
    attempt: 1,
    image,
    reason: 'r',
    commit: 'c',
    pins: [],
    dependencies: [],
  });
  expect(JSON.parse(dispatchBody(image, defaultSettings, inputs))).toEqual({ ref: 'main', inputs });
  const { providers } = defaultSettings;
  const asVariables = {
    ...defaultSettings,
    providers: { ...providers, gitlab: { ...providers.gitlab, start: 'variables' as const } },
  };
  expect(JSON.parse(dispatchBody(image, asVariables, inputs))).toMatchObject({
    ref: 'main',
    variables: expect.arrayContaining([{ key: 'FACTORY_KEY', value: 'k' }]),
  });
});

it.each([
  ['acme/web', 'acme/web'],
  ['https://github.com/acme/web.git', 'acme/web'],
  ['git@gitlab.com:acme/tools/web.git', 'acme/tools/web'],
  ['ssh://git@host:22/acme/web', 'acme/web'],
  ['.', undefined],
  ['../acme/web', undefined],
  ['/srv/acme/web', undefined],
])('the repository of %s', (repo, path) => expect(repositoryPath(repo)).toBe(path));
