import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSecretSource } from './secret-source.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const address = 'https://git.example.com:8443/api/v3';

async function problem(promise: Promise<unknown>) {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof FactoryError)) throw new Error(`expected a problem, got ${String(thrown)}`);
  return thrown.problem;
}

function source(environment: Record<string, string> = {}) {
  return createSecretSource({ baseDir: folder, environment });
}

describe('a secret', () => {
  it('of the environment is read anew each time, without the line break at its end', async () => {
    const environment: Record<string, string> = { TOKEN: 'first\n' };
    const secrets = source(environment);
    expect(await secrets.read({ kind: 'env', name: 'TOKEN' }, address)).toBe('first');
    environment['TOKEN'] = 'second';
    expect(await secrets.read({ kind: 'env', name: 'TOKEN' }, address)).toBe('second');
  });

  it('in a file is taken from the factory directory', async () => {
    writeFileSync(join(folder, 'token'), ' abc\r\n');
    expect(await source().read({ kind: 'file', path: 'token' }, address)).toBe('abc');
    expect(await source().read({ kind: 'file', path: join(folder, 'token') }, address)).toBe('abc');
  });

  it('may be a key of several lines', async () => {
    const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----';
    writeFileSync(join(folder, 'key.pem'), `${key}\n`);
    expect(await source().read({ kind: 'file', path: 'key.pem' }, address)).toBe(key);
  });

  it('of a git helper is asked for by protocol and host, never of a person', async () => {
    const helper = join(folder, 'helper');
    writeFileSync(
      helper,
      `#!/bin/sh\n[ "$1" = get ] || exit 0\nasked=$(cat)\ncase "$asked" in *protocol=https*host=git.example.com:8443*) echo username=x; echo password=of-the-helper;; esac\n`,
    );
    chmodSync(helper, 0o700);
    const environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'credential.helper',
      GIT_CONFIG_VALUE_0: helper,
    };
    expect(await source(environment).read({ kind: 'git-credential' }, address)).toBe('of-the-helper');
    const none = await problem(
      source(environment).read({ kind: 'git-credential' }, 'https://other.example.com'),
    );
    expect(none.message).toContain('git credential for https://other.example.com');
  });
});

describe('what holds none says where it should be, never what is there', () => {
  it.each([
    ['a variable that is not set', { kind: 'env', name: 'NONE' } as const, 'the environment variable NONE'],
    ['a variable that is empty', { kind: 'env', name: 'EMPTY' } as const, 'the environment variable EMPTY'],
    ['a file that is not there', { kind: 'file', path: 'none' } as const, 'the file none'],
    ['a folder', { kind: 'file', path: '.' } as const, 'the file .'],
  ])('%s', async (_name, reference, where) => {
    const refused = await problem(source({ EMPTY: ' \n' }).read(reference, address));
    expect(refused).toMatchObject({ code: 'CREDENTIALS' });
    expect(refused.message).toContain(where);
  });

  it('a value that would end a header', async () => {
    const refused = await problem(
      source({ T: 'secret-one\r\nx-evil: 1' }).read({ kind: 'env', name: 'T' }, address),
    );
    expect(refused.code).toBe('CREDENTIALS');
    expect(JSON.stringify(refused)).not.toContain('secret-one');
  });

  it('a file that is too large to be one', async () => {
    writeFileSync(join(folder, 'big'), 'a'.repeat(65 * 1024));
    expect((await problem(source().read({ kind: 'file', path: 'big' }, address))).code).toBe('CREDENTIALS');
  });
});
