import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';

/** The text of a file in pieces, made anew whenever it is gone through: a large one is never in memory as a whole. */
export type Pieces = Iterable<string>;

/** Bytes that are written, and read to compare, at once. */
const blockSize = 1 << 18;

/** Names of files in which a folder differs from what is generated. */
export interface FolderChanges {
  readonly missing: readonly string[];
  readonly changed: readonly string[];
  /** Generated once, and not any more. */
  readonly stale: readonly string[];
}

/** Looks only at files that begin with the header: what people put beside them is theirs. */
export async function compareFolder(
  folder: string,
  files: ReadonlyMap<string, Pieces>,
  header: string,
): Promise<FolderChanges> {
  const there = new Set(await readdir(folder).catch((cause: unknown) => noFolder(folder, cause)));
  const missing: string[] = [];
  const changed: string[] = [];
  for (const [name, pieces] of files) {
    if (!there.has(name)) missing.push(name);
    else if (!(await holds(join(folder, name), pieces).catch((cause: unknown) => unusable(folder, cause))))
      changed.push(name);
  }
  const stale: string[] = [];
  for (const name of [...there].toSorted()) {
    if (files.has(name) || !name.endsWith('.yaml')) continue;
    if (await beginsWith(join(folder, name), header).catch(() => false)) stale.push(name);
  }
  return { missing: missing.toSorted(), changed: changed.toSorted(), stale };
}

/** Each file is there in full or not at all; those that are as they should be are not touched. */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Pieces>,
  { missing, changed, stale }: FolderChanges,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const name of [...missing, ...changed]) {
      const draft = join(folder, `.${name}.${process.pid}`);
      try {
        await writePieces(draft, files.get(name) ?? []);
        await rename(draft, join(folder, name));
      } finally {
        await rm(draft, { force: true });
      }
    }
    for (const name of stale) await rm(join(folder, name));
  } catch (cause) {
    unusable(folder, cause);
  }
}

function* blocksOf(pieces: Pieces): Generator<Buffer> {
  let waiting: string[] = [];
  let length = 0;
  for (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < blockSize) continue;
    yield Buffer.from(waiting.join(''));
    waiting = [];
    length = 0;
  }
  if (length > 0) yield Buffer.from(waiting.join(''));
}

function writePieces(path: string, pieces: Pieces): Promise<void> {
  return withFile(path, 'w', async (file) => {
    for (const block of blocksOf(pieces)) await file.writeFile(block);
  });
}

/** Whether a file consists of these pieces. Nothing is made of them after the first difference. */
function holds(path: string, pieces: Pieces): Promise<boolean> {
  return withFile(path, 'r', async (file) => {
    for (const block of blocksOf(pieces))
      if (!(await readBlock(file, block.length)).equals(block)) return false;
    return (await readBlock(file, 1)).length === 0;
  });
}

function beginsWith(path: string, text: string): Promise<boolean> {
  const wanted = Buffer.from(text);
  return withFile(path, 'r', async (file) => (await readBlock(file, wanted.length)).equals(wanted));
}

async function withFile<T>(path: string, mode: 'r' | 'w', use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, mode);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** The next bytes of a file, fewer only at its end. */
async function readBlock(file: FileHandle, length: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(block, filled, length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return block.subarray(0, filled);
}

function noFolder(folder: string, cause: unknown): string[] {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
  return unusable(folder, cause);
}

function unusable(folder: string, cause: unknown): never {
  throw new FactoryError(
    {
      code: 'USAGE',
      message: `the folder ${folder} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Name a folder that can be written, with --out.',
    },
    { cause },
  );
}
