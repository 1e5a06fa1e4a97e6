import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig, type ConfigFiles } from '@image-factory/core/enrolment/read-config.ts';
import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';

/** A larger configuration file is a mistake or an attack. */
const largestFile = 32 * 1024 * 1024;

export type LoadedConfig =
  | { readonly ok: true; readonly value: FactoryConfig; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly error: readonly Problem[] };

/** Reads images.yaml, images.d/*.yaml and factory.yaml of a factory directory. */
export async function loadConfig(dir: string): Promise<LoadedConfig> {
  const images = await readOptional(join(dir, 'images.yaml'));
  const folder = join(dir, 'images.d');
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).toSorted();
  const imagesDir = (await Promise.all(names.map((name) => readOptional(join(folder, name))))).flatMap((file) => file ?? []);
  const factory = await readOptional(join(dir, 'factory.yaml'));
  const { config, problems, warnings } = readConfig({ images, imagesDir, factory } satisfies ConfigFiles);
  return config ? { ok: true, value: config, warnings } : { ok: false, error: problems };
}

async function readOptional(path: string): Promise<{ path: string; text: string } | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return undefined;
  const refuse = (message: string, hint: string): never => {
    throw new FactoryError({ code: 'CONFIG_SYNTAX', message, hint, place: { file: path } });
  };
  if (!found.isFile() && !found.isSymbolicLink()) refuse(`${path} is not a file`, 'Put a YAML file there.');
  if (found.size > largestFile) refuse(`${path} is larger than 32 MiB`, 'Split the enrolment into files of images.d.');
  const bytes = await readFile(path).catch((cause: unknown) => refuse(`${path} cannot be read: ${String(cause)}`, 'Check its permissions.'));
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return refuse(`${path} is not UTF-8 text`, 'Save the file as UTF-8.');
  }
}
