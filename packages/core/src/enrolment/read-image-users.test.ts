import { describe, expect, it } from 'vitest';
import { readConfig } from './read-config.ts';

function read(updates: string) {
  const text = `- name: web\n  repository: ghcr.io/acme/web\n  source: { repo: acme/web }\n  updates:\n    - ${updates}\n`;
  return readConfig({ images: { path: 'images.yaml', text }, imagesDir: [], factory: undefined });
}

describe('updates of an enrolment', () => {
  it('reads each format, with a pull request where nothing is said', () => {
    const { config, problems } = read(
      [
        '{ format: kustomize, repo: acme/deploy, paths: [apps/web, ./apps/admin/] }',
        '    - { format: helm, repo: https://git.example.com/acme/charts.git, provider: gitea, branch: trunk, mode: push, paths: [values.yaml], keys: { image.tag: tag } }',
      ].join('\n'),
    );
    expect(problems).toEqual([]);
    const [image] = config?.images ?? [];
    expect(image?.kind === 'managed' && image.updates).toEqual([
      {
        format: 'kustomize',
        provider: 'github',
        repo: 'acme/deploy',
        branch: 'main',
        mode: 'pull-request',
        paths: ['apps/web', 'apps/admin'],
        image: undefined,
        part: 'digest',
      },
      {
        format: 'helm',
        provider: 'gitea',
        repo: 'https://git.example.com/acme/charts.git',
        branch: 'trunk',
        mode: 'push',
        paths: ['values.yaml'],
        keys: { 'image.tag': 'tag' },
      },
    ]);
  });

  it.each([
    ['{ format: kustomize, repo: acme/deploy }', 'needs format, repo and paths'],
    ['{ format: jsonnet, repo: acme/deploy, paths: [a] }', 'must be one of'],
    ['{ format: yaml, repo: acme/deploy, paths: [a] }', 'keys is missing'],
    ['{ format: yaml, repo: acme/deploy, paths: [a], keys: { image: name } }', 'must be one of'],
    [
      '{ format: yaml, repo: acme/deploy, paths: [a], keys: { a: tag }, image: web }',
      'image is for kustomize',
    ],
    ['{ format: kustomize, repo: acme/deploy, paths: [a], keys: { a: tag } }', 'keys is for yaml and helm'],
    ['{ format: kustomize, repo: acme/deploy, paths: [../a] }', 'leaves the repository'],
    ['{ format: kustomize, repo: git@github.com:acme/deploy.git, paths: [a] }', 'neither owner/name'],
    ['{ format: kustomize, repo: acme/deploy, branch: "a b", paths: [a] }', 'git does not allow'],
    ['{ format: kustomize, repo: acme/deploy, image: "a b", paths: [a] }', 'is not the name of an image'],
  ])('refuses %s', (written, message) => {
    const { config, problems } = read(written);
    expect(config).toBeUndefined();
    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
    expect(problems[0]?.place).toMatchObject({ file: 'images.yaml', line: 5 });
  });
});
