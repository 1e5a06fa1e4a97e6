import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownRemote } from './own-remote.ts';

let folder: string;
const git = (cwd: string, ...args: string[]) =>
  spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd });
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'image-factory-own-')));
  mkdirSync(join(folder, 'repo', 'factory'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const own = (path = 'repo/factory') => ownRemote(join(folder, path), process.env);

it('is nothing without a repository', async () => {
  expect(await own()).toBeUndefined();
});

it('is the repository itself without an origin, also from a linked work tree', async () => {
  git(join(folder, 'repo'), 'init', '-q');
  expect(await own()).toBe(join(folder, 'repo', '.git'));
  git(join(folder, 'repo'), 'commit', '-q', '--allow-empty', '-m', 'x');
  git(join(folder, 'repo'), 'worktree', 'add', '-q', '../linked');
  expect(await own('linked')).toBe(join(folder, 'repo', '.git'));
});

it.each([
  ['https://github.com/acme/platform.git', 'https://github.com/acme/platform.git'],
  ['git@github.com:acme/platform.git', 'git@github.com:acme/platform.git'],
])('is the origin %s', async (url, expected) => {
  git(join(folder, 'repo'), 'init', '-q');
  git(join(folder, 'repo'), 'remote', 'add', 'origin', url);
  expect(await own()).toBe(expected);
});

it('takes a relative origin from the work tree, as git does', async () => {
  git(join(folder, 'repo'), 'init', '-q');
  git(join(folder, 'repo'), 'remote', 'add', 'origin', '../bare.git');
  expect(await own()).toBe(join(folder, 'bare.git'));
});
