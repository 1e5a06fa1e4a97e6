import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { day } from '@image-factory/core/time.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileLookCache } from './file-look-cache.ts';
import type { RememberedLook } from './look-cache.ts';

const now = Date.UTC(2026, 10, 22);
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'look-cache-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function lookOf(char: string, askedAt = now): RememberedLook {
  return { digest: `sha256:${char.repeat(64)}` as Digest, askedAt, lastSeenAt: askedAt, fullAt: askedAt };
}
const openAt = (time = now) => openFileLookCache(join(folder, 'deep'), () => time);
const file = () => join(folder, 'deep', 'looks.json');

it('keeps looks from one process to the next', async () => {
  const first = await openAt();
  const look: RememberedLook = {
    ...lookOf('a'),
    mediaType: 'application/vnd.oci.image.index.v1+json',
    etag: 'W/"x"',
    absent: true,
    previous: { digest: `sha256:${'b'.repeat(64)}` as Digest, lastSeenAt: now - 5 },
  };
  first.set('docker.io/library/node:22', look);
  first.set('__proto__', lookOf('c'));
  await first.flush();
  const second = await openAt();
  expect(second.get('docker.io/library/node:22')).toEqual(look);
  expect(second.get('docker.io/library/node:23')).toBeUndefined();
  expect(await readdir(join(folder, 'deep'))).toEqual(['looks.json']);
});

it('keeps the newer of two looks that two processes made', async () => {
  const one = await openAt();
  const other = await openAt();
  one.set('both', lookOf('1', now - 10));
  one.set('mine', lookOf('2'));
  await one.flush();
  other.set('both', lookOf('3', now - 5));
  other.set('yours', lookOf('4'));
  await other.flush();
  const merged = await openAt();
  expect(['both', 'mine', 'yours'].map((key) => merged.get(key)?.digest.at(-1))).toEqual(['3', '2', '4']);
});

it.each([
  ['nothing', ''],
  ['half a file', '{"version":"'],
  ['another version', '{"version":"1","looks":{}}'],
  ['no object', '[1]'],
  ['null', 'null'],
])('is empty where the file holds %s, and mends it', async (_, text) => {
  const first = await openAt();
  first.set('a', lookOf('a'));
  await first.flush();
  await writeFile(file(), text);
  const second = await openAt();
  expect(second.get('a')).toBeUndefined();
  second.set('b', lookOf('b'));
  await second.flush();
  expect((await openAt()).get('b')).toBeDefined();
});

it('passes over entries that cannot be right, and those that are old', async () => {
  const first = await openAt();
  first.set('good', lookOf('a'));
  first.set('old', lookOf('a', now - 40 * day));
  first.set('future', lookOf('a', now + day));
  first.set('nonsense', { ...lookOf('a'), digest: 'latest' as Digest });
  first.set('header', { ...lookOf('a'), etag: 'x\r\nauthorization: y' });
  await first.flush();
  const second = await openAt();
  expect(second.get('good')).toBeDefined();
  expect(['old', 'future', 'nonsense'].map((key) => second.get(key))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(second.get('header')?.etag).toBeUndefined();
});

it('goes on without a folder that can be written', async () => {
  await writeFile(join(folder, 'deep'), 'a file in the way');
  const cache = await openAt();
  cache.set('a', lookOf('a'));
  await cache.flush();
  expect(cache.get('a')).toBeDefined();
});

it('writes whole files only', async () => {
  const cache = await openAt();
  for (let index = 0; index < 200; index += 1) cache.set(`tag-${index}`, lookOf('a'));
  const writes = Promise.all([cache.flush(), cache.flush()]);
  await writes;
  expect(Object.keys((JSON.parse(await readFile(file(), 'utf8')) as { looks: object }).looks).length).toBe(
    200,
  );
});

describe('lists of tags', () => {
  const key = 'docker.io/library/node';
  const list = { askedAt: now, tags: ['22', '22-alpine'] };

  it('are kept from one process to the next, each by itself', async () => {
    await (await openAt()).tagLists.set(key, list);
    const { tagLists } = await openAt();
    expect(await tagLists.get(key)).toEqual(list);
    expect(await tagLists.get('docker.io/library/python')).toBeUndefined();
  });

  it.each([
    ['half a file', (text: string) => text.slice(0, -3)],
    ['another version', (text: string) => text.replace('"version":1', '"version":0')],
    ['another repository', (text: string) => text.replace('node', 'evil')],
    ['a time to come', (text: string) => text.replace(String(now), String(now + day))],
    ['what is no tag', (text: string) => text.replace('"22"', '"../22"')],
  ])('are forgotten where the file holds %s', async (_, change) => {
    await (await openAt()).tagLists.set(key, list);
    const folderOfLists = join(folder, 'deep', 'tags');
    const [name = ''] = await readdir(folderOfLists);
    const text = await readFile(join(folderOfLists, name), 'utf8');
    await writeFile(join(folderOfLists, name), change(text));
    expect(await (await openAt()).tagLists.get(key)).toBeUndefined();
  });

  it('that cannot be written are asked for again', async () => {
    await writeFile(join(folder, 'deep'), 'a file in the way');
    const { tagLists } = await openAt();
    await tagLists.set(key, list);
    expect(await tagLists.get(key)).toBeUndefined();
  });
});
