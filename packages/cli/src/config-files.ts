import { lstat, readdir, readFile, stat } from 'node:fs/promises';
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
  const names = (await namesIn(folder)).filter((name) => /\.ya?ml$/.test(name)).toSorted();
  const imagesDir = (await Promise.all(names.map((name) => readOptional(join(folder, name))))).flatMap(
    (file) => file ?? [],
  );
  const factory = await readOptional(join(dir, 'factory.yaml'));
  const { config, problems, warnings } = readConfig({ images, imagesDir, factory } satisfies ConfigFiles);
  return config ? { ok: true, value: config, warnings } : { ok: false, error: problems };
}

/** None where there is no such folder; one that cannot be listed must not look like one without files. */
async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    return refuse(
      folder,
      `${folder} cannot be listed: ${String(cause)}`,
      'Make it a folder that can be read, with YAML files in it.',
    );
  });
}

function refuse(path: string, message: string, hint: string): never {
  throw new FactoryError({ code: 'CONFIG_SYNTAX', message, hint, place: { file: path } });
}

async function readOptional(path: string): Promise<{ path: string; text: string } | undefined> {
  if (!(await lstat(path).catch(() => undefined))) return undefined;
  // Of a link, what it leads to counts: a device has no end.
  const found = await stat(path).catch(() =>
    refuse(path, `${path} is a link that leads nowhere`, 'Put a YAML file there.'),
  );
  if (!found.isFile()) refuse(path, `${path} is not a file`, 'Put a YAML file there.');
  if (found.size > largestFile)
    refuse(path, `${path} is larger than 32 MiB`, 'Split the enrolment into files of images.d.');
  const bytes = await readFile(path).catch((cause: unknown) =>
    refuse(path, `${path} cannot be read: ${String(cause)}`, 'Check its permissions.'),
  );
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return refuse(path, `${path} is not UTF-8 text`, 'Save the file as UTF-8.');
  }
}
