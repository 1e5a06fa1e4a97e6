import type { ProblemCode } from '@image-factory/core/problem-codes.ts';

/** What a provider says instead of creating a run. To be asked to slow down is no failure of the image. */
export const refusals: Readonly<Partial<Record<ProblemCode, 'failure' | 'cancelled'>>> = {
  CI_REFUSED: 'failure',
  CI_DENIED: 'failure',
  CREDENTIALS: 'failure',
  CI_THROTTLED: 'cancelled',
};
