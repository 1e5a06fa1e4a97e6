import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { cloneHead, refreshClone, type CloneOptions } from './clone.ts';

let remote: GitRemote;
let folder: string;
let options: CloneOptions;

beforeEach(async () => {
  remote = await createGitRemote();
  folder = await mkdtemp(join(tmpdir(), 'image-factory-clone-'));
  onTestFinished(async () => {
    await remote.remove();
    await rm(folder, { recursive: true, force: true });
  });
  await remote.commit({ 'images.yaml': 'one\n', 'images.d/a.yaml': 'a\n' });
  options = {
    url: remote.path,
    branch: 'main',
    into: join(folder, 'clone'),
    token: undefined,
    environment: { PATH: process.env['PATH'], HOME: folder },
  };
});

/** Names and texts of the work tree. */
async function tree(): Promise<Record<string, string>> {
  const entries = await readdir(options.into, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(options.into.length + 1))
    .filter((path) => !path.startsWith('.git/'));
  return Object.fromEntries(
    await Promise.all(
      paths.toSorted().map(async (path) => [path, await readFile(join(options.into, path), 'utf8')]),
    ),
  ) as Record<string, string>;
}

const first = { 'images.d/a.yaml': 'a\n', 'images.yaml': 'one\n' };

describe('a clone of the factory directory is brought up to date', () => {
  it('when its branch has moved: what is new comes, what is gone goes', async () => {
    await cloneHead(options);
    expect(await tree()).toEqual(first);
    await remote.commit({ 'images.yaml': 'two\n', 'images.d/a.yaml': null, 'images.d/b.yaml': 'b\n' });
    await refreshClone(options);
    expect(await tree()).toEqual({ 'images.d/b.yaml': 'b\n', 'images.yaml': 'two\n' });
    await refreshClone(options);
    expect(await tree()).toEqual({ 'images.d/b.yaml': 'b\n', 'images.yaml': 'two\n' });
  });

  it('when somebody pushed over it', async () => {
    const before = (await remote.head()) ?? '';
    await remote.commit({ 'images.yaml': 'two\n', 'extra.yaml': 'x\n' });
    await cloneHead(options);
    await remote.git('update-ref', 'refs/heads/main', before);
    await refreshClone(options);
    expect(await tree()).toEqual(first);
    await remote.commit({ 'images.yaml': 'three\n' });
    await refreshClone(options);
    expect(await tree()).toEqual({ ...first, 'images.yaml': 'three\n' });
  });

  it('over what was changed in it', async () => {
    await cloneHead(options);
    await writeFile(join(options.into, 'images.yaml'), 'mine\n');
    await refreshClone(options);
    expect(await tree()).toEqual(first);
  });

  it('from the default branch where none is named, and never from a tag of its name', async () => {
    await cloneHead({ ...options, branch: undefined });
    const next = await remote.commit({ 'images.yaml': 'two\n' });
    await refreshClone({ ...options, branch: undefined });
    expect((await tree())['images.yaml']).toBe('two\n');
    await remote.commit({ 'images.yaml': 'of the tag\n' }, { branch: 'other' });
    await remote.git('tag', 'main', 'other');
    await remote.commit({ 'images.yaml': 'three\n' });
    expect(await remote.head()).not.toBe(next);
    await refreshClone(options);
    expect((await tree())['images.yaml']).toBe('three\n');
  });
});

describe('a clone that cannot be brought up to date stays as it was', () => {
  it('when its branch was deleted, and says so', async () => {
    await cloneHead(options);
    await remote.git('update-ref', '-d', 'refs/heads/main');
    await expect(refreshClone(options)).rejects.toMatchObject({
      problem: {
        code: 'SOURCE_BRANCH_MISSING',
        message: expect.stringMatching(/couldn't find remote ref refs\/heads\/main/),
        hint: 'Check --git-branch.',
      },
    });
    expect(await tree()).toEqual(first);
    await remote.commit({ 'images.yaml': 'back\n' });
    await refreshClone(options);
    expect(await tree()).toEqual({ 'images.yaml': 'back\n' });
  });

  it('when its remote cannot be reached, or refuses it, without a word of the token', async () => {
    const token = 'a-token-of-git-0123';
    let status: number | undefined;
    const server = await remote.serve({ credential: `x-access-token:${token}`, status: () => status });
    const served = { ...options, url: server.url, token };
    await cloneHead(served);
    await remote.commit({ 'images.yaml': 'two\n' });
    status = 503;
    await expect(refreshClone(served)).rejects.toMatchObject({ problem: { code: 'SOURCE_UNREACHABLE' } });
    status = undefined;
    const wrong = 'another-token-9999';
    const denied = await refreshClone({ ...served, token: wrong }).catch((thrown: unknown) => thrown);
    expect(denied).toMatchObject({ problem: { code: 'SOURCE_DENIED' } });
    expect(JSON.stringify(denied) + String(denied)).not.toContain(wrong);
    expect(await tree()).toEqual(first);
    await server.close();
    await expect(refreshClone(served)).rejects.toMatchObject({ problem: { code: 'SOURCE_UNREACHABLE' } });
    expect(await tree()).toEqual(first);
  });

  it('when the branch is none', async () => {
    await cloneHead(options);
    await expect(refreshClone({ ...options, branch: '--upload-pack=x' })).rejects.toMatchObject({
      problem: { code: 'SOURCE_BRANCH_MISSING' },
    });
  });
});
