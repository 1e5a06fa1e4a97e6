import { chmod, mkdir, mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credential } from '@image-factory/core/ports/credentials.ts';
import { leapingClock, problemIn } from '@image-factory/testing/registry/client-options.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDockerCredentials } from './docker-credentials.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'credentials-'));
  await mkdir(join(home, 'bin'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const auth = (user: string, password = 'pw') => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});
const basic = (username: string, password = 'pw'): Credential => ({ kind: 'basic', username, password });

async function write(path: string, json: unknown): Promise<void> {
  const file = join(home, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, typeof json === 'string' ? json : JSON.stringify(json));
}

/** A helper that counts its calls in the file `calls` and answers with what the script prints. */
async function helper(name: string, script: string): Promise<void> {
  const file = join(home, 'bin', `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\nread server\necho "$1 $server" >> "${home}/calls"\n${script}\n`);
  await chmod(file, 0o755);
}

async function calls(): Promise<string[]> {
  const text = await readFile(join(home, 'calls'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean);
}

function start(
  environment: Record<string, string> = {},
  more: { files?: string[]; helperTimeout?: number } = {},
) {
  const clock = leapingClock();
  const path = `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`;
  const source = createDockerCredentials({
    environment: { PATH: path, ...environment },
    homeFolder: home,
    clock,
    ...more,
  });
  const find = (registry: string, repository = 'team/app', refresh = false) =>
    source.find(registry, repository, { refresh });
  return { clock, find };
}

describe('where credentials are looked for', () => {
  it('nowhere: anonymous', async () => {
    expect(await start().find('ghcr.io')).toEqual([]);
  });

  it('in the order of Docker, then podman', async () => {
    const places = [
      'docker/config.json',
      'auth.json',
      'run/containers/auth.json',
      '.config/containers/auth.json',
    ];
    const environment = {
      DOCKER_CONFIG: join(home, 'docker'),
      REGISTRY_AUTH_FILE: join(home, 'auth.json'),
      XDG_RUNTIME_DIR: join(home, 'run'),
    };
    for (const [index, place] of places.entries()) {
      await write(place, { auths: { [`r${index}.example`]: auth(place), 'all.example': auth(place) } });
    }
    const { find } = start(environment);
    for (const [index, place] of places.entries())
      expect(await find(`r${index}.example`)).toEqual([basic(place)]);
    expect(await find('all.example')).toEqual([basic('docker/config.json')]);
  });

  it('in ~/.docker without DOCKER_CONFIG', async () => {
    await write('.docker/config.json', { auths: { 'ghcr.io': auth('me', 'p:w:d') } });
    expect(await start().find('ghcr.io')).toEqual([basic('me', 'p:w:d')]);
  });

  it('in a file that is given, before all others', async () => {
    await write('.docker/config.json', { auths: { 'ghcr.io': auth('home') } });
    await write('secret/.dockerconfigjson', { auths: { 'ghcr.io': auth('secret') } });
    const { find } = start({}, { files: [join(home, 'secret/.dockerconfigjson')] });
    expect(await find('ghcr.io')).toEqual([basic('secret')]);
  });
});

describe('forms of an entry', () => {
  it.each([
    ['auth', auth('me'), [basic('me')]],
    ['padding of zero bytes', { auth: Buffer.from('me:pw\0\0').toString('base64') }, [basic('me')]],
    ['user and password', { username: 'me', password: 'pw' }, [basic('me')]],
    ['identity token', { ...auth('me'), identitytoken: 't' }, [{ kind: 'identity-token', token: 't' }]],
    ['registry token', { registrytoken: 't' }, [{ kind: 'bearer', token: 't' }]],
    ['identity token as password', auth('<token>', 't'), [{ kind: 'identity-token', token: 't' }]],
    ['nothing', {}, []],
    ['no colon', { auth: Buffer.from('me').toString('base64') }, []],
    ['nonsense', 'me:pw', []],
  ])('%s', async (_, entry, expected) => {
    await write('.docker/config.json', { auths: { 'ghcr.io': entry } });
    expect(await start().find('ghcr.io')).toEqual(expected);
  });

  it('Kubernetes secrets of the older form have no auths around', async () => {
    await write('.docker/config.json', { 'https://ghcr.io': auth('me') });
    expect(await start().find('ghcr.io')).toEqual([basic('me')]);
  });

  it.each([
    'https://index.docker.io/v1/',
    'docker.io',
    'index.docker.io',
    'https://registry-1.docker.io/v2/',
  ])('Docker Hub is written as %s', async (key) => {
    await write('.docker/config.json', { auths: { [key]: auth('me') } });
    expect(await start().find('docker.io', 'library/node')).toEqual([basic('me')]);
  });
});

describe('which entry applies', () => {
  it.each([
    ['*.azurecr.io', 'team.azurecr.io', true],
    ['*.azurecr.io', 'a.team.azurecr.io', false],
    ['*.azurecr.io', 'azurecr.io', false],
    ['te*m.azurecr.io', 'team.azurecr.io', true],
    ['te*am.azurecr.io', 'team.azurecr.io', true],
    ['team*team.azurecr.io', 'team.azurecr.io', false],
    ['r.example.com:5000', 'r.example.com:5000', true],
    ['r.example.com', 'r.example.com:5000', false],
    ['r.example.com:5000', 'r.example.com', false],
    ['https://R.example.com/v2/', 'r.example.com', true],
    ['r.example.com/team', 'r.example.com', true],
    ['r.example.com/team/app', 'r.example.com', true],
    ['r.example.com/te', 'r.example.com', false],
    ['r.example.com/other', 'r.example.com', false],
  ])('%s for %s/team/app: %s', async (key, registry, applies) => {
    await write('.docker/config.json', { auths: { [key]: auth('me') } });
    expect(await start().find(registry)).toEqual(applies ? [basic('me')] : []);
  });

  it('all that apply, the most exact first', async () => {
    await write('.docker/config.json', {
      auths: {
        '*.example.com': auth('star'),
        'r.example.com': auth('host'),
        'r.example.com/team': auth('path'),
        'r.example.com/team/app': auth('longer path'),
      },
    });
    const found = await start().find('r.example.com');
    expect(found).toEqual(['longer path', 'path', 'host', 'star'].map((user) => basic(user)));
  });
});

describe('helpers', () => {
  const answer = (user: string, secret = 'pw') =>
    `echo '{"ServerURL":"x","Username":"${user}","Secret":"${secret}"}'`;

  it('for a registry go before the store, and that before the file', async () => {
    await helper('special', answer('special'));
    await helper('store', answer('store'));
    await write('.docker/config.json', {
      credHelpers: { 'ghcr.io': 'special' },
      credsStore: 'store',
      auths: { 'ghcr.io': auth('file'), 'quay.io': auth('file') },
    });
    const { find } = start();
    expect(await find('ghcr.io')).toEqual([basic('special')]);
    expect((await find('quay.io'))[0]).toEqual(basic('store'));
    expect(await calls()).toEqual(['get ghcr.io', 'get quay.io']);
  });

  it('are asked for Docker Hub under its old address', async () => {
    await helper('store', answer('<token>', 'identity'));
    await write('.docker/config.json', { credsStore: 'store' });
    expect(await start().find('docker.io')).toEqual([{ kind: 'identity-token', token: 'identity' }]);
    expect(await calls()).toEqual(['get https://index.docker.io/v1/']);
  });

  it('that know nothing leave the word to the file', async () => {
    await helper('store', 'echo "credentials not found in native keychain"; exit 1');
    await write('.docker/config.json', { credsStore: 'store', auths: { 'ghcr.io': auth('file') } });
    expect(await start().find('ghcr.io')).toEqual([basic('file')]);
  });

  it('are asked once for all who wait, again after a while, and at once when a refusal came', async () => {
    await helper('store', answer('me'));
    await write('.docker/config.json', { credsStore: 'store' });
    const { find, clock } = start();
    await Promise.all([find('ghcr.io', 'a'), find('ghcr.io', 'b'), find('ghcr.io', 'c')]);
    await find('ghcr.io');
    expect((await calls()).length).toBe(1);
    clock.advance(10 * 60_000);
    await find('ghcr.io');
    expect((await calls()).length).toBe(2);
    clock.advance(6000);
    await Promise.all([find('ghcr.io', 'a', true), find('ghcr.io', 'b', true)]);
    expect((await calls()).length).toBe(3);
  });

  it.each([
    ['ends with a failure', 'echo "secret-in-output" >&2; exit 3', /exit code 3/],
    ['prints no JSON', 'echo secret-in-output', /no credential/],
    ['prints too much', 'head -c 3000000 /dev/zero', /too much/],
    ['never answers', 'exec sleep 30', /within 0\.3 s/],
  ])('one that %s is a clear failure without its output', async (_, script, message) => {
    await helper('store', script);
    await write('.docker/config.json', { credsStore: 'store' });
    const problem = await problemIn(start({}, { helperTimeout: 300 }).find('ghcr.io'));
    expect(problem.code).toBe('CREDENTIALS');
    expect(problem.message).toMatch(message);
    expect(JSON.stringify(problem)).not.toContain('secret-in-output');
  });

  it.each([
    ['is not installed', 'missing', /not installed/],
    ['is no name', '../../bin/sh', /no name of a helper/],
    ['is no word', 'a;reboot', /no name of a helper/],
  ])('one that %s', async (_, name, message) => {
    await write('.docker/config.json', { credHelpers: { 'ghcr.io': name } });
    const problem = await problemIn(start().find('ghcr.io'));
    expect(problem.message).toMatch(message);
  });
});

describe('changes on disk', () => {
  it('are seen, also where a mounted secret is swapped by a link', async () => {
    await write('one/config.json', { auths: { 'ghcr.io': auth('one') } });
    await write('two/config.json', { auths: { 'ghcr.io': auth('two') } });
    await symlink(join(home, 'one'), join(home, 'current'));
    const { find, clock } = start({ DOCKER_CONFIG: join(home, 'current') });
    expect(await find('ghcr.io')).toEqual([basic('one')]);
    await unlink(join(home, 'current'));
    await symlink(join(home, 'two'), join(home, 'current'));
    clock.advance(3000);
    expect(await find('ghcr.io')).toEqual([basic('two')]);
    await write('two/config.json', { auths: { 'ghcr.io': auth('three, at once') } });
    expect(await find('ghcr.io', 'a', true)).toEqual([basic('three, at once')]);
  });

  it('a broken file is a clear failure that quotes nothing, until it is mended', async () => {
    await write('.docker/config.json', '{"auths":{"ghcr.io":{"password":"hush"');
    const { find, clock } = start();
    const problem = await problemIn(find('ghcr.io'));
    expect(problem.code).toBe('CREDENTIALS');
    expect(problem.message).toContain('config.json');
    expect(JSON.stringify(problem)).not.toContain('hush');
    await write('.docker/config.json', { auths: { 'ghcr.io': auth('me') } });
    clock.advance(3000);
    expect(await find('ghcr.io')).toEqual([basic('me')]);
  });
});
