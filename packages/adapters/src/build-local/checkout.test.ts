import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findBuildFiles } from './build-files.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { createRemoteCommits } from '../git/remote-commits.ts';
import { gitCheckout } from './checkout.ts';
import { createGitRemote, type GitRemote, type GitRemoteOptions } from '@image-factory/testing/git-remote.ts';
import { environment, remoteCommits, repository, temporary } from './test-place.ts';
import { enrolment } from './test-request.ts';

const signal = new AbortController().signal;

async function checkoutFor(baseDir: string, token?: () => Promise<string | undefined>) {
  const workDir = await temporary();
  return gitCheckout({
    baseDir,
    workDir,
    environment: { ...environment(), GIT_DIR: '/nonexistent' },
    remotes: remoteCommits(workDir, token),
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

describe('a repository elsewhere', () => {
  async function elsewhere(options?: GitRemoteOptions): Promise<GitRemote> {
    const remote = await createGitRemote(options);
    onTestFinished(() => remote.remove());
    return remote;
  }

  async function served(remote: GitRemote, credential?: string) {
    const server = await remote.serve(credential === undefined ? {} : { credential });
    onTestFinished(() => server.close());
    return server;
  }

  function sourceAt(repo: string, fields: { dockerfile?: string; context?: string } = {}) {
    return { ...enrolment('r.example', {}, fields).source, repo };
  }

  test('is checked out at the commit that was asked for, though its branch has gone on', async () => {
    const remote = await elsewhere();
    const before = await remote.commit({ Dockerfile: 'FROM a\n', x: 'before', unrelated: 'y' });
    await remote.commit({ x: 'after' });
    const { url } = await served(remote);
    const checkout = await checkoutFor(await temporary());
    for (const repo of [url, `file://${remote.path}`]) {
      const out = await checkout(sourceAt(repo), before, signal);
      expect(await readFile(join(out.dir, 'x'), 'utf8')).toBe('before');
      expect(out.committedAt).toBe(1_760_000_001);
      await out.dispose();
    }
  });

  test('gives up of its files only those that the build reads, once', async () => {
    const remote = await elsewhere();
    const commit = await remote.commit({
      'app/Dockerfile': 'FROM a\n',
      'app/src/x': 'x',
      'other/large': 'z'.repeat(100_000),
    });
    const other = (await remote.git('rev-parse', `${commit}:other/large`)).trim();
    const { url, requests } = await served(remote);
    const workDir = await temporary();
    const remotes = remoteCommits(workDir);
    const checkout = gitCheckout({ baseDir: workDir, workDir, environment: environment(), remotes });
    const source = sourceAt(url, { dockerfile: 'app/Dockerfile', context: 'app' });
    const [one, two] = await Promise.all([
      checkout(source, commit, signal),
      checkout(source, commit, signal),
    ]);
    expect(await readdir(one.dir)).toEqual(['app']);
    expect(await readdir(join(two.dir, 'app'))).toEqual(['Dockerfile', 'src']);
    const asked = requests.length;
    await checkout(source, commit, signal);
    expect(requests.length).toBe(asked);
    const [clone = ''] = (await readdir(join(workDir, 'git'), { recursive: true })).filter((name) =>
      name.endsWith('0.git'),
    );
    const gitDir = join(workDir, 'git', clone);
    expect(() =>
      execFileSync('git', ['--git-dir', gitDir, 'cat-file', '-e', other], { stdio: 'ignore' }),
    ).toThrow(/cat-file/);
  });

  test('a link in it leads to what the build needs', async () => {
    const remote = await elsewhere();
    const commit = await remote.commit({
      'shared/Dockerfile': 'FROM a\n',
      'app/Dockerfile': { symlink: '../shared/Dockerfile' },
    });
    const { url } = await served(remote);
    const checkout = await checkoutFor(await temporary());
    const source = sourceAt(url, { dockerfile: 'app/Dockerfile', context: 'app' });
    const out = await checkout(source, commit, signal);
    expect((await findBuildFiles(out.dir, source)).text).toBe('FROM a\n');
  });

  test('that gives branches and not commits still gives the commit', async () => {
    const remote = await elsewhere({ allowFilter: false });
    await remote.git('config', 'protocol.version', '0');
    const before = await remote.commit({ Dockerfile: 'FROM a\n' });
    await remote.commit({ Dockerfile: 'FROM b\n' });
    const { url } = await served(remote);
    const workDir = await temporary();
    const old = {
      ...environment(),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'protocol.version',
      GIT_CONFIG_VALUE_0: '0',
    };
    const remotes = createRemoteCommits({
      cacheDir: join(workDir, 'git'),
      clock: realClock,
      environment: old,
    });
    const checkout = gitCheckout({ baseDir: workDir, workDir, environment: old, remotes });
    const out = await checkout(sourceAt(url), before, signal);
    expect(await readFile(join(out.dir, 'Dockerfile'), 'utf8')).toBe('FROM a\n');
  });

  test('takes the token as sources do, and nobody sees it', async () => {
    const remote = await elsewhere();
    const commit = await remote.commit({ Dockerfile: 'FROM a\n' });
    const { url } = await served(remote, 'x-access-token:s3cr3t-token');
    const good = await checkoutFor(await temporary(), async () => 's3cr3t-token');
    const out = await good(sourceAt(url), commit, signal);
    expect(await readdir(out.dir)).toEqual(['Dockerfile']);
    const bad = await checkoutFor(await temporary(), async () => 'wr0ng-token');
    const refusal = await bad(sourceAt(url), commit, signal).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ problem: { code: 'SOURCE_DENIED' } });
    expect(JSON.stringify(refusal)).not.toContain('wr0ng');
  });

  test('without the commit, or that is not there, is a problem of the source', async () => {
    const remote = await elsewhere();
    await remote.commit({ Dockerfile: 'FROM a\n' });
    const { url } = await served(remote);
    const checkout = await checkoutFor(await temporary());
    const missing = '1'.repeat(40);
    await expect(checkout(sourceAt(url), missing, signal)).rejects.toMatchObject({
      problem: {
        code: 'SOURCE_UNREACHABLE',
        message: `the source repository ${url} has no commit ${missing}`,
      },
    });
    await expect(checkout(sourceAt('http://127.0.0.1:9/x.git'), missing, signal)).rejects.toMatchObject({
      problem: { code: 'SOURCE_UNREACHABLE' },
    });
  });

  test('is fetched anew where its clone is broken', async () => {
    const remote = await elsewhere();
    const commit = await remote.commit({ Dockerfile: 'FROM a\n' });
    const { url } = await served(remote);
    const workDir = await temporary();
    const remotes = remoteCommits(workDir);
    const checkout = gitCheckout({ baseDir: workDir, workDir, environment: environment(), remotes });
    await checkout(sourceAt(url), commit, signal);
    const [clone = ''] = (await readdir(join(workDir, 'git'), { recursive: true })).filter((name) =>
      name.endsWith('0.git'),
    );
    await rm(join(workDir, 'git', clone, 'objects'), { recursive: true });
    const out = await checkout(sourceAt(url), commit, signal);
    expect(await readdir(out.dir)).toEqual(['Dockerfile']);
  });
});
