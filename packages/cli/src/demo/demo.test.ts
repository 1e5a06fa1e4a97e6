import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = join(import.meta.dirname, 'main.ts');
const searchPath = process.env['PATH'] ?? '';

function find(program: string): string | undefined {
  return searchPath
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Plays the demo in a temporary folder of its own; answers what it printed and what it left there. */
async function play(path: string): Promise<{ readonly out: string; readonly left: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-demo-test-'));
  try {
    const env = { ...process.env, PATH: path, TMPDIR: folder, NO_COLOR: '1' };
    const { stdout } = await promisify(execFile)(process.execPath, [main], { env, timeout: 300_000 });
    return { out: stdout, left: await readdir(folder) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const parts =
  process.getuid?.() === 0 && find('docker-registry') !== undefined && find('buildah') !== undefined;
if (!parts && process.env['CI'] === undefined)
  console.log('skipped: the demo on real parts needs root, docker-registry and buildah');

describe('the demo', () => {
  it.skipIf(!parts && process.env['CI'] === undefined)(
    'plays on a real registry with real builds',
    { timeout: 320_000 },
    async () => {
      const { out, left } = await play(searchPath);
      expect(out).toContain('A real registry runs');
      expect(out).toContain(`All ${find('kubectl') === undefined ? 38 : 39} claims held`);
      expect(left).toEqual([]);
    },
  );

  it('plays with what Node and git alone can do', { timeout: 320_000 }, async () => {
    const bin = await mkdtemp(join(tmpdir(), 'image-factory-demo-bin-'));
    try {
      for (const program of ['git', 'mkdir', 'sh']) {
        const file = find(program);
        if (file) await symlink(file, join(bin, program));
      }
      const { out, left } = await play(bin);
      expect(out).toContain('an embedded registry runs');
      expect(out).toContain('without executing anything');
      expect(out).toContain('All 38 claims held');
      expect(out).toContain('The overlay is not built here');
      expect(left).toEqual([]);
    } finally {
      await rm(bin, { recursive: true, force: true });
    }
  });
});
