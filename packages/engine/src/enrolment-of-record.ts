import { readConfig } from '@image-factory/core/enrolment/read-config.ts';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ImageRecord } from '@image-factory/core/state/types.ts';

/**
 * The enrolment of an image that is enrolled no more, read from the copy of its entry in the state: its open run is
 * still to be followed. Undefined where the copy does not say enough, as of an entry that relied on defaults.
 */
export function enrolmentOfRecord({ name, enrollment }: ImageRecord): ManagedEnrolment | undefined {
  const text = JSON.stringify([{ ...enrollment, name }]);
  const { config } = readConfig({ images: { path: 'images.yaml', text }, imagesDir: [] });
  const read = config?.images[0];
  return read?.kind === 'managed' ? read : undefined;
}
