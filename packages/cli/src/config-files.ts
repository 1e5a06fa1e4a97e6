import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig, type ConfigFiles } from '@image-factory/core/enrolment/read-config.ts';
import type { FactoryConfig } from '@image-factory/core/enrolment/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { readConfigFile, refuseConfig } from './config-file.ts';

export type LoadedConfig =
  | { readonly ok: true; readonly value: FactoryConfig; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly error: readonly Problem[] };

/** Reads images.yaml, images.d/*.yaml and factory.yaml of a factory directory. */
export async function loadConfig(dir: string): Promise<LoadedConfig> {
  const images = await readConfigFile(join(dir, 'images.yaml'));
  const folder = join(dir, 'images.d');
  const names = (await namesIn(folder)).filter((name) => /\.ya?ml$/.test(name)).toSorted();
  const imagesDir = (await Promise.all(names.map((name) => readConfigFile(join(folder, name))))).flatMap(
    (file) => file ?? [],
  );
  const factory = await readConfigFile(join(dir, 'factory.yaml'));
  const { config, problems, warnings } = readConfig({ images, imagesDir, factory } satisfies ConfigFiles);
  if (config) return { ok: true, value: config, warnings };
  // Of files that are there the path says which folder is meant; of none at all only this can.
  const error = problems.map((problem) =>
    problem.code === 'CONFIG_MISSING' ? { ...problem, place: { file: join(dir, 'images.yaml') } } : problem,
  );
  return { ok: false, error };
}

/** None where there is no such folder; one that cannot be listed must not look like one without files. */
async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    return refuseConfig(
      folder,
      `${folder} cannot be listed: ${String(cause)}`,
      'Make it a folder that can be read, with YAML files in it.',
    );
  });
}
