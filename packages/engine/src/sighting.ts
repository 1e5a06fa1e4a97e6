import type { Intent } from '@image-factory/core/state/types.ts';

/** Names one holder of one attempt: who takes it over starts a new time in which nobody else may. */
export function sightingOf({ image, key, attempt, createdAt, takenOverAt }: Intent): string {
  return `${image}/${key}/${attempt}/${takenOverAt ?? createdAt}`;
}
