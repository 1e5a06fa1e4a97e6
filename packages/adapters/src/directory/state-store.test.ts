import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateStore } from '@image-factory/core/ports/state-store.ts';
import { realClock } from '@image-factory/testing/real-clock.ts';
import { recoverTransaction } from './journal.ts';
import { createDirectoryStateStore } from './state-store.ts';

let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-factory-state-'));
  root = join(folder, 'state');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (durable = true) => createDirectoryStateStore({ root, clock: realClock, durable });
const put = (store: StateStore, texts: Record<string, string | null>) =>
  store.commit({ subject: 'put', change: () => new Map(Object.entries(texts)) });

describe('plain files', () => {
  it('leaves nothing but the files, and makes nothing by reading', async () => {
    await open().read();
    expect(existsSync(root)).toBe(false);
    await put(open(), { 'images/a.yaml': '1' });
    expect(readdirSync(root)).toEqual(['images']);
  });

  it('keeps bytes, times and modes of what it does not touch, and the mode of what it does', async () => {
    const store = open();
    await put(store, { 'images/a.yaml': '1', 'images/b.yaml': '1' });
    utimesSync(join(root, 'images/a.yaml'), 1000, 1000);
    chmodSync(join(root, 'images/b.yaml'), 0o600);
    await put(store, { 'images/b.yaml': '2' });
    expect(statSync(join(root, 'images/a.yaml')).mtimeMs).toBe(1_000_000);
    expect(statSync(join(root, 'images/b.yaml')).mode & 0o777).toBe(0o600);
  });

  it('sees what a person edits, at once and with the same size', async () => {
    const store = open();
    const before = await put(store, { 'images/a.yaml': 'hold: 1' });
    writeFileSync(join(root, 'images/a.yaml'), 'hold: 2');
    const after = await store.read();
    expect(after.files.get('images/a.yaml')).toBe('hold: 2');
    expect(after.version).not.toBe(before.version);
  });

  it('computes again when a person edits a file in the meantime', async () => {
    const store = open();
    await put(store, { a: '1' });
    let edited = false;
    const after = await store.commit({
      subject: 'append',
      change(files) {
        if (!edited) writeFileSync(join(root, 'a'), 'by hand ');
        edited = true;
        return new Map([['a', `${files.get('a') ?? ''}by machine`]]);
      },
    });
    expect(after.files.get('a')).toBe('by hand by machine');
  });

  it('refuses links and special files, wherever they lead', async () => {
    await put(open(), { 'images/a.yaml': '1' });
    symlinkSync('/etc/passwd', join(root, 'images/b.yaml'));
    await expect(open().read()).rejects.toMatchObject({
      problem: { code: 'STATE_CORRUPT', message: expect.stringContaining('symbolic link') },
    });
    rmSync(join(root, 'images/b.yaml'));
    symlinkSync(folder, join(root, 'outside'));
    await expect(put(open(), { 'outside/x': '1' })).rejects.toMatchObject({
      problem: { code: 'STATE_CORRUPT' },
    });
    expect(existsSync(join(folder, 'x'))).toBe(false);
    rmSync(join(root, 'outside'));
    spawnSync('mkfifo', [join(root, 'pipe')]);
    await expect(open().read()).rejects.toMatchObject({ problem: { code: 'STATE_CORRUPT' } });
  });

  it('says clearly that a path is no folder', async () => {
    writeFileSync(root, 'a file');
    await expect(put(open(), { a: '1' })).rejects.toMatchObject({ problem: { code: 'STATE_UNREACHABLE' } });
  });
});

describe('a full disk', () => {
  let mounted = false;
  beforeEach(() => {
    mkdirSync(root);
    mounted =
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,nr_inodes=200', 'tmpfs', root]).status === 0;
  });
  afterEach(() => {
    if (mounted) spawnSync('umount', [root]);
  });

  it('changes nothing, says so, and still reads', async (context) => {
    if (!mounted) context.skip('no right to mount a small file system');
    const store = open();
    await put(store, { a: 'old', b: 'old' });
    const large = { a: 'x'.repeat(100_000), b: 'x'.repeat(100_000), c: 'x'.repeat(100_000) };
    await expect(put(store, large)).rejects.toMatchObject({
      problem: { code: 'STATE_UNREACHABLE', message: expect.stringContaining('no space left') },
    });
    expect(Object.fromEntries((await open().read()).files)).toEqual({ a: 'old', b: 'old' });
    expect(readdirSync(root)).toEqual(['a', 'b']);
    // Not one byte left, not even for a lock.
    try {
      for (;;) appendFileSync(join(root, '.filler'), 'x'.repeat(512));
    } catch {
      expect(Object.fromEntries((await open().read()).files)).toEqual({ a: 'old', b: 'old' });
    }
  });
});

describe('an interrupted transaction', () => {
  /** Leaves the folder as a process does that is killed between the journal and the last move. */
  function interrupt(
    steps: readonly { path: string; staged: string | null; before: string | null; text?: string }[],
    damage = '',
  ): void {
    const journal = join(root, '.transaction');
    mkdirSync(journal);
    for (const { staged, text } of steps) {
      if (staged === null || text === undefined) continue;
      mkdirSync(dirname(join(journal, staged)), { recursive: true });
      writeFileSync(join(journal, staged), text);
    }
    const body = JSON.stringify(steps.map(({ path, staged, before }) => ({ path, staged, before })));
    writeFileSync(join(journal, 'journal'), `image-factory-journal 1 ${sha256(body)}\n${body}${damage}\n`);
  }
  const sha1 = (text: string) => spawnSync('sha1sum', { input: text }).stdout.toString().slice(0, 40);
  const sha256 = (text: string) => spawnSync('sha256sum', { input: text }).stdout.toString().slice(0, 64);

  beforeEach(async () => {
    await put(open(), { a: 'old', b: 'old', c: 'old' });
  });

  it('is finished by the next reader', async () => {
    interrupt([
      { path: 'a', staged: '0.new', before: sha1('old'), text: 'new' },
      { path: 'b', staged: '1.new', before: sha1('old') },
      { path: 'c', staged: null, before: sha1('old') },
      { path: 'd/e', staged: '3.new', before: null, text: 'new' },
    ]);
    writeFileSync(join(root, 'b'), 'new');
    expect(Object.fromEntries((await open().read()).files)).toEqual({ a: 'new', b: 'new', 'd/e': 'new' });
    expect(readdirSync(root)).toEqual(['a', 'b', 'd']);
  });

  it('is finished where new folders were moved as a whole, not yet, or had been made by somebody meanwhile', async () => {
    const moved = ['x/1', 'x/y/2'].map((path) => ({ path, staged: `new/${path}`, before: null }));
    const waiting = ['z/1', 'z/y/2', 'w/1', 'w/y/2'].map((path) => ({
      path,
      staged: `new/${path}`,
      before: null,
      text: 'new',
    }));
    interrupt([{ path: 'a', staged: null, before: sha1('old') }, ...moved, ...waiting]);
    mkdirSync(join(root, 'x/y'), { recursive: true });
    writeFileSync(join(root, 'x/1'), 'new');
    writeFileSync(join(root, 'x/y/2'), 'new');
    mkdirSync(join(root, 'w'));
    writeFileSync(join(root, 'w/1'), 'by hand');
    const rest = { b: 'old', c: 'old', 'x/1': 'new', 'x/y/2': 'new', 'z/1': 'new', 'z/y/2': 'new' };
    expect(Object.fromEntries((await open().read()).files)).toEqual({
      ...rest,
      'w/1': 'by hand',
      'w/y/2': 'new',
    });
    expect(readdirSync(root)).toEqual(['b', 'c', 'w', 'x', 'z']);
  });

  it('leaves what a person has edited since', async () => {
    interrupt([
      { path: 'a', staged: '0.new', before: sha1('old'), text: 'new' },
      { path: 'b', staged: '1.new', before: sha1('old'), text: 'new' },
      { path: 'c', staged: null, before: sha1('old') },
    ]);
    writeFileSync(join(root, 'a'), 'by hand');
    writeFileSync(join(root, 'c'), 'by hand');
    expect(Object.fromEntries((await open().read()).files)).toEqual({ a: 'by hand', b: 'new', c: 'by hand' });
  });

  it('is forgotten when its journal was not in place yet', async () => {
    mkdirSync(join(root, '.transaction'));
    writeFileSync(join(root, '.transaction', '0.new'), 'new');
    expect(Object.fromEntries((await open().read()).files)).toEqual({ a: 'old', b: 'old', c: 'old' });
    expect(readdirSync(root)).toEqual(['a', 'b', 'c']);
  });

  it('is reported when its journal is damaged or reaches outside', async () => {
    interrupt([{ path: 'a', staged: null, before: null }], ' ');
    expect(() => recoverTransaction(root, false)).toThrow(/damaged/);
    rmSync(join(root, '.transaction'), { recursive: true });
    interrupt([{ path: '../../etc/x', staged: '0.new', before: null, text: 'x' }]);
    expect(() => recoverTransaction(root, false)).toThrow(/refused/);
    rmSync(join(root, '.transaction'), { recursive: true });
    interrupt([{ path: 'x/a', staged: 'new/../../a', before: null }]);
    expect(() => recoverTransaction(root, false)).toThrow(/refused/);
  });
});

describe('SIGKILL', () => {
  async function killedAfter(delay: number, count: number, speed: string): Promise<void> {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'testdata', 'commit-loop.ts'), root, String(count), speed],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    await wait(delay);
    child.kill('SIGKILL');
    // One that ended by itself failed.
    expect(await exit).toEqual([null, 'SIGKILL']);
  }

  it('leaves all of a transaction or nothing, and no lock, however often it comes', async () => {
    let generation = 0;
    let interrupted = 0;
    // Kills that met nothing prove nothing, and on a busy machine it takes longer until a transaction is through.
    const isEnough = () => interrupted > 5 && generation > 5;
    for (let kill = 0; kill < 24 || (!isEnough() && kill < 120); kill += 1) {
      await killedAfter((kill * 17.3) % (kill < 24 ? 90 : 500), 30, kill % 2 === 0 ? 'fast' : '');
      if (existsSync(join(root, '.transaction')) || existsSync(join(root, '.lock'))) interrupted += 1;
      const { files } = await open(false).read();
      if (files.size === 0) continue;
      const generations = new Set(
        [...files].filter(([path]) => path.startsWith('f/')).map(([, text]) => text),
      );
      expect(generations.size).toBe(1);
      expect(files.size).toBe(31);
      const now = Number([...generations][0]);
      expect([...files.keys()].filter((path) => path.startsWith('only/'))).toEqual([`only/${now}/here`]);
      expect(now).toBeGreaterThanOrEqual(generation);
      generation = now;
    }
    expect(isEnough()).toBe(true);
    await put(open(false), { after: '1' });
    expect(readFileSync(join(root, 'after'), 'utf8')).toBe('1');
  }, 180_000);

  it('leaves all of a first transaction or nothing, where whole folders are moved', async () => {
    const seen = new Set<number>();
    let interrupted = 0;
    // On a busy machine it takes longer until a transaction is through.
    for (let kill = 0; kill < 16 || (!seen.has(401) && kill < 100); kill += 1) {
      await killedAfter(kill * 12, 400, 'fast');
      if (existsSync(join(root, '.transaction'))) interrupted += 1;
      const { files } = await open(false).read();
      const texts = new Set([...files].filter(([path]) => path.startsWith('f/')).map(([, text]) => text));
      expect([0, 401]).toContain(files.size);
      expect(texts.size).toBe(files.size === 0 ? 0 : 1);
      seen.add(files.size);
      rmSync(root, { recursive: true, force: true });
    }
    expect(seen).toContain(401);
    expect(interrupted).toBeGreaterThan(3);
  }, 180_000);

  it('lets two processes go on while others are killed beside them', async () => {
    const victims = (async () => {
      for (let kill = 0; kill < 5; kill += 1) await killedAfter(20 + kill * 3, 10, 'fast');
    })();
    let mine = 0;
    const store = open(false);
    let running = true;
    void victims.finally(() => (running = false));
    while (running) {
      const after = await store.commit({
        subject: 'count',
        change: (files) => new Map([['mine', String(Number(files.get('mine') ?? 0) + 1)]]),
      });
      mine += 1;
      expect(after.files.get('mine')).toBe(String(mine));
      expect(
        new Set([...after.files].filter(([path]) => path.startsWith('f/')).map(([, text]) => text)).size,
      ).toBeLessThan(2);
      await wait(1);
    }
    await victims;
    expect(mine).toBeGreaterThan(20);
  }, 180_000);
});

it('writes 10,000 files in a second or so, reads them quickly, and reads nothing twice', async () => {
  const texts = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [`images/i${index}.yaml`, `name: i${index}\n`.repeat(80)]),
  );
  const store = open();
  const times: Record<string, number> = {};
  const timed = async (name: string, step: () => Promise<unknown>) => {
    const start = performance.now();
    await step();
    times[name] = Math.round(performance.now() - start);
  };
  await timed('write', () => put(store, texts));
  await timed('read cold', () => open().read());
  await timed('read again', () => store.read());
  await timed('change 100', () =>
    put(
      store,
      Object.fromEntries(
        Object.keys(texts)
          .slice(0, 100)
          .map((path) => [path, 'new\n']),
      ),
    ),
  );
  process.stdout.write(`directory store, 10,000 files, ms: ${JSON.stringify(times)}\n`);
  expect(times['write']).toBeLessThan(10_000);
  expect(times['read cold']).toBeLessThan(3000);
});
