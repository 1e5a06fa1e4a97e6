import type { Enrolment, ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { unknownName } from './names.ts';

/** The enrolment of this name. Throws NOT_FOUND, with the nearest name. */
export function enrolledAs(name: string, images: readonly Enrolment[]): Enrolment {
  const found = images.find((image) => image.name === name);
  if (found) return found;
  const names = images.map((image) => image.name);
  throw new FactoryError(unknownName(name, names));
}

/** One that is built here. Throws NOT_FOUND, and USAGE with this hint for an external image. */
export function managedAs(name: string, images: readonly Enrolment[], hint: string): ManagedEnrolment {
  const found = enrolledAs(name, images);
  if (found.kind === 'managed') return found;
  throw new FactoryError({
    code: 'USAGE',
    message: `${name} is an external image: others build it`,
    hint,
    subject: { kind: 'image', name },
  });
}
