import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digest, enrolment } from '@image-factory/testing/records.ts';
import { createGitRemote, type GitHttpServer, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProposalBranches } from './proposal-branches.ts';

const author = { name: 'Image Factory', email: 'image-factory@example.com' };
const credential = 'x-access-token:secret-token-1';
const old = `FROM node:22@${digest('a')}\r\nRUN true\r\n`;
const next = old.replace(digest('a'), digest('b'));
const branch = 'image-factory/app';
const file = 'a/Dockerfile';

describe('branches of requests, over http with authentication', () => {
  let remote: GitRemote;
  let server: GitHttpServer;
  let cacheDir: string;
  let answering: number | undefined;
  let cut = false;

  beforeEach(async () => {
    answering = undefined;
    cut = false;
    cacheDir = mkdtempSync(join(tmpdir(), 'image-factory-proposals-'));
    remote = await createGitRemote();
    await remote.commit({ 'a/Dockerfile': old, README: 'hello\n' });
    server = await remote.serve({ credential, status: () => answering, cutAfterPush: () => cut });
  });
  afterEach(async () => {
    await server.close();
    await remote.remove();
    rmSync(cacheDir, { recursive: true, force: true });
  });

  function image(more: { dockerfile?: string; branch?: string } = {}) {
    const base = enrolment({ name: 'app' });
    return { ...base, source: { ...base.source, repo: server.url, dockerfile: 'a/Dockerfile', ...more } };
  }
  const branches = (token = 'secret-token-1') =>
    createProposalBranches({
      factoryDir: cacheDir,
      cacheDir,
      clock: realClock,
      environment: process.env,
      author,
      token: async () => token,
    });
  const commit = (parent: string, expected: string | undefined, text = next) => ({
    branch,
    files: new Map([[file, text]]),
    parent,
    expected,
    subject: 'Move node:22',
    body: '- newer-base',
  });

  it('puts one commit on a branch of its own, on the head of the source branch, and knows it again', async () => {
    const seen = await branches().read(image(), branch, [file]);
    expect(seen).toMatchObject({ into: 'main', commit: await remote.head(), proposed: undefined });
    expect(seen.files).toStrictEqual(new Map([[file, { ok: true, value: old }]]));
    const head = await branches().push(image(), commit(seen.commit, undefined));
    expect(await remote.head(branch)).toBe(head);
    expect((await remote.files(branch)).get('a/Dockerfile')).toBe(next);
    expect((await remote.files(branch)).get('README')).toBe('hello\n');
    expect((await remote.git('diff', '--stat', 'main', branch)).trim()).toMatch(
      /1 insertion\(\+\), 1 deletion\(-\)$/,
    );
    const [message] = await remote.log(branch);
    expect(message).not.toContain('[skip ci]');
    expect((await branches().read(image(), branch, [file])).proposed).toStrictEqual({
      head,
      isOurs: true,
      madeOn: seen.commit,
      files: new Map([[file, next]]),
      changed: [file],
    });
  });

  it('takes the place of its own commit on a newer source', async () => {
    const seen = await branches().read(image(), branch, [file]);
    const first = await branches().push(image(), commit(seen.commit, undefined));
    await remote.commit({ README: 'new\n' });
    const later = await branches().read(image(), branch, [file]);
    const second = await branches().push(image(), commit(later.commit, first, next.replace('true', 'false')));
    expect((await remote.git('rev-list', '--count', `main..${branch}`)).trim()).toBe('1');
    expect((await remote.git('rev-parse', `${branch}^`)).trim()).toBe(await remote.head());
    expect(second).toBe(await remote.head(branch));
  });

  it('never pushes over what somebody else committed, and says whose the branch is', async () => {
    const seen = await branches().read(image(), branch, [file]);
    const first = await branches().push(image(), commit(seen.commit, undefined));
    const theirs = await remote.commit({ README: 'mine\n' }, { branch, message: 'A fix' });
    const now = await branches().read(image(), branch, [file]);
    expect(now.proposed).toMatchObject({ head: theirs, isOurs: false, madeOn: undefined });
    expect(await branches().push(image(), commit(seen.commit, first, 'FROM scratch\n'))).toBeUndefined();
    expect(await remote.head(branch)).toBe(theirs);
    await branches().remove(image(), branch, first ?? '');
    expect(await remote.head(branch)).toBe(theirs);
  });

  it('does not take an amended commit for its own, nor one of another image', async () => {
    const seen = await branches().read(image(), branch, [file]);
    const head = await branches().push(image(), commit(seen.commit, undefined));
    const message = await remote.git('log', '-1', '--format=%B', branch);
    await remote.git('update-ref', '-d', `refs/heads/${branch}`);
    await remote.git('update-ref', `refs/heads/${branch}`, 'main');
    await remote.commit({ 'a/Dockerfile': next }, { branch, message });
    expect((await branches().read(image(), branch, [file])).proposed?.isOurs).toBe(false);
    await remote.git('update-ref', `refs/heads/${branch}`, head ?? '');
    const other = 'image-factory/other';
    await remote.git('update-ref', `refs/heads/${other}`, head ?? '');
    expect((await branches().read(image(), other, [file])).proposed?.isOurs).toBe(false);
  });

  it('pushes nothing when the source or the branch has moved since it was read', async () => {
    const seen = await branches().read(image(), branch, [file]);
    await remote.commit({ README: 'moved\n' });
    expect(await branches().push(image(), commit(seen.commit, undefined))).toBeUndefined();
    const now = await branches().read(image(), branch, [file]);
    expect(await branches().push(image(), commit(now.commit, seen.commit))).toBeUndefined();
    expect(await remote.head(branch)).toBeUndefined();
  });

  it('says that it is unknown whether a push was taken when the answer is lost, and finds it afterwards', async () => {
    const seen = await branches().read(image(), branch, [file]);
    cut = true;
    await expect(branches().push(image(), commit(seen.commit, undefined))).rejects.toMatchObject({
      problem: { code: 'SOURCE_UNREACHABLE' },
    });
    cut = false;
    expect((await branches().read(image(), branch, [file])).proposed).toMatchObject({
      isOurs: true,
      files: new Map([[file, next]]),
    });
  });

  it('changes several files in one commit, and says which', async () => {
    await remote.commit({ 'b/Dockerfile': old, 'b/run.sh': 'old\n' });
    const paths = [file, 'b/Dockerfile', 'b/run.sh'];
    const seen = await branches().read(image(), branch, paths);
    const files = new Map([
      ['b/Dockerfile', next],
      ['b/run.sh', 'new\n'],
    ]);
    const head = await branches().push(image(), { ...commit(seen.commit, undefined), files });
    expect((await remote.git('rev-list', '--count', `main..${branch}`)).trim()).toBe('1');
    expect((await remote.git('diff', '--name-only', 'main', branch)).trim().split('\n')).toStrictEqual([
      ...files.keys(),
    ]);
    expect((await branches().read(image(), branch, paths)).proposed).toStrictEqual({
      head,
      isOurs: true,
      madeOn: seen.commit,
      files: new Map([[file, old], ...files]),
      changed: [...files.keys()],
    });
  });

  it('asks no more often for many files than for a few', async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `f${index}`);
    await remote.commit(Object.fromEntries(paths.map((path) => [path, `FROM scratch\n# ${path}\n`])));
    const costOf = async (files: readonly string[]): Promise<number> => {
      const before = server.requests.length;
      const seen = await branches().read(image(), branch, files);
      expect([...seen.files.values()].every(({ ok }) => ok)).toBe(true);
      return server.requests.length - before;
    };
    const few = await costOf(paths.slice(0, 2));
    expect(await costOf(paths)).toBeLessThanOrEqual(few + 1);
    expect(await costOf(paths)).toBeLessThan(few);
  });

  it('commits on the source branch itself, and only on the head that was read', async () => {
    const seen = await branches().read(image(), 'main', [file]);
    const direct = { ...commit(seen.commit, seen.commit), branch: 'main', subject: 'Set versions [skip ci]' };
    const theirs = await remote.commit({ README: 'moved\n' });
    expect(await branches().push(image(), direct)).toBeUndefined();
    expect(await remote.head()).toBe(theirs);
    const again = await branches().push(image(), { ...direct, parent: theirs, expected: theirs });
    expect(await remote.head()).toBe(again);
    expect((await remote.git('rev-parse', 'main^')).trim()).toBe(theirs);
    expect((await remote.files('main')).get(file)).toBe(next);
    const [message] = await remote.log('main');
    expect(message).toContain('[skip ci]');
    expect(message).not.toContain('Image-Factory-Request');
  });

  it('removes a branch that is its own', async () => {
    const seen = await branches().read(image(), branch, [file]);
    const head = await branches().push(image(), commit(seen.commit, undefined));
    await branches().remove(image(), branch, head ?? '');
    expect(await remote.head(branch)).toBeUndefined();
  });

  it('says what a server refuses, and never the token', async () => {
    const denied = await branches('wrong-token-2')
      .read(image(), branch, [file])
      .catch((error: unknown) => error);
    expect(denied).toMatchObject({ problem: { code: 'SOURCE_DENIED' } });
    expect(JSON.stringify(denied)).not.toContain('wrong-token-2');
    const seen = await branches().read(image(), branch, [file]);
    await remote.refusePushes('no such branches here');
    await expect(branches().push(image(), commit(seen.commit, undefined))).rejects.toMatchObject({
      problem: { code: 'SOURCE_DENIED', message: expect.stringContaining('no such branches here') as string },
    });
    answering = 503;
    await expect(branches().read(image(), branch, [file])).rejects.toMatchObject({
      problem: { code: 'SOURCE_UNREACHABLE' },
    });
  });

  it('does not replace links, nor change texts that are no UTF-8', async () => {
    await remote.commit({
      link: { symlink: 'a/Dockerfile' },
      latin: Buffer.from('FROM scratch\n# caf\xe9 \n'.repeat(20), 'latin1'),
    });
    const { files, commit: parent } = await branches().read(image(), branch, [
      'link',
      'latin',
      'none',
      'a',
      'a/../README',
      file,
    ]);
    expect([...files].map(([path, text]) => [path, text.ok ? 'text' : text.error.kind])).toStrictEqual([
      ['link', 'unfit'],
      ['latin', 'unfit'],
      ['none', 'missing'],
      ['a', 'unfit'],
      ['a/../README', 'unfit'],
      [file, 'text'],
    ]);
    await expect(
      branches().push(image(), { ...commit(parent, undefined), files: new Map([['link', 'x']]) }),
    ).rejects.toMatchObject({ problem: { code: 'REQUEST_IMPOSSIBLE' } });
    await expect(branches().read(image({ branch: 'none' }), branch, [file])).rejects.toMatchObject({
      problem: { code: 'SOURCE_BRANCH_MISSING' },
    });
  });
});
