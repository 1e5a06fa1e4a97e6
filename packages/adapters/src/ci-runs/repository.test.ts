import { describe, expect, it } from 'vitest';
import { markIn, isMarked } from './run-mark.ts';
import { repositoryAt } from './repository.ts';
import { said } from './said.ts';

describe('repositoryAt', () => {
  it.each([
    ['acme/app', 'acme/app'],
    ['group/sub/deeper/app', 'group/sub/deeper/app'],
    ['https://git.test/lab/group/sub/app.git', 'group/sub/app'],
    ['https://git.test/lab/group/app/', 'group/app'],
    ['https://someone@git.test/lab/group/app', 'group/app'],
    ['ssh://git@git.test:2222/group/sub/app.git', 'group/sub/app'],
    ['git@git.test:group/sub/app.git', 'group/sub/app'],
    ['git@altssh.git.test:group/app', 'group/app'],
  ])('reads %s', (repo, path) => {
    expect(repositoryAt(repo, 'https://git.test/lab')).toEqual({ ok: true, value: path });
  });

  it.each([
    ['.', 'names no repository'],
    ['../elsewhere', 'no owner/name'],
    ['/srv/git/app', 'names no repository'],
    ['app', 'names no repository'],
    ['https://other.test/group/app', 'is at other.test'],
    ['file:///srv/group/app', 'is no repository'],
    ['https://git.test/lab/app', 'no owner/name'],
    ['git@git.test:../../etc/app', 'no owner/name'],
    ['https://git.test/lab/group/%2e%2e/app', 'no owner/name'],
  ])('refuses %s', (repo, why) => {
    const read = repositoryAt(repo, 'https://git.test/lab');
    expect(read.ok ? '' : read.error).toContain(why);
  });
});

describe('the mark in a title', () => {
  it('is the last one, and a whole one', () => {
    expect(markIn('[k0/1] of app [k1/12]')).toEqual({ key: 'k1', attempt: 12 });
    expect(isMarked('app [k1/12]', 'k1', 1)).toBe(false);
    expect(isMarked('app [k11/2]', 'k1', 2)).toBe(false);
    for (const title of [undefined, '', 'k1/2', '[k1/]', '[k1 /2]']) expect(markIn(title)).toBeUndefined();
  });
});

it('what a server said is shown in one line, without what it repeated of a secret', () => {
  expect(said('bad token\n"s3cr3t+x"\u0007 in s3cr3t%2Bx', ['s3cr3t+x'])).toBe('bad token "***" in ***');
  expect(said('x'.repeat(1000), [])).toHaveLength(300);
  expect(said('', [])).toBe('nothing');
});
