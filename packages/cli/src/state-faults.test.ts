import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  filesBelow,
  makePlace,
  managed,
  place,
  settings,
  stateBranch,
  type Place,
} from './testing/test-place.ts';
import { buildCommand, startCommand } from './testing/test-process.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

async function withState(mode: 'git' | 'directory', made?: Place): Promise<Place> {
  const at = made ?? (await place());
  await at.registry.pushImage('base/os', '1', { layers: ['os'] });
  await at.remote.commit({ 'web/Dockerfile': `FROM ${at.registry.host}/base/os:1\n` });
  await at.enrol(managed(at, 'web'), settings(mode === 'git' ? at : { registry: at.registry }));
  return at;
}

/** Something to write: the base has moved. */
async function moveBase(at: Place): Promise<void> {
  await at.registry.pushImage('base/os', '1', { layers: [`os ${at.now()}`] });
}

const writing = [
  'check --force',
  'run --once --force',
  'hold web --reason x',
  'analyze --image web --tag 2',
  'rebuild web --reason now',
];

describe('state in git', () => {
  it.each(writing)(
    '%s says why the remote refuses: exit 3, the state as before, and later all is well',
    async (command) => {
      const at = await withState('git');
      expect((await at.run('run', '--once')).exit).toBe(0);
      await moveBase(at);
      const before = await at.remote.head(stateBranch);
      await at.remote.refusePushes('only on Tuesdays, says the hook');
      const { exit, err, out } = await at.run(...command.split(' '));
      expect({ exit, out }).toEqual({ exit: 3, out: '' });
      expect(err).toContain('STATE_REFUSED');
      expect(err).toContain('only on Tuesdays, says the hook');
      expect(await at.remote.head(stateBranch)).toBe(before);
      expect(at.registry.log.count('PUT', /\/acme\/web\/manifests\/1$/)).toBe(1);

      await at.remote.refusePushes(undefined);
      expect((await at.run(...command.split(' '))).exit).toBe(0);
      expect(await at.remote.head(stateBranch)).not.toBe(before);
      expect((await at.state()).intents.size).toBe(0);
    },
  );

  it.each(['run --once', 'status', 'plan', 'hold web --reason x', 'history web'])(
    '%s with a remote that is gone: exit 3',
    async (command) => {
      const at = await withState('git');
      expect((await at.run('run', '--once')).exit).toBe(0);
      await at.remote.commit({ 'web/Dockerfile': `FROM ${at.registry.host}/base/os:1\n` });
      const away = `${at.remote.path}.away`;
      await rename(at.remote.path, away);
      const { exit, err, out } = await at.run(...command.split(' '));
      expect({ exit, out }).toEqual({ exit: 3, out: '' });
      expect(err).toContain('STATE_UNREACHABLE');
      expect(err).toContain(at.remote.path);
      await rename(away, at.remote.path);
      expect((await at.run('status')).exit).toBe(0);
    },
  );

  it('a branch that was deleted is not begun anew without a person: exit 3 and the way back', async () => {
    const at = await withState('git');
    await at.run('run', '--once');
    const head = await at.remote.head(stateBranch);
    await at.remote.git('update-ref', '-d', `refs/heads/${stateBranch}`);
    const { exit, err } = await at.run('run', '--once');
    expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('STATE_UNREACHABLE') });
    expect(err).toContain(`${head}:refs/heads/${stateBranch}`);
    expect(await at.remote.branches()).not.toContain(stateBranch);
    await at.remote.git('update-ref', `refs/heads/${stateBranch}`, head ?? '');
    expect((await at.run('run', '--once')).exit).toBe(0);
  });

  it('a branch that was pushed back by force is taken as it is', async () => {
    const at = await withState('git');
    await at.run('analyze');
    const early = (await at.remote.head(stateBranch)) ?? '';
    await at.run('run', '--once');
    await at.remote.git('update-ref', `refs/heads/${stateBranch}`, early);
    const { exit, err } = await at.run('run', '--once', '--force');
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(at.registry.log.count('PUT', /\/acme\/web\/manifests\/1$/)).toBe(1);
    expect((await at.state()).images.get('web')?.builtFrom).toMatchObject({
      'base-os-1': { evidence: 'layers' },
    });
  });

  it("another writer's commits and a person's hold are merged, never lost", async () => {
    const at = await withState('git');
    await at.run('run', '--once');
    const path = 'images/web.yaml';
    const text = (await at.stateFiles()).get(path) ?? '';
    // A person commits between our reading and our pushing, each time anew for the first three pushes.
    await at.remote.hook(
      'pre-receive',
      `#!/bin/sh
cat >/dev/null
n=$(cat "${at.root}/count" 2>/dev/null || echo 0)
[ "$n" -ge 3 ] && exit 0
echo $((n + 1)) > "${at.root}/count"
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
blob=$(git hash-object -w --stdin < "${at.root}/held.yaml")
export GIT_INDEX_FILE="${at.root}/index"
git read-tree "refs/heads/${stateBranch}"
git update-index --add --cacheinfo 100644,$blob,${path}
git update-index --add --cacheinfo 100644,$(echo note $n | git hash-object -w --stdin),notes/$n.txt
tree=$(git write-tree)
commit=$(GIT_AUTHOR_NAME=p GIT_AUTHOR_EMAIL=p@x GIT_COMMITTER_NAME=p GIT_COMMITTER_EMAIL=p@x git commit-tree -p "refs/heads/${stateBranch}" -m "person $n" $tree)
git update-ref "refs/heads/${stateBranch}" $commit
exit 0
`,
    );
    await writeFile(
      join(at.root, 'held.yaml'),
      `${text}hold:\n  reason: by hand\n  since: "2026-06-01T00:00:00Z"\n`,
    );
    await moveBase(at);
    const { exit, err } = await at.run('check', '--force');
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    const after = await at.state();
    expect(after.images.get('web')?.hold?.reason).toBe('by hand');
    expect(after.bases.get('base-os-1')?.ledger).toHaveLength(2);
    const names = [...(await at.stateFiles()).keys()].filter((name) => name.startsWith('notes/'));
    expect(names).toEqual(['notes/0.txt', 'notes/1.txt', 'notes/2.txt']);
  });

  it('a cache that is lost, broken or of another place costs time and nothing else', async () => {
    const at = await withState('git');
    await at.run('run', '--once');
    const before = await at.stateFiles();
    const cache = join(at.root, 'cache');
    for (const spoil of [
      () => rm(cache, { recursive: true }),
      () => run('find', [cache, '-type', 'f', '-exec', 'truncate', '-s', '3', '{}', '+']),
      () => run('find', [cache, '-name', 'HEAD', '-delete']),
    ]) {
      await spoil();
      const { exit, err } = await at.run('run', '--once');
      expect({ exit, err }).toEqual({ exit: 0, err: '' });
      expect(await at.stateFiles()).toEqual(before);
    }
    expect(at.registry.log.count('PUT', /\/acme\/web\/manifests\/1$/)).toBe(1);
  });
});

describe('state in a folder', () => {
  it('a person who edits a file meanwhile keeps the edit, comments and all', async () => {
    const at = await withState('directory');
    await at.run('run', '--once');
    const path = join(at.dir, 'state/images/web.yaml');
    await writeFile(path, `# mind the freeze\n${await readFile(path, 'utf8')}team: portal # ours\n`);
    await moveBase(at);
    expect((await at.run('check', '--force')).exit).toBe(0);
    await at.run('hold', 'web', '--reason', 'x');
    const text = await readFile(path, 'utf8');
    expect(text).toContain('# mind the freeze\n');
    expect(text).toContain('team: portal # ours\n');
    expect(text).toContain('reason: x');
  });

  describe('as a process of its own', () => {
    let main: string;
    beforeAll(async () => {
      main = await buildCommand();
    }, 120_000);

    async function real(): Promise<Place> {
      const at = await makePlace('real');
      onTestFinished(() => at.leave());
      return withState('directory', at);
    }

    /** `wrapper`: a program with its arguments that runs the command. */
    async function command(at: Place, argv: string, wrapper: readonly string[] = []) {
      const words = [main, '--dir', at.dir, ...argv.split(' ')];
      const [program, ...rest] = wrapper;
      if (program === undefined) return startCommand(words, { env: at.env }).ended;
      return startCommand([...rest, process.execPath, ...words], { env: at.env }, program).ended;
    }

    it.runIf(isRoot)(
      'a full disk: exit 3, the state as before, and nothing is started',
      { timeout: 60_000 },
      async () => {
        const at = await real();
        const disk = join(at.dir, 'state');
        await mkdir(disk);
        try {
          await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
        } catch {
          process.stderr.write('skipped: no tmpfs can be mounted here\n');
          return;
        }
        try {
          expect((await command(at, 'analyze')).code).toBe(0);
          const before = await filesBelow(disk);
          await writeFile(join(disk, '.filler'), Buffer.alloc(1 << 20)).catch(() => undefined);
          const { code, err } = await command(at, 'run --once');
          expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('STATE_UNREACHABLE') });
          expect(err).toContain('no space left');
          await rm(join(disk, '.filler'));
          expect(await filesBelow(disk)).toEqual(before);
          expect(at.registry.storage.tags('acme/web')).toEqual([]);
          expect((await command(at, 'run --once')).code).toBe(0);
          expect(at.registry.storage.tags('acme/web')).toEqual(['1']);
        } finally {
          await run('umount', ['-l', disk]);
        }
      },
    );

    it('files that may not grow (ulimit -f): exit 3, the state as before', { timeout: 60_000 }, async () => {
      const at = await real();
      expect((await command(at, 'analyze')).code).toBe(0);
      const before = await at.stateFiles();
      const limited = ['sh', '-c', 'trap "" XFSZ; ulimit -f 0; exec "$@"', 'sh'];
      const { code, err } = await command(at, 'hold web --reason x', limited);
      expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('STATE_UNREACHABLE') });
      expect(await at.stateFiles()).toEqual(before);
      expect((await command(at, 'hold web --reason x')).code).toBe(0);
    });

    it.runIf(isRoot)(
      'a folder that may only be read: reading works, writing is exit 3',
      { timeout: 60_000 },
      async () => {
        const at = await real();
        expect((await command(at, 'run --once')).code).toBe(0);
        const before = await at.stateFiles();
        const cache = join(at.root, 'cache-of-nobody');
        await mkdir(cache);
        await chown(cache, 65_534, 65_534);
        await chmod(at.root, 0o755);
        at.env['IMAGE_FACTORY_CACHE_DIR'] = cache;
        at.env['HOME'] = cache;
        const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
        expect((await command(at, 'status', nobody)).code).toBe(0);
        const held = await command(at, 'hold web --reason x', nobody);
        expect(held).toMatchObject({ code: 3, err: expect.stringContaining('STATE_UNREACHABLE') });
        expect(held.err).toContain('may not be read or written');
        expect(await at.stateFiles()).toEqual(before);
      },
    );

    it('two commands at once both come through', { timeout: 60_000 }, async () => {
      const at = await real();
      expect((await command(at, 'run --once')).code).toBe(0);
      const reasons = Array.from({ length: 6 }, (_, index) => `reason-${index}`);
      const ends = await Promise.all([
        ...reasons.map((reason) => command(at, `hold web --reason ${reason}`)),
        command(at, 'run --once --force'),
        command(at, 'check --force'),
      ]);
      expect(ends.map(({ code, err }) => ({ code, err }))).toEqual(ends.map(() => ({ code: 0, err: '' })));
      const events = [...(await at.stateFiles())]
        .filter(([path]) => path.startsWith('events/'))
        .map(([, text]) => text);
      for (const reason of reasons) expect(events.join('')).toContain(reason);
    });
  });

  it('a link in the place of the folder is refused', async () => {
    const at = await withState('directory');
    await mkdir(join(at.root, 'elsewhere'));
    await symlink(join(at.root, 'elsewhere'), join(at.dir, 'state'));
    const { exit, err } = await at.run('run', '--once');
    expect({ exit, err }).toEqual({ exit: 3, err: expect.stringContaining('STATE_') });
    expect((await filesBelow(join(at.root, 'elsewhere'))).size).toBe(0);
  });
});
