import { existsSync } from 'node:fs';
import { lstat, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '@image-factory/core/problem.ts';

/** A larger configuration file is a mistake or an attack. */
const largestFile = 32 * 1024 * 1024;

/** One file of the configuration; undefined where there is none. */
export async function readConfigFile(path: string): Promise<{ path: string; text: string } | undefined> {
  if (!(await lstat(path).catch(() => undefined))) return undefined;
  // Of a link, what it leads to counts: a device has no end.
  const found = await stat(path).catch(() =>
    refuseConfig(path, `${path} is a link that leads nowhere`, 'Put a YAML file there.'),
  );
  if (!found.isFile()) refuseConfig(path, `${path} is not a file`, 'Put a YAML file there.');
  if (found.size > largestFile)
    refuseConfig(path, `${path} is larger than 32 MiB`, 'Split the enrolment into files of images.d.');
  const bytes = await readFile(path).catch((cause: unknown) =>
    refuseConfig(path, `${path} cannot be read: ${String(cause)}`, 'Check its permissions.'),
  );
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return refuseConfig(path, `${path} is not UTF-8 text`, 'Save the file as UTF-8.');
  }
}

export function refuseConfig(path: string, message: string, hint: string): never {
  throw new FactoryError({ code: 'CONFIG_SYNTAX', message, hint, place: { file: path } });
}

/** Refuses to go on in a folder that is no factory directory. */
export function requireFactoryDirectory(dir: string): void {
  if (existsSync(join(dir, 'images.yaml')) || existsSync(join(dir, 'images.d'))) return;
  throw new FactoryError({
    code: 'CONFIG_MISSING',
    message: `${dir} holds no images.yaml`,
    hint: 'Run image-factory init, or name the factory directory with --dir.',
  });
}
