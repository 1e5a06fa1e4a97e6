import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';

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
  files: ReadonlyMap<string, string>,
  header: string,
): Promise<FolderChanges> {
  const there = new Set(await readdir(folder).catch((cause: unknown) => noFolder(folder, cause)));
  const missing: string[] = [];
  const changed: string[] = [];
  for (const [name, text] of files) {
    if (!there.has(name)) missing.push(name);
    else if (
      (await readFile(join(folder, name), 'utf8').catch((cause: unknown) => unusable(folder, cause))) !== text
    )
      changed.push(name);
  }
  const stale: string[] = [];
  for (const name of [...there].toSorted()) {
    if (files.has(name) || !name.endsWith('.yaml')) continue;
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    if (text.startsWith(header)) stale.push(name);
  }
  return { missing: missing.toSorted(), changed: changed.toSorted(), stale };
}

/** Each file is there in full or not at all; those that are as they should be are not touched. */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, string>,
  { missing, changed, stale }: FolderChanges,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const name of [...missing, ...changed]) {
      const draft = join(folder, `.${name}.${process.pid}`);
      try {
        await writeFile(draft, files.get(name) ?? '');
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
