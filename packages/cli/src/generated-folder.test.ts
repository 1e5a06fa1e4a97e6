import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compareFolder, writeFolder, type FolderChanges } from './generated-folder.ts';

const header = '# generated\n';
/** More than one block, with characters of several bytes where blocks end. */
const pieces = [header, ...Array.from({ length: 20_000 }, (_, index) => `- größe-${index}: "€ €"\n`)];
const files = new Map([['large.yaml', pieces]]);
const same: FolderChanges = { missing: [], changed: [], stale: [] };

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'image-factory-generated-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test('a file larger than a block is written whole, and equal to itself', async () => {
  const path = await folder();
  const changes = await compareFolder(path, files, header);
  expect(changes).toEqual({ ...same, missing: ['large.yaml'] });
  await writeFolder(path, files, changes);
  expect(await readFile(join(path, 'large.yaml'), 'utf8')).toBe(pieces.join(''));
  expect(await compareFolder(path, files, header)).toEqual(same);
});

test.each([
  ['shorter', (file: string) => truncate(file, 400_000)],
  ['longer by a byte', (file: string) => appendFile(file, '#')],
  ['empty', (file: string) => truncate(file, 0)],
  [
    'different in its last line',
    async (file: string) =>
      writeFile(file, (await readFile(file, 'utf8')).replace('größe-19999:', 'größe-19998:')),
  ],
])('a file that is %s differs', async (_, change) => {
  const path = await folder();
  await writeFolder(path, files, { ...same, missing: ['large.yaml'] });
  await change(join(path, 'large.yaml'));
  expect(await compareFolder(path, files, header)).toEqual({ ...same, changed: ['large.yaml'] });
});

test('only files that begin with the whole header are stale', async () => {
  const path = await folder();
  await writeFile(join(path, 'old.yaml'), `${header}kind: Stage\n`);
  await writeFile(join(path, 'short.yaml'), header.slice(0, 5));
  await writeFile(join(path, 'theirs.yaml'), 'kind: Stage\n');
  expect(await compareFolder(path, new Map(), header)).toEqual({ ...same, stale: ['old.yaml'] });
});
