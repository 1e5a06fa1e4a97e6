import type { Run } from '../ports/builder.ts';

/** As `buildKey` makes them: what else stands in brackets in the title of a run is no key. */
const keyForm = /^[0-9a-f]{32}$/;

/**
 * Does a run show that it is another build's? Ids are used again where a CI system moves. A run that does not show a key
 * is known by its id alone.
 */
export function isOtherBuild(seen: Run, { key, attempt }: Pick<Run, 'key' | 'attempt'>): boolean {
  return keyForm.test(seen.key) && (seen.key !== key || seen.attempt !== attempt);
}
