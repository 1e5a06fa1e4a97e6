import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tryLock } from './process-lock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-factory-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const never = () => false;

it('is held by one, until it is released', () => {
  const first = tryLock(path, never);
  expect(first?.held()).toBe(true);
  expect(tryLock(path, () => true)).toBeUndefined();
  first?.release();
  expect(tryLock(path, never)?.held()).toBe(true);
  first?.release();
  expect(readdirSync(folder)).toEqual(['lock']);
});

it('of a process that has ended is taken over, even if its number lives again', () => {
  tryLock(path, never);
  const mine = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; started: string };
  const ended = spawnSync('true').pid;
  for (const holder of [
    { ...mine, pid: ended },
    { ...mine, started: '1' },
  ]) {
    writeFileSync(path, JSON.stringify(holder));
    expect(tryLock(path, never)?.held()).toBe(true);
  }
  expect(readdirSync(folder)).toEqual(['lock']);
});

it('of another machine is taken over only when the caller thinks that it is dead', () => {
  tryLock(path, never);
  const mine = JSON.parse(readFileSync(path, 'utf8')) as { place: string };
  writeFileSync(path, JSON.stringify({ ...mine, place: 'elsewhere' }));
  expect(tryLock(path, never)).toBeUndefined();
  const seen: string[] = [];
  expect(tryLock(path, ({ token }) => (seen.push(token), true))?.held()).toBe(true);
  expect(seen).toHaveLength(1);
});

it('that cannot be read is treated as one of another machine', () => {
  writeFileSync(path, '{"half');
  expect(tryLock(path, never)).toBeUndefined();
  expect(tryLock(path, () => true)?.held()).toBe(true);
});

it('is never held by two of many that take it over from dead holders at the same time', async () => {
  const rounds = 80;
  // Whoever has it does not release it but leaves it as a killed process does: every round is a race to take over.
  const script = `
    import { tryLock } from ${JSON.stringify(join(import.meta.dirname, 'process-lock.ts'))};
    import { appendFileSync, readFileSync, renameSync, rmdirSync, mkdirSync, writeFileSync } from 'node:fs';
    import { randomUUID } from 'node:crypto';
    const [, path, log] = process.argv;
    const end = Date.now() + 40_000;
    let taken = 0;
    while (taken < ${rounds} && Date.now() < end) {
      const lock = tryLock(path, () => false);
      if (!lock) continue;
      try { mkdirSync(path + '-inside'); } catch { appendFileSync(log, 'two inside\\n'); process.exit(1); }
      taken += 1;
      const dead = { ...JSON.parse(readFileSync(path, 'utf8')), token: randomUUID(), started: 'dead' };
      writeFileSync(path + '-draft', JSON.stringify(dead));
      rmdirSync(path + '-inside');
      renameSync(path + '-draft', path);
    }
    appendFileSync(log, taken + '\\n');
  `;
  const log = join(folder, 'log');
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script, path, log], { stdio: 'inherit' }),
  );
  await Promise.all(children.map((child) => once(child, 'exit')));
  expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual(
    Array.from({ length: 4 }, () => String(rounds)),
  );
}, 90_000);
