import { nearest } from '@image-factory/core/nearest.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';

export function unknownName(name: string, known: readonly string[]): Problem {
  const near = nearest(name, known);
  return {
    code: 'NOT_FOUND',
    message: `nothing is called "${name}"`,
    hint: near ? `Did you mean ${near}?` : 'image-factory status lists what is enrolled.',
  };
}

/** Images and bases: what a person may name. */
export function namesIn({ images, bases }: FactoryState): readonly string[] {
  return [...images.keys(), ...bases.keys()];
}
