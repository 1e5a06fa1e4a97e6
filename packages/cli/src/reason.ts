import { FactoryError } from '@image-factory/core/problem.ts';
import type { Flags } from './flags.ts';

/** A person's reason is kept for good, so it has to say something. */
export function reasonOf(flags: Flags): string {
  const reason = typeof flags['reason'] === 'string' ? flags['reason'].trim() : '';
  if (reason !== '') return reason;
  throw new FactoryError({
    code: 'USAGE',
    message: '--reason is empty',
    hint: 'Say why: it is recorded, and explain shows it.',
  });
}
