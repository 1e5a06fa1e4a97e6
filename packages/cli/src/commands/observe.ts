import { FactoryError } from '@image-factory/core/problem.ts';
import type { Answer } from '../answer.ts';
import type { Flags } from '../flags.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { runOnce } from './run.ts';

/**
 * Somebody says that a tag moved: Kargo's Freight, or a registry's webhook. It is looked at, whenever it was asked last,
 * and what follows from it is decided. The look is what counts, not what the caller says that it would show.
 */
export async function observe(
  options: GlobalOptions,
  io: Io,
  _args: readonly string[],
  flags: Flags,
): Promise<Answer> {
  const { name } = flags;
  if (typeof name !== 'string' || name === '') {
    throw new FactoryError({
      code: 'USAGE',
      message: '--name is missing',
      hint: 'Name the base or external image that has news: --name node-22-bookworm-slim.',
    });
  }
  return runOnce(options, io, flags, { news: new Set([name]) });
}
