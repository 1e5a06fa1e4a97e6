import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findBuildFiles } from './build-files.ts';
import { gitCheckout } from './checkout.ts';
import { enrolment, environment, repository, temporary } from './test-support.ts';

const signal = new AbortController().signal;

async function checkoutFor(baseDir: string) {
  return gitCheckout({
    baseDir,
    workDir: await temporary(),
    environment: { ...environment(), GIT_DIR: '/nonexistent' },
  });
}

test('gives the files of the commit, not those of the work tree, and leaves the repository alone', async () => {
  const { path, commit } = await repository({
    'app/Dockerfile': 'FROM a\n',
    'app/src/x': 'committed',
    'other/y': 'y',
    'Dockerfile.dockerignore': 'z',
  });
  await writeFile(join(path, 'app/src/x'), 'changed');
  await writeFile(join(path, 'app/new'), 'new');
  const before = execFileSync('git', ['-C', path, 'status', '--porcelain'], { encoding: 'utf8' });
  const checkout = await checkoutFor(path);
  const { source } = enrolment('r.example', {}, { dockerfile: 'app/Dockerfile', context: 'app' });
  const out = await checkout(source, commit, signal);
  expect(await readFile(join(out.dir, 'app/src/x'), 'utf8')).toBe('committed');
  expect(await readdir(join(out.dir, 'app'))).toEqual(['Dockerfile', 'src']);
  expect(await readdir(out.dir)).toEqual(['app']);
  const times = await Promise.all(['app', 'app/src', 'app/src/x'].map((file) => stat(join(out.dir, file))));
  expect(new Set(times.map((time) => time.mtimeMs / 1000))).toEqual(new Set([out.committedAt]));
  expect(execFileSync('git', ['-C', path, 'status', '--porcelain'], { encoding: 'utf8' })).toBe(before);
  await out.dispose();
  await expect(lstat(out.dir)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a bare repository is as good', async () => {
  const { path, commit } = await repository({ Dockerfile: 'FROM a\n' });
  const bare = join(await temporary(), 'bare.git');
  execFileSync('git', ['clone', '-q', '--bare', path, bare]);
  const checkout = await checkoutFor('/');
  const out = await checkout({ ...enrolment('r.example').source, repo: bare }, commit, signal);
  expect(await readFile(join(out.dir, 'Dockerfile'), 'utf8')).toBe('FROM a\n');
});

test('unknown commits and things that are no commits are refused', async () => {
  const { path } = await repository({ Dockerfile: 'FROM a\n' });
  const checkout = await checkoutFor(path);
  const { source } = enrolment('r.example');
  for (const commit of ['0'.repeat(40), '--output=/tmp/x', 'main']) {
    await expect(checkout(source, commit, signal)).rejects.toMatchObject({
      problem: { code: 'SOURCE_UNREACHABLE' },
    });
  }
});

test('links are checked out as links, and one that leads out of the checkout is not followed', async () => {
  const { path } = await repository({ Dockerfile: 'FROM a\n' });
  await symlink('/etc/passwd', join(path, 'Dockerfile.bad'));
  await symlink('Dockerfile', join(path, 'Dockerfile.good'));
  await symlink('/etc', join(path, 'out'));
  execFileSync('git', ['-C', path, 'add', '-A']);
  execFileSync('git', [
    '-C',
    path,
    '-c',
    'user.name=t',
    '-c',
    'user.email=t@example.com',
    'commit',
    '-q',
    '-m',
    'links',
  ]);
  const commit = execFileSync('git', ['-C', path, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  const checkout = await checkoutFor(path);
  const { source } = enrolment('r.example');
  const { dir } = await checkout(source, commit, signal);
  expect(await readlink(join(dir, 'out'))).toBe('/etc');
  expect(await findBuildFiles(dir, { ...source, dockerfile: 'Dockerfile.good' })).toMatchObject({
    text: 'FROM a\n',
  });
  const escapes = [
    { dockerfile: 'Dockerfile.bad' },
    { context: 'out' },
    { dockerfile: '../../../../etc/passwd' },
  ];
  for (const fields of escapes) {
    await expect(findBuildFiles(dir, { ...source, ...fields })).rejects.toMatchObject({
      problem: { code: 'CONFIG_PATH_ESCAPES' },
    });
  }
  await expect(findBuildFiles(dir, { ...source, dockerfile: 'none' })).rejects.toMatchObject({
    problem: { code: 'DOCKERFILE_MISSING' },
  });
});

test('a Dockerfile that is a directory or too large is refused', async () => {
  const dir = await temporary();
  await mkdir(join(dir, 'Dockerfile'));
  await writeFile(join(dir, 'large'), Buffer.alloc(2 * 1024 * 1024));
  for (const dockerfile of ['Dockerfile', 'large']) {
    const { source } = enrolment('r.example', {}, { dockerfile });
    await expect(findBuildFiles(dir, source)).rejects.toMatchObject({
      problem: { code: 'DOCKERFILE_UNREADABLE' },
    });
  }
});

test('links within the repository lead to what discovery reads, others nowhere', async () => {
  const { path } = await repository({ 'shared/Dockerfile': 'FROM a\n', 'shared/unrelated/x': 'x' });
  await symlink('shared', join(path, 'team'));
  await mkdir(join(path, 'app'));
  await symlink('../team/Dockerfile', join(path, 'app/Dockerfile'));
  await symlink('/etc/passwd', join(path, 'app/absolute'));
  await symlink(`${'../'.repeat(20)}etc/passwd`, join(path, 'app/outside'));
  await symlink('loop', join(path, 'app/loop'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
    });
  git('add', '-A');
  git('commit', '-q', '-m', 'links');
  const checkout = await checkoutFor(path);
  async function found(dockerfile: string): Promise<string> {
    const { source } = enrolment('r.example', {}, { dockerfile, context: 'app' });
    const out = await checkout(source, git('rev-parse', 'HEAD').trim(), signal);
    return (await findBuildFiles(out.dir, source)).text;
  }
  expect(await found('app/Dockerfile')).toBe('FROM a\n');
  expect(await found('team/Dockerfile')).toBe('FROM a\n');
  for (const dockerfile of ['app/absolute', 'app/outside']) {
    await expect(found(dockerfile)).rejects.toMatchObject({ problem: { code: 'CONFIG_PATH_ESCAPES' } });
  }
  await expect(found('app/loop')).rejects.toMatchObject({ problem: { code: 'DOCKERFILE_MISSING' } });
});
