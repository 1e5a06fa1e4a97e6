import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';

/** The inputs of a build in a checkout: real paths inside it. */
export interface BuildFiles {
  readonly dockerfile: string;
  readonly context: string;
  readonly text: string;
}

const largestDockerfile = 1024 * 1024;

/**
 * Finds Dockerfile and context; a link or `..` that leads out of the checkout is refused. `own`: a Dockerfile that was put
 * elsewhere on purpose.
 */
export async function findBuildFiles(checkout: string, source: Source, own?: string): Promise<BuildFiles> {
  const root = await realpath(checkout);
  const dockerfile = own ?? (await inside(root, source.dockerfile, 'DOCKERFILE_MISSING'));
  const context = await inside(root, source.context, 'NOT_FOUND');
  const found = await lstat(dockerfile);
  if (!found.isFile() || found.size > largestDockerfile) {
    throw problem(
      'DOCKERFILE_UNREADABLE',
      `${source.dockerfile} is not a regular file of at most ${largestDockerfile} bytes`,
    );
  }
  if (!(await stat(context)).isDirectory())
    throw problem('NOT_FOUND', `the build context ${source.context} is not a directory`);
  return { dockerfile, context, text: await readFile(dockerfile, 'utf8') };
}

/** The real path of an entry below root. */
async function inside(root: string, path: string, missing: ProblemCode): Promise<string> {
  const real = await realpath(join(root, path)).catch(() => undefined);
  if (real === undefined) throw problem(missing, `${path} does not exist in the checkout`);
  if (real !== root && !real.startsWith(root + sep))
    throw problem('CONFIG_PATH_ESCAPES', `${path} leads out of the repository`);
  return real;
}

function problem(code: ProblemCode, message: string): FactoryError {
  return new FactoryError({
    code,
    message,
    hint: 'Check source.dockerfile and source.context of the image.',
  });
}
