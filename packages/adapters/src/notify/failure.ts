import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import { oneLine } from './plain-text.ts';

/** What keeps a channel from being told; the cycle goes on, and the next one tells it. */
export function notTold(
  channel: string,
  message: string,
  hint: string,
  secrets: readonly string[] = [],
): FactoryError {
  let shown = message;
  for (const secret of secrets) if (secret !== '') shown = shown.replaceAll(secret, '***');
  return new FactoryError({
    code: 'NOTIFY_FAILED',
    message: `channel ${channel}: ${oneLine(shown, 400)}`,
    hint,
    subject: { kind: 'factory' },
  });
}

/** The same for whatever was thrown on the way. */
export function asNotTold(channel: string, thrown: unknown, secrets: readonly string[] = []): FactoryError {
  const problem = problemOf(thrown);
  if (problem.code === 'NOTIFY_FAILED' && thrown instanceof FactoryError) return thrown;
  return notTold(channel, problem.message, problem.hint, secrets);
}
