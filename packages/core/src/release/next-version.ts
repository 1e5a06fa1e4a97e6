import { compare, inc, parse, type SemVer } from 'semver';
import { err, ok, type Result } from '../result.ts';
import type { ImageRecord, VersionAllocation } from '../state/types.ts';
import type { Instant } from '../time.ts';

export type Bump = 'patch' | 'minor' | 'major';

export interface VersionRequest {
  readonly bump: Bump;
  /** A pre-release of the next version: `beta` makes `1.3.0-beta.1`, then `1.3.0-beta.2`. */
  readonly channel?: string;
  /** Asked twice with the same key, the answer is the same; usually the build key. Undefined: every call is a new build. */
  readonly key?: string;
  readonly now: Instant;
}

export interface Allocated {
  readonly version: string;
  /** False: this key has it already. */
  readonly fresh: boolean;
  readonly record: ImageRecord;
}

/** The first version of an image that has none. */
const firstVersion = '0.1.0';
/** So many are remembered; a key that comes back later than that gets a version anew. */
const keptAllocations = 100;

/**
 * The next version of an image: above every release among its tags and above every one that was given away, whether it was
 * pushed or not, so that builds which run at once never get the same one (semver 2.0.0, sections 9 to 11).
 */
export function nextVersion(
  record: ImageRecord,
  tags: readonly string[],
  { bump, channel, key, now }: VersionRequest,
): Result<Allocated, string> {
  if (channel !== undefined && !/^(?!\d+$)[0-9A-Za-z-]{1,40}$/.test(channel))
    return err(`channel "${channel.slice(0, 60)}" must be 1 to 40 letters, digits and dashes, and no number`);
  const given = record.versions ?? [];
  const own = key === undefined ? undefined : given.find((each) => each.key === key);
  if (own) return ok({ version: own.version, fresh: false, record });
  const known = [...tags, ...given.map(({ version }) => version)].flatMap(versionOf);
  const version = channel === undefined ? release(known, bump) : preRelease(known, bump, channel);
  const allocation: VersionAllocation = { version, at: now, ...(key === undefined ? {} : { key }) };
  return ok({
    version,
    fresh: true,
    record: { ...record, versions: kept([...given, allocation]) },
  });
}

/** Pre-releases of a later version are no reason to skip: 1.2.4 may follow while 2.0.0-beta.1 is tried out. */
function release(known: readonly SemVer[], bump: Bump): string {
  const highest = highestOf(known.filter(isRelease));
  if (highest) return inc(highest.version, bump) ?? firstVersion;
  // Only pre-releases so far: the version that they lead to.
  const promised = highestOf(known);
  return (promised && inc(promised.version, 'patch')) ?? firstVersion;
}

function preRelease(known: readonly SemVer[], bump: Bump, channel: string): string {
  const core = release(known, bump);
  const numbers = known
    .filter(({ major, minor, patch }) => `${major}.${minor}.${patch}` === core)
    .flatMap(({ prerelease: [word, number] }) =>
      word === channel && typeof number === 'number' ? [number] : [],
    );
  return `${core}-${channel}.${Math.max(0, ...numbers) + 1}`;
}

function isRelease({ prerelease }: SemVer): boolean {
  return prerelease.length === 0;
}

function highestOf(versions: readonly SemVer[]): SemVer | undefined {
  let highest: SemVer | undefined;
  for (const version of versions) if (!highest || compare(version, highest) > 0) highest = version;
  return highest;
}

/** Whole versions only: `1` and `1.2` are tags that move. */
function versionOf(tag: string): readonly SemVer[] {
  const version = tag.length > 128 ? null : parse(tag.replace(/^v(?=\d)/, ''));
  return version ? [version] : [];
}

/** The highest ones stay whatever their age: what was given away is never given away again. */
function kept(allocations: readonly VersionAllocation[]): readonly VersionAllocation[] {
  if (allocations.length <= keptAllocations) return allocations;
  const versions = allocations.flatMap(({ version }) => versionOf(version));
  const highest = new Set(
    [highestOf(versions), highestOf(versions.filter(isRelease))].map((version) => version?.version),
  );
  const surplus = allocations.length - keptAllocations;
  return allocations.filter(({ version }, index) => index >= surplus || highest.has(version));
}
