import { compileTagPattern } from '@image-factory/core/enrolment/tag-pattern.ts';
import { ExpressionError } from './expression-tokens.ts';

/** Stages ask for the same few patterns whenever something happens. */
const compiled = new Map<string, ReturnType<typeof compileTagPattern>>();

/** Does an RE2 expression match anywhere in the text? Only what RE2 and JavaScript read alike. */
export function matches(value: string, pattern: string): boolean {
  const known = compiled.get(pattern) ?? compileTagPattern(pattern);
  compiled.set(pattern, known);
  if (!known.ok) throw new ExpressionError(`cannot match by ${pattern}: ${known.error}`);
  return known.value.matches(value);
}
