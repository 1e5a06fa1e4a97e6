import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pathRefusal } from '@image-factory/core/ports/state-changes.ts';
import type { StateChanges } from '@image-factory/core/ports/state-store.ts';
import { corruptState } from './failure.ts';
import { hash, run } from './late-modules.ts';
import { codeOf } from './process-lock.ts';
import { hashOf, newFileMode, statsOf, type KnownFiles } from './state-files.ts';

/** One file of a transaction. */
interface Step {
  readonly path: string;
  /** Name of the new content below the transaction's folder; null removes the file. */
  readonly staged: string | null;
  /** SHA-1 that the file had when the transaction was computed; null: it was not there. */
  readonly before: string | null;
}

const folderName = '.transaction';
const journalName = 'journal';
/** Below the transaction's folder: folders that the state does not have yet, as they will stand in it. */
const newFolders = 'new';
/** Up to so many files are flushed one by one; more of them faster with the whole file system. */
const fewFiles = 64;

/**
 * Writes all changes or none, even when the process is killed or the power fails. First every new content is written
 * beside the state, then a journal of what is to be moved where is put in place by one rename: from there on the
 * transaction has happened, and whoever comes next finishes the moves. Before it, nothing has. A full disk is met in
 * the first part, because moving needs no space. A folder that the state does not have yet is moved as a whole: a first
 * run has ten thousand files in one. The caller holds the lock.
 */
export function writeTransaction(
  root: string,
  changes: StateChanges,
  files: KnownFiles,
  durable: boolean,
): void {
  const folder = join(root, folderName);
  const steps: Step[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    // With few files it would not pay: the new folder had to be flushed as well.
    const whole = changes.size > fewFiles ? newTops(root, changes.keys()) : new Set<string>();
    const staging = new Set<string>();
    for (const [path, text] of changes) {
      const before = files.get(path);
      const staged =
        text === null ? null : whole.has(topOf(path)) ? `${newFolders}/${path}` : `${steps.length}.new`;
      steps.push({ path, staged, before: before === undefined ? null : hashOf(before) });
      if (text === null || staged === null) continue;
      makeFolders(folder, dirname(staged), staging);
      writeFile(join(folder, staged), text, before?.mode, durable && changes.size <= fewFiles);
    }
    if (durable && changes.size > fewFiles) flushAll(folder, steps, staging);
    const body = JSON.stringify(steps);
    writeFile(
      join(folder, 'journal.new'),
      `image-factory-journal 1 ${hash('sha256', body)}\n${body}\n`,
      undefined,
      durable,
    );
    renameSync(join(folder, 'journal.new'), join(folder, journalName));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  if (durable) flushFolder(folder);
  finish(root, steps, durable, false);
}

/** Finishes or discards what a killed process has left. The caller holds the lock. */
export function recoverTransaction(root: string, durable: boolean): void {
  const folder = join(root, folderName);
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) throw corruptState(folder, 'is not a folder');
  if (!isInterrupted(root)) {
    rmSync(folder, { recursive: true, force: true });
    return;
  }
  finish(root, readJournal(join(folder, journalName)), durable, true);
}

/** Has a transaction happened whose files are not all in place? */
export function isInterrupted(root: string): boolean {
  return existsSync(join(root, folderName, journalName));
}

function readJournal(path: string): readonly Step[] {
  const text = readFileSync(path, 'utf8');
  const [, sum, body = ''] = /^image-factory-journal 1 ([0-9a-f]{64})\n(.*)\n$/s.exec(text) ?? [];
  if (sum === undefined || sum !== hash('sha256', body))
    throw corruptState(path, 'is damaged: the transaction that it describes cannot be finished');
  const steps = JSON.parse(body) as readonly Step[];
  // A journal that somebody put there must not reach out of the folder either.
  const bad = steps.find(
    (step) =>
      pathRefusal(step.path) !== undefined ||
      (step.staged !== null &&
        step.staged !== `${newFolders}/${step.path}` &&
        !/^\d+\.new$/.test(step.staged)),
  );
  if (bad !== undefined)
    throw corruptState(path, `names a path that is refused: ${JSON.stringify(bad.path).slice(0, 120)}`);
  return steps;
}

/** Moves everything into place; after an interruption some of it is there already. */
function finish(root: string, steps: readonly Step[], durable: boolean, afterInterruption: boolean): void {
  const folder = join(root, folderName);
  // What is flushed is not what is known to be there: a removal may take its folder away.
  const touched = new Set<string>();
  const present = new Set<string>();
  const todo = afterInterruption ? steps.filter((step) => !editedSince(root, step)) : steps;
  // Removals first: a file may take the place of a folder that the same transaction empties.
  for (const { path, staged } of todo) if (staged === null) removeFile(root, path, touched);
  const moved = moveNewFolders(root, todo, afterInterruption);
  if (moved.size > 0) touched.add('.');
  for (const { path, staged } of todo) {
    if (staged === null || moved.has(topOf(path))) continue;
    makeFolders(root, dirname(path), present);
    moveFile(join(folder, staged), join(root, path), afterInterruption);
  }
  if (durable)
    for (const name of touched.union(present))
      if (existsSync(join(root, name))) flushFolder(join(root, name));
  unlinkSync(join(folder, journalName));
  rmSync(folder, { recursive: true, force: true });
}

/** A person who edited the file between the kill and now has the last word. */
function editedSince(root: string, step: Step): boolean {
  const full = join(root, step.path);
  const stats = statsOf(full);
  if (stats === undefined)
    return step.before !== null && step.staged !== null && existsSync(join(root, folderName, step.staged));
  if (!stats.isFile()) return false;
  return hash('sha1', readFileSync(full)) !== step.before;
}

/** The first name of a path that has several. */
function topOf(path: string): string {
  const slash = path.indexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

/** Names directly below the root that these paths need as folders, and that nothing has yet. */
function newTops(root: string, paths: Iterable<string>): ReadonlySet<string> {
  const tops = new Set(Array.from(paths, topOf));
  tops.delete('');
  for (const top of tops) if (statsOf(join(root, top)) !== undefined) tops.delete(top);
  return tops;
}

/** The folders that were moved. One that somebody has made meanwhile is left to be filled file by file. */
function moveNewFolders(
  root: string,
  steps: readonly Step[],
  afterInterruption: boolean,
): ReadonlySet<string> {
  const staged = steps.filter((step) => step.staged?.startsWith(`${newFolders}/`));
  const tops = newTops(
    root,
    staged.map(({ path }) => path),
  );
  for (const top of tops)
    moveFile(join(root, folderName, newFolders, top), join(root, top), afterInterruption);
  return tops;
}

function moveFile(from: string, to: string, mayBeMoved: boolean): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!mayBeMoved || codeOf(error) !== 'ENOENT') throw error;
  }
}

function removeFile(root: string, path: string, touched: Set<string>): void {
  rmSync(join(root, path), { force: true });
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    touched.add(dirname(folder));
    try {
      rmdirSync(join(root, folder));
    } catch {
      // Not empty: it stays.
      break;
    }
  }
  touched.add(dirname(path));
}

/** Makes the folders of a path, and refuses links among them: they would lead out of the state. */
function makeFolders(root: string, folder: string, present: Set<string>): void {
  if (present.has(folder)) return;
  if (folder !== '.') makeFolders(root, dirname(folder), present);
  const full = join(root, folder);
  const stats = lstatSync(full, { throwIfNoEntry: false });
  if (stats === undefined) mkdirSync(full);
  else if (!stats.isDirectory()) throw corruptState(full, 'is not a folder');
  present.add(folder);
}

function writeFile(path: string, text: string, mode: number | undefined, flush: boolean): void {
  if (!flush && (mode === undefined || mode === newFileMode)) {
    writeFileSync(path, text, { flag: 'wx', mode: newFileMode });
    return;
  }
  const descriptor = openSync(path, 'wx', newFileMode);
  try {
    const bytes = Buffer.from(text, 'utf8');
    for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
    if (mode !== undefined && mode !== newFileMode) fchmodSync(descriptor, mode);
    if (flush) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function flushAll(folder: string, steps: readonly Step[], folders: ReadonlySet<string>): void {
  if (run('sync', ['-f', folder]) === 0) return;
  for (const { staged } of steps) if (staged !== null) flushFile(join(folder, staged));
  for (const name of folders) flushFolder(join(folder, name));
}

function flushFile(path: string): void {
  const descriptor = openSync(path, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** So that renames in it survive a power cut. Not every system can; there the rename is as good as it gets. */
function flushFolder(path: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    fsyncSync(descriptor);
  } catch (error) {
    if (!['EINVAL', 'EISDIR', 'EPERM', 'EACCES', 'ENOTSUP'].includes(codeOf(error))) throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
