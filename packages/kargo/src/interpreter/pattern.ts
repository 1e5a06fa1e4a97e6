import { compileTagPattern } from '@image-factory/core/enrolment/tag-pattern.ts';
import { ExpressionError } from './expression-tokens.ts';

/** Does an RE2 expression match anywhere in the text? Only what RE2 and JavaScript read alike. */
export function matches(value: string, pattern: string): boolean {
  const known = compileTagPattern(pattern);
  if (!known.ok) throw new ExpressionError(`cannot match by ${pattern}: ${known.error}`);
  return known.value.matches(value);
}
