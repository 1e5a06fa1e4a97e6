import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { StateFiles, StateStore } from '@image-factory/core/ports/state-store.ts';
import { createGitRemote, type GitRemote } from '@image-factory/testing/git-remote.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { createGitStateStore, type GitStateStoreOptions } from './state-store.ts';

let folder: string;
let cacheDir: string;
let remote: GitRemote;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-factory-state-'));
  cacheDir = join(folder, 'cache');
  remote = await createGitRemote();
});
afterEach(async () => {
  await remote.remove();
  rmSync(folder, { recursive: true, force: true });
});

const branch = 'state';
const author = { name: 'Image Factory', email: 'factory@example.com' };
const open = (options: Partial<GitStateStoreOptions> = {}) =>
  createGitStateStore({ remote: remote.path, branch, cacheDir, author, clock: realClock, ...options });
const put = (store: StateStore, texts: Record<string, string | null>, subject = 'put') =>
  store.commit({ subject, change: () => new Map(Object.entries(texts)) });
const code = (expected: string, message = '') => ({
  problem: { code: expected, message: expect.stringContaining(message) as string },
});
const count = (files: StateFiles) => new Map([['counter', String(Number(files.get('counter') ?? 0) + 1)]]);

/** Time that passes only by sleeping. */
function jumpingClock(): Clock & { slept: number } {
  const clock = {
    slept: 0,
    now: () => 1_760_000_000_000 + clock.slept,
    monotonic: () => clock.slept,
    sleep: async (duration: number) => {
      clock.slept += duration;
    },
  };
  return clock;
}

describe('a commit', () => {
  it('has the template, the author, and the files', async () => {
    await put(open(), { 'images/a.yaml': '1' }, 'Approve node:22\nfor backstage');
    const store = open({ clock: jumpingClock() });
    const after = await store.commit({
      subject: 'Rebuild backstage',
      body: 'Because of node:22.\n\nSecond paragraph.',
      change: () => new Map([['b', '2']]),
    });
    expect(await remote.log(branch)).toEqual([
      'Rebuild backstage [skip ci]\n\nBecause of node:22.\n\nSecond paragraph.\n',
      'Approve node:22 for backstage [skip ci]\n',
    ]);
    expect(await remote.head(branch)).toBe(after.version);
    expect(await remote.git('log', '-1', '--format=%an <%ae> %cn %at', branch)).toBe(
      'Image Factory <factory@example.com> Image Factory 1760000000\n',
    );
    expect(await remote.files(branch)).toEqual(
      new Map([
        ['b', '2'],
        ['images/a.yaml', '1'],
      ]),
    );
    expect(await remote.git('fsck', '--strict')).toBe('');
  });

  it('starts a branch of its own, without history', async () => {
    await remote.commit({ 'app.ts': 'x' });
    await put(open(), { a: '1' });
    expect(await remote.branches()).toEqual(['main', 'state']);
    expect((await remote.git('rev-list', '--count', 'state')).trim()).toBe('1');
    expect(await remote.files('state')).toEqual(new Map([['a', '1']]));
  });

  it('leaves alone what is no state: links, and files that it does not change', async () => {
    await remote.commit({ link: { symlink: '/etc/passwd' }, 'README.md': 'by hand\r\n' }, { branch });
    const after = await put(open(), { a: '1' });
    expect([...after.files.keys()]).toEqual(['README.md', 'a']);
    expect(await remote.git('ls-tree', branch)).toMatch(
      /^100644 blob \S+\tREADME.md\n100644 blob \S+\ta\n120000 blob \S+\tlink\n$/,
    );
  });

  it('makes no object when there is no news', async () => {
    const store = open();
    await put(store, { a: '1' });
    const objects = () =>
      readdirSync(cacheDir, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('objects'))
        .length;
    const before = objects();
    await put(store, { a: '1' });
    await store.read();
    expect(objects()).toBe(before);
  });

  it('keeps its own commit when several share a push', async () => {
    const store = open();
    await put(store, { a: '0' });
    let pushes = 0;
    await remote.hook('post-receive', `#!/bin/sh\necho x >> ${join(folder, 'pushes')}\n`);
    const versions = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        put(store, { [`f${index}`]: 'x' }, `number ${index}`).then(({ version }) => version),
      ),
    );
    pushes = readFileSync(join(folder, 'pushes'), 'utf8').trim().split('\n').length;
    expect(pushes).toBeLessThan(4);
    expect((await remote.git('rev-list', '--reverse', branch)).trim().split('\n').slice(1)).toEqual(versions);
  });

  it.each([
    [
      'ssh',
      () => {
        const key = join(folder, 'key');
        spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
        return key;
      },
    ],
  ])('is signed with an %s key when one is set', async (_, makeKey) => {
    const store = open({ signingKey: makeKey() });
    await put(store, { a: '1' }, 'first');
    const after = await store.commit({
      subject: 'second',
      body: 'Why.',
      change: () => new Map([['b', '2']]),
    });
    expect(await remote.git('cat-file', 'commit', after.version)).toMatch(
      /\ngpgsig -----BEGIN SSH SIGNATURE-----/,
    );
    expect(await remote.log(branch)).toEqual(['second [skip ci]\n\nWhy.\n', 'first [skip ci]\n']);
    expect((await remote.git('log', '-1', '--format=%an %ae', branch)).trim()).toBe(
      'Image Factory factory@example.com',
    );
  });
});

describe('others at the remote', () => {
  it('are seen by reading, and built upon by writing', async () => {
    const store = open();
    await put(store, { a: '1', b: '1' });
    await remote.commit({ b: 'by hand', c: 'new', a: null }, { branch });
    const after = await store.commit({
      subject: 'count',
      change: (files) => new Map([['seen', [...files.keys()].join(' ')]]),
    });
    expect(Object.fromEntries(after.files)).toEqual({ b: 'by hand', c: 'new', seen: 'b c' });
  });

  it('may rewrite the branch', async () => {
    const store = open();
    await put(store, { a: '1' });
    await remote.git('update-ref', '-d', `refs/heads/${branch}`);
    await remote.commit({ z: '1' }, { branch });
    expect(Object.fromEntries((await store.read()).files)).toEqual({ z: '1' });
  });

  it('may not make the state vanish unnoticed', async () => {
    const store = open();
    const { version } = await put(store, { a: '1' });
    store.close();
    await remote.git('update-ref', '-d', `refs/heads/${branch}`);
    const gone = open();
    await expect(gone.read()).rejects.toMatchObject(code('STATE_UNREACHABLE', version));
    await expect(put(gone, { b: '1' })).rejects.toMatchObject(code('STATE_UNREACHABLE'));
    await remote.git('update-ref', `refs/heads/${branch}`, version);
    expect((await gone.read()).version).toBe(version);
  });

  it('may keep us from writing for so long only', async () => {
    const clock = jumpingClock();
    const store = open({ clock, retryFor: 20_000 });
    await put(store, { a: '1' });
    // Whoever pushes is overtaken: the ref moves while the push is under way.
    await remote.hook(
      'pre-receive',
      `#!/bin/sh\nread old new ref\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\nnext=$(git commit-tree -p $old -m other $old^{tree} </dev/null)\ngit update-ref $ref $next\n`,
    );
    spawnSync('git', ['--git-dir', remote.path, 'config', 'user.name', 'x']);
    spawnSync('git', ['--git-dir', remote.path, 'config', 'user.email', 'x@example.com']);
    let computed = 0;
    const overtaken = store.commit({ subject: 'x', change: (files) => ((computed += 1), count(files)) });
    await expect(overtaken).rejects.toMatchObject(code('STATE_CONTENDED'));
    expect(computed).toBeGreaterThan(4);
    expect((await store.read()).files.has('counter')).toBe(false);
  });
});

describe('processes', () => {
  function run(name: string, rounds: number, url = remote.path, cache = cacheDir) {
    const script = join(import.meta.dirname, 'testdata', 'commit-loop.ts');
    return spawn(process.execPath, [script, url, cache, name, String(rounds)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  it('lose no update of each other, with one cache for all', async () => {
    const children = ['a', 'b', 'c'].map((name) => run(name, 5));
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0, 0]);
    const { files } = await open().read();
    expect(files.get('counter')).toBe('15');
    expect([...files.keys()].filter((path) => path.startsWith('own/'))).toHaveLength(15);
  }, 180_000);

  it('that are killed leave whole commits, and a cache that works', async () => {
    for (let kill = 0; kill < 8; kill += 1) {
      const child = run(`k${kill}`, 100);
      const exit = once(child, 'exit');
      for (let lines = 0; lines <= kill % 3; lines += 1)
        await Promise.race([once(child.stdout, 'data'), exit]);
      await wait((kill * 37) % 200);
      child.kill('SIGKILL');
      expect(await exit).toEqual([null, 'SIGKILL']);
      const store = open();
      const { files } = await store.read();
      expect(files.get('half')).toBe(files.get('counter'));
      expect([...files.keys()].filter((path) => path.startsWith('own/'))).toHaveLength(
        Number(files.get('counter') ?? 0),
      );
      store.close();
    }
    expect(Number((await put(open(), { done: '1' })).files.get('counter'))).toBeGreaterThan(3);
    // Their repositories were taken over, not left behind.
    const repositories = readdirSync(cacheDir, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\/\d+\.git$/.test(path),
    );
    expect(repositories.length).toBeLessThan(4);
  }, 180_000);
});

describe('a remote that', () => {
  it('refuses the push says why, and nothing is changed or lost', async () => {
    const store = open();
    await put(store, { a: '1' });
    await remote.refusePushes('only the release team may push here');
    await expect(put(store, { b: '1' })).rejects.toMatchObject(
      code('STATE_REFUSED', 'only the release team may push here'),
    );
    expect(Object.fromEntries((await store.read()).files)).toEqual({ a: '1' });
    await remote.refusePushes(undefined);
    expect(Object.fromEntries((await put(store, { b: '2' })).files)).toEqual({ a: '1', b: '2' });
  });

  it('refuses one of several transactions takes the others', async () => {
    const store = open();
    await put(store, { a: '1' });
    await remote.hook(
      'pre-receive',
      `#!/bin/sh\nread old new ref\ngit log --format=%s $old..$new | grep -q forbidden && { echo no forbidden >&2; exit 1; }\nexit 0\n`,
    );
    const results = await Promise.allSettled(
      ['x', 'y', 'forbidden', 'z'].map((name) => put(store, { [name]: '1' }, name)),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect([...(await store.read()).files.keys()].toSorted()).toEqual(['a', 'x', 'y', 'z']);
  });

  it('is gone is unreachable, and back again usable', async () => {
    const store = open({ clock: jumpingClock() });
    await put(store, { a: '1' });
    renameSync(remote.path, `${remote.path}.away`);
    await expect(store.read()).rejects.toMatchObject(code('STATE_UNREACHABLE'));
    await expect(put(store, { b: '1' })).rejects.toMatchObject(code('STATE_UNREACHABLE'));
    renameSync(`${remote.path}.away`, remote.path);
    expect(Object.fromEntries((await put(store, { c: '1' })).files)).toEqual({ a: '1', c: '1' });
  });

  it('does not answer is tried three times', async () => {
    const clock = jumpingClock();
    await expect(open({ clock, remote: 'http://127.0.0.1:9/x.git' }).read()).rejects.toMatchObject(
      code('STATE_UNREACHABLE'),
    );
    expect(clock.slept).toBeGreaterThan(0);
  });

  // One cut is repaired by curl, which sends the request again; after two git gives up.
  it.each([1, 2])('takes the push and breaks the connection %i times has taken it once', async (times) => {
    let pushes = 0;
    const server = await remote.serve({ cutAfterPush: () => (pushes += 1) > 1 && pushes <= 1 + times });
    const store = open({ remote: server.url, clock: jumpingClock() });
    await store.commit({ subject: 'one', change: count });
    const after = await store.commit({ subject: 'two', change: count });
    expect(pushes).toBeGreaterThan(times);
    expect(after.files.get('counter')).toBe('2');
    expect(after.version).toBe(await remote.head(branch));
    expect(await remote.log(branch)).toHaveLength(2);
    await server.close();
  });

  it('breaks the connection and goes on with others still has it once', async () => {
    let cuts = 0;
    const server = await remote.serve({
      cutAfterPush: () => {
        cuts += 1;
        if (cuts === 2)
          spawnSync('sh', [
            '-c',
            `cd ${remote.path} && git update-ref refs/heads/${branch} $(git -c user.name=x -c user.email=x@x commit-tree -p ${branch} -m other "${branch}^{tree}" </dev/null)`,
          ]);
        return cuts === 2;
      },
    });
    const store = open({ remote: server.url, clock: jumpingClock() });
    await store.commit({ subject: 'one', change: count });
    const after = await store.commit({ subject: 'two', change: count });
    expect(after.files.get('counter')).toBe('2');
    expect(await remote.log(branch)).toEqual(['other\n', 'two [skip ci]\n', 'one [skip ci]\n']);
    expect((await store.read()).files.get('counter')).toBe('2');
    await server.close();
  });

  it('asks for a token gets it as a header, and nobody else sees it', async () => {
    const server = await remote.serve({ credential: 'x-access-token:s3cr3t-token' });
    const store = open({ remote: server.url, token: async () => 's3cr3t-token' });
    await put(store, { a: '1' });
    expect(Object.fromEntries((await store.read()).files)).toEqual({ a: '1' });
    const denied = open({ remote: server.url, token: async () => 'wr0ng-token' });
    const failure = await denied.read().catch((error: unknown) => error as Error);
    expect(failure).toMatchObject(code('STATE_UNREACHABLE'));
    expect(inspect(failure, { depth: 9 })).not.toMatch(/wr0ng|eC1hY2Nlc3/);
    expect(spawnSync('grep', ['-rE', 's3cr3t|eC1hY2Nlc3', cacheDir]).status).toBe(1);
    await server.close();
  });
});

describe('the cache', () => {
  const damages: [string, (path: string) => void][] = [
    ['has broken objects', (path) => /objects\/(..\/|pack\/.*\.pack)/.test(path) && overwrite(path)],
    ['has no HEAD', (path) => path.endsWith('HEAD') && rmSync(path)],
    ['has a broken ref', (path) => path.includes('refs/factory/') && overwrite(path)],
    ['has a broken configuration', (path) => path.endsWith('config') && overwrite(path)],
    ['is empty', (path) => rmSync(path, { force: true })],
  ];
  function overwrite(path: string): void {
    chmodSync(path, 0o644);
    writeFileSync(path, 'broken');
  }
  function damage(how: (path: string) => void): void {
    for (const entry of readdirSync(cacheDir, { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.endsWith('.lock') && entry.name !== 'seen')
        how(join(entry.parentPath, entry.name));
    }
  }

  it.each(damages)('that %s is made anew by reading and by writing', async (_, how) => {
    const store = open();
    await put(store, { a: '1', 'd/b': '1' });
    damage(how);
    expect((await put(store, { c: '1' })).files.size).toBe(3);
    await remote.commit({ e: '1' }, { branch });
    damage(how);
    expect((await store.read()).files.size).toBe(4);
    damage(how);
    store.close();
    expect((await open().read()).files.size).toBe(4);
    expect((await remote.git('rev-list', '--count', branch)).trim()).toBe('3');
  });

  it('left with locks by a git that was killed works again', async () => {
    const store = open();
    await put(store, { a: '1' });
    store.close();
    const [slot = ''] = readdirSync(cacheDir);
    for (const name of ['shallow.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock'])
      writeFileSync(join(cacheDir, slot, '0.git', name), '');
    await remote.commit({ b: '1' }, { branch });
    expect((await put(open(), { c: '1' })).files.size).toBe(3);
  });
});

it.each(['-x', 'a..b', 'a b', 'refs/heads/..', 'a.lock', '', '@', 'a~1'])(
  'refuses the branch name %j',
  (name) => {
    expect(() => open({ branch: name })).toThrow(/branch/);
  },
);

it.each(['ext::sh -c id', '--upload-pack=x', 'ftp://x/y', 'http://'])('refuses the remote %j', (url) => {
  expect(() => open({ remote: url })).toThrow(/state remote/);
});
