import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { olderFactory } from '@image-factory/kargo/migrate/test-older.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from './command-line.ts';

let folder: string;
const from = () => join(folder, 'older');
const to = () => join(folder, 'new');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-migrate-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function lay(files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    await mkdir(dirname(join(from(), path)), { recursive: true });
    await writeFile(join(from(), path), text);
  }
}

async function run(...argv: readonly string[]): Promise<{ exit: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const exit = await runCommandLine(argv, {
    env: {},
    cwd: folder,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    width: 100,
    now: () => 0,
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { exit, out, err };
}

async function filesIn(dir: string): Promise<Map<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.map(async (path) => [path.slice(dir.length + 1), await readFile(path, 'utf8')] as const),
    ),
  );
}

describe.each(['state/images', 'images'] as const)('migrate from a directory with %s', (layout) => {
  it('reports and writes nothing, then writes what other commands accept', async () => {
    await lay(olderFactory(layout));
    const before = await filesIn(from());
    const rehearsed = await run('--dir', 'new', 'migrate', '--from', 'older');
    expect(rehearsed.exit, rehearsed.err).toBe(0);
    expect(rehearsed.out).toContain('nothing was written: 6 files would be');
    expect(rehearsed.out).toContain('semverConstraint');
    expect(existsSync(to())).toBe(false);

    const written = await run('--dir', 'new', 'migrate', '--from', 'older', '--write');
    expect([written.exit, written.out]).toEqual([0, expect.stringContaining('wrote 6 files to new')]);
    expect((await readdir(folder)).toSorted()).toEqual(['new', 'older']);
    expect([...(await filesIn(to())).keys()].toSorted()).toEqual([
      'factory.yaml',
      'images.yaml',
      'state/base-images/node-22.11.yaml',
      'state/images/cart.yaml',
      'state/images/gone.yaml',
      'state/images/shop.yaml',
    ]);
    expect(await filesIn(from())).toEqual(before);
    const valid = await run('--dir', to(), 'validate');
    expect([valid.exit, valid.out]).toEqual([
      0,
      expect.stringContaining('valid: 4 images, 2 managed, 2 external'),
    ]);
    const status = await run('--dir', to(), '--output', 'json', 'status', 'shop');
    expect(JSON.parse(status.out)).toMatchObject({ name: 'shop', currentVersion: '3.10' });
  });

  it('never overwrites', async () => {
    await lay(olderFactory(layout));
    await mkdir(to());
    await writeFile(join(to(), 'README.md'), 'mine\n');
    const { exit, err } = await run('--dir', 'new', 'migrate', '--from', 'older', '--write');
    expect([exit, err]).toEqual([2, expect.stringContaining('is not empty: it holds README.md')]);
    expect(await filesIn(to())).toEqual(new Map([['README.md', 'mine\n']]));
    const onto = await run('--dir', 'older', 'migrate', '--from', 'older', '--write');
    expect(onto.exit).toBe(2);
    await rm(join(to(), 'README.md'));
    expect((await run('--dir', 'new', 'migrate', '--from', 'older', '--write')).exit).toBe(0);
  });
});

describe('migrate', () => {
  it('writes nothing at all where something cannot be taken over', async () => {
    const wrong = new Map(olderFactory('images')).set(
      'images.yaml',
      '- name: Wrong_Name\n  repository: acme/x\n',
    );
    await lay(wrong);
    const { exit, out, err } = await run('--dir', 'new', 'migrate', '--from', 'older', '--write');
    expect(exit).toBe(2);
    expect(out).toContain('nothing was written');
    expect(err).toContain('Wrong_Name');
    expect(existsSync(to())).toBe(false);
  });

  it('says what it needs, and follows no link', async () => {
    expect((await run('migrate')).err).toContain('--from is missing');
    expect((await run('migrate', '--from', 'nowhere')).err).toContain('is no folder');
    await lay(new Map([['images.yaml', '[]\n']]));
    await writeFile(join(folder, 'secret.yaml'), 'name: secret\n');
    await mkdir(join(from(), 'images'));
    await symlink(join(folder, 'secret.yaml'), join(from(), 'images/secret.yaml'));
    const { exit, out } = await run(
      '--dir',
      'new',
      '--output',
      'json',
      'migrate',
      '--from',
      'older',
      '--write',
    );
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ layout: 'none', written: ['factory.yaml', 'images.yaml'] });
  });
});
