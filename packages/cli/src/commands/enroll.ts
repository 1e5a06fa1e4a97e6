import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addEnrolment } from '@image-factory/core/enrolment/add-enrolment.ts';
import { readConfig } from '@image-factory/core/enrolment/read-config.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import { ProblemsError } from '../problems-error.ts';
import { requireFactoryDirectory } from '../config-file.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';

/** Adds an entry to images.yaml, keeping its comments; what would be invalid is refused and not written. */
export async function enroll(
  options: GlobalOptions,
  _io: Io,
  args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  requireFactoryDirectory(options.dir);
  const path = join(options.dir, 'images.yaml');
  const before = existsSync(path) ? await readFile(path, 'utf8') : '';
  const entry = entryOf(args[0] ?? '', flags);
  const added = addEnrolment(before, entry);
  if (!added.ok) throw new FactoryError(added.error);
  const { problems } = readConfig({ images: { path, text: added.value }, imagesDir: [] });
  if (problems.length > 0) throw new ProblemsError(problems);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, added.value);
  await rename(draft, path);
  return {
    value: { enrolled: entry },
    text: () => `${String(entry['name'])} is enrolled in ${path}\nNext: image-factory plan\n`,
  };
}

function entryOf(name: string, flags: Flags): Record<string, unknown> {
  const repository = flags['repository'];
  const repo = flags['repo'];
  if (repository === undefined) {
    throw new FactoryError({
      code: 'USAGE',
      message: '--repository is missing',
      hint: 'Say where the image is pushed to or pulled from: --repository ghcr.io/acme/backstage.',
    });
  }
  if (repo === undefined && flags['allowTags'] === undefined) {
    throw new FactoryError({
      code: 'USAGE',
      message: 'neither --repo nor --allow-tags is given',
      hint: 'An image that you build needs --repo; one that others build needs --allow-tags.',
    });
  }
  const source = compact({
    provider: flags['provider'],
    repo,
    branch: flags['branch'],
    dockerfile: flags['dockerfile'] ?? (repo === undefined ? undefined : 'Dockerfile'),
    context: flags['context'],
  });
  return compact({
    name,
    repository,
    tags: flags['tags'],
    source: repo === undefined ? undefined : source,
    allowTags: flags['allowTags'],
    imageSelectionStrategy: flags['strategy'],
    rebuildDelay: flags['delay'],
  });
}

function compact(entry: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
}
