import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';

/** Where the older tool keeps what is read; everything else in its repository is not ours to know. */
const places = [
  'images.yaml',
  'images',
  'base-images',
  'state/images',
  'state/base-images',
  'cdk8s/images.yaml',
  'cdk8s/cdk8s.yaml',
  'dist',
  'state/dist',
  'cdk8s/dist',
] as const;

const largestFile = 64 * 1024 * 1024;
const mostFiles = 50_000;
const deepest = 6;

/** The YAML files of an older factory directory, by path within it. Links are not followed. */
export async function readOlderFactory(folder: string): Promise<ReadonlyMap<string, string>> {
  const root = await lstat(folder).catch(() => undefined);
  if (!root?.isDirectory())
    refuse(`${folder} is no folder`, 'Name the factory directory of the older tool with --from.');
  const files = new Map<string, string>();
  for (const place of places) await readPlace(folder, join(folder, place), files, 0);
  return files;
}

async function readPlace(
  folder: string,
  path: string,
  files: Map<string, string>,
  depth: number,
): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    if (depth >= deepest) return;
    for (const name of (await readdir(path)).toSorted())
      await readPlace(folder, join(path, name), files, depth + 1);
    return;
  }
  if (!found?.isFile() || !/\.ya?ml$/.test(path)) return;
  if (found.size > largestFile)
    refuse(`${path} has more than 64 MiB`, 'No file of the older tool is so large: remove it.');
  if (files.size >= mostFiles)
    refuse(`${folder} holds more than ${mostFiles} files`, 'Is it the right folder?');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
    files.set(relative(folder, path).split(sep).join('/'), text);
  } catch {
    refuse(`${path} cannot be read as UTF-8 text`, 'Restore it from git, or remove it.');
  }
}

function refuse(message: string, hint: string): never {
  throw new FactoryError({ code: 'USAGE', message, hint });
}
