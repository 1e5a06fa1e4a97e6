import { compare, parse, satisfies } from 'semver';
import type { Digest } from '../reference/types.ts';
import type { ImageRecord } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';

export interface BuiltVersion {
  readonly version: string;
  readonly digest: Digest;
  readonly builtAt: Instant;
}

/**
 * The newest version of one of our images that may take the place of a written one: given away by `version next` to a
 * build that succeeded, higher, in the caret range of what is written (semver: no breaking change), no pre-release, and
 * older than the delay. Undefined where the written tag is no whole version: no rule can tell what is newer.
 */
export function newestInRange(
  written: string,
  { versions = [], rebuilds }: ImageRecord,
  delay: Duration,
  now: Instant,
): BuiltVersion | undefined {
  const prefix = /^v(?=\d)/.test(written) ? 'v' : '';
  const from = parse(written.slice(prefix.length));
  if (!from || from.prerelease.length > 0 || from.build.length > 0) return undefined;
  let newest: BuiltVersion | undefined;
  for (const { version, key } of versions) {
    const built = rebuilds.findLast((each) => each.key === key && each.outcome === 'success');
    if (!built?.digest || built.endedAt + delay > now) continue;
    if (!satisfies(version, `^${from.version}`) || compare(version, from) <= 0) continue;
    if (newest && compare(version, newest.version.slice(prefix.length)) <= 0) continue;
    newest = { version: prefix + version, digest: built.digest, builtAt: built.endedAt };
  }
  return newest;
}
