import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCommand } from './commands.mjs';
import { ensureSystemParts } from './system-parts.mjs';

const tools = dirname(import.meta.dirname);
const wantedLock = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/node': { version: '24.0.0' },
    'node_modules/left': { version: '1.0.0' },
    'node_modules/other-platform': { version: '1.0.0', optional: true },
  },
};

let root: string;
let bin: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bootstrap-'));
  bin = join(root, 'machine-bin');
  await mkdir(bin);
  await mkdir(join(root, 'tools'));
  await cp(join(tools, 'bootstrap.mjs'), join(root, 'tools/bootstrap.mjs'));
  await cp(join(tools, 'bootstrap'), join(root, 'tools/bootstrap'), { recursive: true });
  await writeFile(join(root, 'package-lock.json'), JSON.stringify(wantedLock));
  for (const name of ['sh', 'cat', 'cp', 'mkdir', 'touch', 'sleep', 'chmod', 'rm', 'ln']) {
    await symlink(findCommand(name, process.env) ?? `/bin/${name}`, join(bin, name));
  }
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function script(name: string, body: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\ncd "${root}"\n${body}\n`);
  await chmod(join(bin, name), 0o755);
}

/** An npm that installs what the lock file says, and writes a line for each call. */
function fakeNpm(before = ''): Promise<void> {
  return script(
    'npm',
    `echo "npm $*" >> calls; ${before}
rm -rf node_modules; mkdir -p node_modules/.bin; echo '#!/bin/sh' > node_modules/.bin/node; chmod +x node_modules/.bin/node
cp package-lock.json node_modules/.package-lock.json`,
  );
}

function bootstrap(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; text: string; ms: number }> {
  return new Promise((resolve) => {
    const began = performance.now();
    const child = spawn(process.execPath, [join(root, 'tools/bootstrap.mjs'), ...args], {
      env: { PATH: bin, ...env },
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += `stdout ${chunk.toString()}`));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('close', (code) => resolve({ code, text, ms: performance.now() - began }));
  });
}

async function calls(): Promise<string[]> {
  const text = await readFile(join(root, 'calls'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

describe('npm packages', () => {
  it('installs in a bare clone, then does nothing and says nothing', async () => {
    await fakeNpm();
    const first = await bootstrap(['--npm-only']);
    expect(first.text).toMatch(
      /^bootstrap: installing npm packages with npm ci \(none are installed\)\nbootstrap: npm packages installed/,
    );
    expect(first.code).toBe(0);
    const second = await bootstrap(['--npm-only']);
    expect(second.text).toBe('');
    expect(await calls()).toEqual(['npm ci --loglevel=error']);
  });

  it('installs again when the lock file wants another version, and after an interrupted install', async () => {
    await fakeNpm();
    await bootstrap(['--npm-only']);
    const newer = { packages: { ...wantedLock.packages, 'node_modules/left': { version: '2.0.0' } } };
    await writeFile(join(root, 'package-lock.json'), JSON.stringify(newer));
    expect((await bootstrap(['--npm-only'])).text).toContain('node_modules/left is not at 2.0.0');
    await rm(join(root, 'node_modules/.package-lock.json'));
    expect((await bootstrap(['--npm-only'])).text).toContain('none are installed');
    await rm(join(root, 'node_modules/.bin/node'));
    expect((await bootstrap(['--npm-only'])).text).toContain('node_modules/.bin/node does not work');
    expect(await calls()).toHaveLength(4);
  });

  it('runs npm without the folder that npm ci is about to delete', async () => {
    await fakeNpm('echo "$PATH" >> calls');
    await bootstrap(['--npm-only'], { PATH: `${join(root, 'node_modules/.bin')}:${bin}` });
    expect((await calls())[1]).toBe(bin);
  });

  it('fetches the binary of Node itself where install scripts are switched off', async () => {
    await fakeNpm();
    await script(
      'npm',
      `mkdir -p node_modules/.bin node_modules/node; cp package-lock.json node_modules/.package-lock.json`,
    );
    await script(
      'node',
      'touch node_modules/.bin/node; chmod +x node_modules/.bin/node; echo "node $*" >> calls',
    );
    expect((await bootstrap(['--npm-only'])).code).toBe(0);
    expect(await calls()).toEqual(['node installArchSpecificPackage']);
  });

  it('ends with exit 1 and the words of npm when npm fails', async () => {
    await script('npm', 'echo "npm error 404 no such thing" >&2; exit 1');
    const run = await bootstrap(['--npm-only']);
    expect(run.code).toBe(1);
    expect(run.text).toContain('npm error 404 no such thing');
  });

  it('installs once for several calls at a time', async () => {
    await fakeNpm('sleep 0.5');
    const runs = await Promise.all([1, 2, 3].map(() => bootstrap(['--npm-only'])));
    expect(runs.map((run) => run.code)).toEqual([0, 0, 0]);
    expect(runs.filter((run) => run.text.includes('waiting for another bootstrap'))).toHaveLength(2);
    expect(await calls()).toHaveLength(1);
  });

  it('is not held up by a killed one', async () => {
    await fakeNpm('sleep 30');
    const child = spawn(process.execPath, [join(root, 'tools/bootstrap.mjs'), '--npm-only'], {
      env: { PATH: bin },
    });
    await expect.poll(calls).toHaveLength(1);
    child.kill('SIGKILL');
    await fakeNpm();
    expect((await bootstrap(['--npm-only'])).code).toBe(0);
  });

  it('refuses arguments that it does not know', async () => {
    expect(await bootstrap(['--npm'])).toMatchObject({ code: 2 });
  });
});

describe('system parts', () => {
  const install = `for name in "$@"; do case $name in git|buildah|skopeo|docker-registry) cp machine-bin/true machine-bin/$name ;; esac; done`;
  let lines: string[];
  let policy: string;

  beforeEach(async () => {
    lines = [];
    policy = join(root, 'policy-rc.d');
    await script('true', '');
    await script('git', '');
    await script('systemctl', 'echo "systemctl $*" >> calls');
  });

  function ensure(isRoot: boolean, env: Record<string, string> = {}): Promise<void> {
    const say = (line: string) => void lines.push(line);
    return ensureSystemParts({ root, env: { PATH: bin, ...env }, say, isRoot, servicePolicy: policy });
  }

  it('installs what is missing, without recommended packages and without starting the registry service', async () => {
    await script('apt-get', `echo "apt-get $*" >> calls; cat policy-rc.d >> seen-policy; ${install}`);
    await ensure(true);
    const [apt, systemctl] = await calls();
    expect(apt).toMatch(/ --no-install-recommends .* install docker-registry buildah skopeo$/);
    expect(systemctl).toMatch(/^systemctl disable .*docker-registry\.service$/);
    expect(await readFile(join(root, 'seen-policy'), 'utf8')).toContain('docker-registry*) exit 101');
    await expect(readFile(policy)).rejects.toThrow('ENOENT');
    await ensure(true);
    expect(await calls()).toHaveLength(2);
  });

  it('fetches package lists only when the first try fails', async () => {
    await script(
      'apt-get',
      `echo "apt-get $*" >> calls; case "$*" in *update) touch lists; exit 0 ;; esac; [ -e lists ] || exit 100; ${install}`,
    );
    await ensure(true);
    expect((await calls()).map((call) => call.match(/ (install|update|disable) ?/)?.[1])).toEqual([
      'install',
      'update',
      'install',
      'disable',
    ]);
  });

  it('leaves a service policy that is somebody else’s', async () => {
    await writeFile(policy, 'theirs');
    await script('apt-get', install);
    await ensure(true);
    expect(await readFile(policy, 'utf8')).toBe('theirs');
  });

  it('says what goes without the missing parts when they cannot be installed', async () => {
    await ensure(false);
    expect(lines.join('\n')).toMatch(/buildah is missing \(not root\): the demo adds layers/);
    expect(lines.at(-1)).toBe(
      'to have all of it: sudo apt-get install --no-install-recommends docker-registry buildah skopeo',
    );
  });

  it('tries a failed install again only after an hour', async () => {
    await script('apt-get', `echo "apt-get $*" >> calls; echo "E: no network" >&2; exit 100`);
    await ensure(true);
    expect(lines.join('\n')).toContain('E: no network');
    const tries = (await calls()).length;
    await ensure(true);
    expect(await calls()).toHaveLength(tries);
    expect(lines.at(-2)).toContain('tried less than an hour ago');
  });

  it('fails in CI', async () => {
    await expect(ensure(false, { CI: 'true' })).rejects.toThrow('docker-registry buildah skopeo');
    await expect(ensure(false, { CI: 'false' })).resolves.toBeUndefined();
  });
});
