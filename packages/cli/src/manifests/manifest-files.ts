import { lstat, open, readdir } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import type { Problem } from '@image-factory/core/problem.ts';
import type { Io } from '../io.ts';

/** Generated manifests of ten thousand images have a few tens of megabytes. */
const largestFile = 64 * 1024 * 1024;
const mostFiles = 20_000;
const deepestFolder = 32;

export interface ManifestFile {
  /** As it was named, or as it lies in a folder that was named; `-` for standard input. */
  readonly name: string;
  readonly text: string;
  /** Found in a folder: it may hold something else than manifests. */
  readonly found: boolean;
}

export interface ManifestFiles {
  readonly files: readonly ManifestFile[];
  readonly problems: readonly Problem[];
}

/** The files named, those in folders named, and standard input for `-`; what cannot be read is a problem, and the rest is read. */
export async function readManifestFiles(names: readonly string[], io: Io): Promise<ManifestFiles> {
  const files: ManifestFile[] = [];
  const problems: Problem[] = [];
  for (const name of new Set(names)) {
    const read = await (name === '-' ? readInput(io) : readNamed(name, io)).catch((thrown: unknown) =>
      unreadable(name, thrown instanceof Error ? thrown.message : String(thrown)),
    );
    if (Array.isArray(read)) files.push(...read);
    else problems.push(read);
  }
  return { files, problems };
}

async function readInput(io: Io): Promise<ManifestFile[] | Problem> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of io.input?.() ?? []) {
    size += chunk.length;
    if (size > largestFile) return unreadable('-', `it has more than ${largestFile} bytes`);
    chunks.push(chunk);
  }
  const text = textOf(concatenated(chunks, size));
  return text === undefined ? unreadable('-', 'it is not UTF-8 text') : [{ name: '-', text, found: false }];
}

async function readNamed(name: string, io: Io): Promise<ManifestFile[] | Problem> {
  const path = isAbsolute(name) ? name : resolve(io.cwd, name);
  const found = await lstat(path);
  if (!found.isDirectory()) return readOne(name, path, false);
  const within = await manifestsWithin(path, '', 0);
  if (within.length > mostFiles) return unreadable(name, `it holds more than ${mostFiles} files`);
  const files: ManifestFile[] = [];
  for (const each of within.toSorted()) {
    const read = await readOne(join(name, each), join(path, each), true);
    if (!Array.isArray(read)) return read;
    files.push(...read);
  }
  return files;
}

/** Links are not followed: they may lead out of the folder, or around in it. */
async function manifestsWithin(folder: string, below: string, depth: number): Promise<string[]> {
  if (depth > deepestFolder) return [];
  const names: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isFile() && /\.(ya?ml|json)$/i.test(entry.name)) names.push(path);
    else if (entry.isDirectory() && entry.name !== '.git' && entry.name !== 'node_modules')
      names.push(...(await manifestsWithin(folder, path, depth + 1)));
    if (names.length > mostFiles) break;
  }
  return names;
}

async function readOne(name: string, path: string, found: boolean): Promise<ManifestFile[] | Problem> {
  const handle = await open(path);
  try {
    const { size, isFile } = await handle.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    if (!isFile) return unreadable(name, 'it is neither a file nor a folder');
    if (size > largestFile) return unreadable(name, `it has ${size} bytes; at most ${largestFile} are read`);
    const text = textOf(await handle.readFile());
    return text === undefined ? unreadable(name, 'it is not UTF-8 text') : [{ name, text, found }];
  } finally {
    await handle.close();
  }
}

function concatenated(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function unreadable(name: string, why: string): Problem {
  return {
    code: 'NOT_FOUND',
    message: `${name === '-' ? 'standard input' : name} cannot be read: ${why}`,
    hint: 'Give files or folders of YAML or JSON manifests, or - for standard input.',
    place: { file: name },
  };
}
