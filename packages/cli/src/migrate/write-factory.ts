import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';

/**
 * Puts a whole factory directory in place by one rename: it is there with every file, or not at all. A folder that holds
 * anything is refused.
 */
export async function writeFactoryDirectory(
  target: string,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const there = await readdir(target).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw refused(`${target} is no folder`);
  });
  if (there.length > 0) throw refused(`${target} is not empty: it holds ${there[0] ?? ''}`);
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(join(draft, path)), { recursive: true });
      await writeFile(join(draft, path), text, { flag: 'wx' });
    }
    await chmod(draft, 0o755);
    await rename(draft, target).catch((cause: unknown) => {
      throw refused(`${target} was written to meanwhile: ${String(cause)}`);
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function refused(message: string): FactoryError {
  return new FactoryError({
    code: 'USAGE',
    message,
    hint: 'Nothing was written. Name a folder that is not there yet with --dir.',
  });
}
