import { describe, expect, it } from 'vitest';
import { must } from '@image-factory/core/result.ts';
import { credentialFor, scrub } from './credentials.ts';
import { gitEnvironment } from './environment.ts';
import { parseRemote } from './remote-url.ts';

describe('parseRemote', () => {
  it.each([
    ['https://github.com/a/b.git', 'http', 'https://github.com/a/b.git', undefined],
    ['https://user:p%40ss@host:8443/a', 'http', 'https://host:8443/a', 'user:p@ss'],
    ['https://ghp_0123456789012345678901@host/a', 'http', 'https://host/a', 'ghp_0123456789012345678901:'],
    ['https://me@host/a', 'http', 'https://me@host/a', undefined],
    ['ssh://git@host:22/a', 'ssh', 'ssh://git@host:22/a', undefined],
    ['git@host:a/b.git', 'ssh', 'git@host:a/b.git', undefined],
    ['file:///srv/a%20b.git', 'path', '/srv/a b.git', undefined],
    ['../x', 'path', '/srv/x', undefined],
  ])('reads %s', (text, kind, url, credential) => {
    expect(must(parseRemote(text, '/srv/factory'))).toMatchObject({ kind, url, credential });
  });
  it.each(['', '-x', 'ext::sh', 'fd::17', 'https://', 'gopher://x/y', 'a\nb', 'https://-oProxy/x'])(
    'refuses %j',
    (text) => {
      expect(parseRemote(text, '/').ok).toBe(false);
    },
  );
});

describe('credentialFor', () => {
  const remote = must(parseRemote('https://forge.example.com/a/b.git', '/'));
  it('is a header for that origin alone, and follows no redirect', () => {
    const { config } = credentialFor(remote, 'token');
    expect(config.at(1)).toEqual([
      'http.https://forge.example.com/.extraHeader',
      `Authorization: Basic ${Buffer.from('x-access-token:token').toString('base64')}`,
    ]);
    expect(config).toContainEqual(['http.followRedirects', 'false']);
  });
  it('takes user and password as they are', () => {
    expect(credentialFor(remote, 'gitlab-ci-token:abc').config.at(1)?.[1]).toContain(
      Buffer.from('gitlab-ci-token:abc').toString('base64'),
    );
  });
  it('is nothing without a token, and for other protocols', () => {
    expect(credentialFor(remote, undefined).config).toEqual([]);
    expect(credentialFor(must(parseRemote('git@host:a', '/')), 'token').config).toEqual([]);
  });
});

describe('scrub', () => {
  it.each([
    ["fatal: unable to access 'https://u:p@h/x'", "fatal: unable to access 'https://***@h/x'"],
    ['ssh://git@host/x is kept', 'ssh://git@host/x is kept'],
    ['a s3cret in words', 'a *** in words'],
    ['> Authorization: Basic abc def', '> Authorization: ***'],
  ])('%s', (text, clean) => expect(scrub(text, ['s3cret'])).toBe(clean));
});

describe('gitEnvironment', () => {
  it('drops what an outer git has set, keeps how to connect, and adds to configuration that is there', () => {
    const outer = {
      PATH: '/bin',
      GIT_DIR: '/x',
      GIT_INDEX_FILE: '/y',
      GIT_TRACE: '1',
      GIT_SSH_COMMAND: 'ssh -i k',
      LANGUAGE: 'de',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'a.b',
      GIT_CONFIG_VALUE_0: 'c',
    };
    expect(gitEnvironment(outer, [['d.e', 'f']])).toEqual({
      PATH: '/bin',
      GIT_SSH_COMMAND: 'ssh -i k',
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      SSH_ASKPASS_REQUIRE: 'never',
      GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'a.b',
      GIT_CONFIG_VALUE_0: 'c',
      GIT_CONFIG_KEY_1: 'd.e',
      GIT_CONFIG_VALUE_1: 'f',
    });
  });
});
