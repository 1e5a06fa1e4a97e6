import { createHash, hash } from 'node:crypto';
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
import { codeOf } from './process-lock.ts';

/** One file as it was read, with what tells whether it is still the same. */
export interface KnownFile {
  readonly text: string;
  /** SHA-1 of the bytes. */
  readonly hash: string;
  readonly mode: number;
  readonly stamp: string;
  /** Read so soon after its last change that another change could bear the same time. */
  readonly racy: boolean;
}

export type KnownFiles = ReadonlyMap<string, KnownFile>;

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
  function visit(folder: string): void {
    for (const entry of entriesOf(join(root, folder))) {
      if (folder === '' && entry.name.startsWith('.')) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) files.set(path, readOne(root, path, known.get(path), now));
      else
        throw corruptState(
          join(root, path),
          entry.isSymbolicLink() ? 'is a symbolic link' : 'is not a regular file',
        );
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

function readOne(root: string, path: string, known: KnownFile | undefined, now: number): KnownFile {
  const full = join(root, path);
  if (known !== undefined && !known.racy) {
    const stats = lstatSync(full);
    if (stats.isFile() && stampOf(stats) === known.stamp) return known;
  }
  // NOFOLLOW and NONBLOCK: a link or a pipe may have been put there since the folder was listed.
  const descriptor = openRegular(full);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw corruptState(full, 'is not a regular file');
    if (stats.size > largestFile) throw corruptState(full, `is larger than ${largestFile} bytes`);
    const bytes = readAll(descriptor, stats.size);
    const racy = stats.ctimeMs > now - racyTime || stats.mtimeMs > now - racyTime;
    return {
      text: bytes.toString('utf8'),
      hash: hash('sha1', bytes),
      mode: stats.mode & 0o777,
      stamp: stampOf(stats),
      racy,
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

/** Not `readFile`, which costs twice as much per small file. */
function readAll(descriptor: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const count = readSync(descriptor, bytes, filled, size - filled, null);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function stampOf(stats: Stats): string {
  return `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
}

/** The files after a transaction of ours: known without reading them, and looked at again by the next read. */
export function filesAfter(root: string, changes: StateChanges, files: KnownFiles): KnownFiles {
  const after = new Map(files);
  for (const [path, text] of changes) {
    const stats = text === null ? undefined : statsOf(join(root, path));
    if (text === null || stats === undefined) after.delete(path);
    else
      after.set(path, {
        text,
        hash: hash('sha1', text),
        mode: stats.mode & 0o777,
        stamp: stampOf(stats),
        racy: true,
      });
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
    if (
      known === undefined ? stats?.isFile() === true : stats === undefined || stampOf(stats) !== known.stamp
    )
      return false;
  }
  return true;
}

/** Same files, same version; no files, no version. */
export function versionOf(files: KnownFiles): string {
  if (files.size === 0) return '';
  const version = createHash('sha256');
  for (const path of [...files.keys()].toSorted())
    version.update(`${path}\0${files.get(path)?.hash ?? ''}\n`);
  return version.digest('hex').slice(0, 40);
}
