import { compare, parse } from 'semver';
import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { Digest } from '../reference/types.ts';
import type { ImageRecord } from '../state/types.ts';
import type { Instant } from '../time.ts';

export interface BuiltVersion {
  readonly version: string;
  readonly digest: Digest | undefined;
  readonly builtAt: Instant;
}

/**
 * The version of an image that its file should say: the highest that `version next` gave to a build which succeeded.
 * Pre-releases count only while there is no release.
 */
function builtVersion({ versions = [], rebuilds }: ImageRecord): BuiltVersion | undefined {
  let newest: BuiltVersion | undefined;
  for (const { version, key } of versions) {
    const built = rebuilds.findLast((each) => each.key === key && each.outcome === 'success');
    if (!built || !parse(version)) continue;
    if (newest && !isNewer(version, newest.version)) continue;
    newest = { version, digest: built.digest, builtAt: built.endedAt };
  }
  return newest;
}

function isNewer(version: string, than: string): boolean {
  const [own, other] = [version, than].map((each) => (parse(each)?.prerelease.length ?? 0) === 0);
  return own === other ? compare(version, than) > 0 : own === true;
}

/** What is to be written into the file of an image, as far as the state knows; undefined: nothing that is not there yet. */
export function versionToWrite(
  { versionFile }: ManagedEnrolment,
  record: ImageRecord,
): BuiltVersion | undefined {
  const built = versionFile && builtVersion(record);
  if (!built) return undefined;
  const known = record.versionFile;
  if (known?.path === versionFile.path && !isBehind(built.version, known.version)) return undefined;
  const { ended, digests } = record.versionRequest ?? {};
  // A person said no to just this.
  if (ended?.outcome === 'declined' && digests?.[versionFile.path] === built.version) return undefined;
  return built;
}

/** Is the file to be changed? Never to a lower version: a person may have gone ahead. */
export function isBehind(version: string, said: string): boolean {
  const there = parse(said);
  return !there || compare(version, there) > 0;
}
