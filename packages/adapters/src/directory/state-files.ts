import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Dirent,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import type { StateChanges } from '@image-factory/core/ports/state-store.ts';
import { corruptState } from './failure.ts';
import { hash } from './late-modules.ts';
import { codeOf } from './process-lock.ts';

/** One file as it was read, with what tells whether it is still the same. */
export interface KnownFile {
  readonly text: string;
  /** SHA-1 of the bytes, where the text does not stand for them: they were no UTF-8. */
  readonly hash: string | undefined;
  readonly mode: number;
  readonly stamp: Stamp;
  /** Read so soon after its last change that another change could bear the same time. */
  readonly racy: boolean;
}

type Stamp = Pick<Stats, 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>;

export type KnownFiles = ReadonlyMap<string, KnownFile>;

export const newFileMode = 0o644;
/** A larger file is no state of ours. */
const largestFile = 32 * 1024 * 1024;
/** Coarser than the time stamps of any file system in use. */
const racyTime = 2000;

/**
 * Reads all files below `root`, by their paths in order; what `known` has unchanged is not opened again. Names that
 * start with a dot directly below `root` belong to the store. Throws STATE_CORRUPT for links and special files.
 */
export function readStateFiles(root: string, known: KnownFiles): KnownFiles {
  const files = new Map<string, KnownFile>();
  const now = Date.now();
  /** `prefix` is empty, or ends with a slash. */
  function visit(prefix: string): void {
    for (const entry of entriesOf(join(root, prefix))) {
      if (prefix === '' && entry.name.startsWith('.')) continue;
      const path = prefix + entry.name;
      const full = `${root}/${path}`;
      if (entry.isFile()) files.set(path, readOne(full, known.get(path), now));
      else if (entry.isDirectory()) visit(`${path}/`);
      else throw corruptState(full, entry.isSymbolicLink() ? 'is a symbolic link' : 'is not a regular file');
    }
  }
  const top = lstatSync(root, { throwIfNoEntry: false });
  if (top === undefined) return files;
  if (top.isSymbolicLink()) throw corruptState(root, 'is a symbolic link');
  visit('');
  return files;
}

function entriesOf(folder: string): Dirent[] {
  // The encoding is UTF-8 and the order fixed, so that equal states are listed equally.
  return readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function readOne(full: string, known: KnownFile | undefined, now: number): KnownFile {
  if (known !== undefined && !known.racy) {
    const stats = lstatSync(full);
    if (stats.isFile() && isSame(stats, known.stamp)) return known;
  }
  // NOFOLLOW and NONBLOCK: a link or a pipe may have been put there since the folder was listed.
  const descriptor = openRegular(full);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw corruptState(full, 'is not a regular file');
    if (stats.size > largestFile) throw corruptState(full, `is larger than ${largestFile} bytes`);
    const bytes = readAll(descriptor, stats.size);
    const text = bytes.toString('utf8');
    return {
      text,
      hash: text.includes('\uFFFD') ? hash('sha1', bytes) : undefined,
      mode: stats.mode & 0o777,
      stamp: stampOf(stats),
      racy: stats.ctimeMs > now - racyTime || stats.mtimeMs > now - racyTime,
    };
  } finally {
    closeSync(descriptor);
  }
}

function openRegular(full: string): number {
  try {
    return openSync(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ELOOP') throw corruptState(full, 'is a symbolic link');
    throw error;
  }
}

/** Nearly all files are smaller; what is in it counts only until the next read. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Not `readFile`, which costs twice as much per small file. */
function readAll(descriptor: number, size: number): Buffer {
  const bytes = size <= readBuffer.length ? readBuffer : Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const count = readSync(descriptor, bytes, filled, size - filled, null);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): Stamp {
  return { ino, size, mtimeMs, ctimeMs };
}

function isSame(one: Stamp, other: Stamp): boolean {
  return (
    one.ctimeMs === other.ctimeMs &&
    one.mtimeMs === other.mtimeMs &&
    one.size === other.size &&
    one.ino === other.ino
  );
}

/** SHA-1 of the file's bytes. */
export function hashOf(file: KnownFile): string {
  return file.hash ?? hash('sha1', file.text);
}

const unknownStamp: Stamp = { ino: 0, size: 0, mtimeMs: 0, ctimeMs: 0 };

/** The files after a transaction of ours: known without looking, and read again before they are next relied on. */
export function filesAfter(changes: StateChanges, files: KnownFiles): KnownFiles {
  const after = new Map(files);
  for (const [path, text] of changes) {
    const mode = files.get(path)?.mode ?? newFileMode;
    if (text === null) after.delete(path);
    else after.set(path, { text, hash: undefined, mode, stamp: unknownStamp, racy: true });
  }
  return after;
}

/** What stands at a path itself, links not followed; undefined also where a folder of the path is a file. */
export function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Is each of these files on disk as it was read? Then a person who edits one now is not overwritten. */
export function stillAsRead(root: string, paths: Iterable<string>, files: KnownFiles): boolean {
  for (const path of paths) {
    const stats = statsOf(join(root, path));
    const known = files.get(path);
    if (known === undefined ? stats?.isFile() === true : stats === undefined || !isSame(stats, known.stamp))
      return false;
  }
  return true;
}

/** Do both hold the same texts? */
export function sameTexts(one: KnownFiles, other: KnownFiles): boolean {
  if (one.size !== other.size) return false;
  for (const [path, file] of one) {
    const found = other.get(path);
    if (found !== file && found?.text !== file.text) return false;
  }
  return true;
}

/** Same files, same version; no files, no version. */
export function versionOf(files: KnownFiles): string {
  if (files.size === 0) return '';
  const lines = [...files].map(([path, file]) => `${path}\0${hashOf(file)}\n`);
  return hash('sha256', lines.toSorted().join('')).slice(0, 40);
}
