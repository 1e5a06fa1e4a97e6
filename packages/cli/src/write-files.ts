import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';

interface Written {
  readonly path: string;
  readonly change: 'new' | 'replaced' | 'same';
}

/**
 * Writes files below a folder, each whole or not at all. What is there and differs is refused before anything is written,
 * unless `force`. Links below the folder are not followed. Throws USAGE.
 */
export async function writeFiles(
  folder: string,
  files: readonly { readonly path: string; readonly text: string }[],
  force: boolean,
): Promise<readonly Written[]> {
  const planned = await Promise.all(
    files.map(async ({ path, text }) => {
      const file = join(folder, path);
      await refuseLinks(folder, file);
      const found = await readFile(file, 'utf8').catch((error: unknown) => {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
        if (code === 'ENOENT') return undefined;
        throw refused(`${file} cannot be read: ${code}`, 'Name another folder.');
      });
      const change = found === undefined ? 'new' : found === text ? 'same' : 'replaced';
      return { path: file, text, change } as const;
    }),
  );
  const differing = planned.filter(({ change }) => change === 'replaced').map(({ path }) => path);
  if (differing.length > 0 && !force)
    throw refused(
      `${differing.join(', ')} ${differing.length > 1 ? 'differ' : 'differs'} from what would be written`,
      'Nothing was written. --force replaces what is there.',
    );
  for (const { path, text, change } of planned) if (change !== 'same') await writeWhole(path, text);
  return planned.map(({ path, change }) => ({ path, change }));
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function refuseLinks(folder: string, file: string): Promise<void> {
  let path = folder;
  for (const part of relative(folder, file).split('/')) {
    path = join(path, part);
    const found = await lstat(path).catch(() => undefined);
    if (!found) return;
    if (found.isSymbolicLink()) throw refused(`${path} is a link`, 'Remove it, or name another folder.');
  }
}

function refused(message: string, hint: string): FactoryError {
  return new FactoryError({ code: 'USAGE', message, hint });
}
