import { compileTagPattern } from '../enrolment/tag-pattern.ts';
import type { SelectionStrategy } from '../enrolment/types.ts';

/** How an external image's tags are ranked. */
export interface Ranking {
  /** Negative: a is older than b. */
  readonly compare: (a: string, b: string) => number;
  /** Tags that the strategy cannot place are left out. */
  readonly ranks: (tag: string) => boolean;
}

/** Only these many of the highest are looked at, and the approved one (brief 4.2.5). */
export const watchedTags = 5;

export function rankingOf(strategy: SelectionStrategy, allowTags: string): Ranking {
  if (strategy !== 'SemVer') return { compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0), ranks: () => true };
  const suffix = fixedSuffix(allowTags);
  const numbers = new Map<string, VersionParts | undefined>();
  const read = (tag: string): VersionParts | undefined => {
    if (!numbers.has(tag))
      numbers.set(tag, readVersion(tag.endsWith(suffix) ? tag.slice(0, tag.length - suffix.length) : tag));
    return numbers.get(tag);
  };
  return {
    ranks: (tag) => read(tag) !== undefined,
    compare: (a, b) => {
      const left = read(a);
      const right = read(b);
      if (!left || !right) return left ? 1 : right ? -1 : 0;
      return compareVersions(left, right) || (a < b ? -1 : a > b ? 1 : 0);
    },
  };
}

/** The tags of a repository that the selection covers, highest first. */
export function selectTags(tags: readonly string[], allowTags: string, ranking: Ranking): readonly string[] {
  // Linear in the length of the tag: the expression is the user's, and the tags are the publisher's.
  const allowed = compileTagPattern(allowTags);
  if (!allowed.ok) return [];
  return tags
    .filter((tag) => allowed.value.matches(tag) && ranking.ranks(tag))
    .toSorted((a, b) => ranking.compare(b, a));
}

/** `^16[.0-9]*-alpine$` fixes `-alpine`: the literal end of the expression, from its first dash on. */
function fixedSuffix(allowTags: string): string {
  const match = /((?:\\[.\-+_]|[A-Za-z0-9_-])+)\$$/.exec(allowTags);
  const literal = match?.[1]?.replaceAll('\\', '') ?? '';
  const dash = literal.indexOf('-');
  return dash < 0 ? '' : literal.slice(dash);
}

interface VersionParts {
  readonly numbers: readonly number[];
  /** Empty for a release: it is above all of its pre-releases. */
  readonly pre: readonly (string | number)[];
}

/** `16`, `16.4`, `v1.2.3`, `1.2.3.4`, `1.2.3-rc.1`, `1.2.3+build`: semver, and what publishers write instead of it. */
function readVersion(tag: string): VersionParts | undefined {
  const match = /^v?(\d{1,15}(?:\.\d{1,15}){0,5})(?:-([0-9A-Za-z.-]+))?(?:[+_][0-9A-Za-z.-]+)?$/.exec(tag);
  if (!match?.[1]) return undefined;
  const pre =
    match[2] === undefined
      ? []
      : match[2].split('.').map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : part));
  return { numbers: match[1].split('.').map(Number), pre };
}

function compareVersions(a: VersionParts, b: VersionParts): number {
  for (let index = 0; index < Math.max(a.numbers.length, b.numbers.length); index++) {
    const difference = (a.numbers[index] ?? 0) - (b.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let index = 0; index < Math.max(a.pre.length, b.pre.length); index++) {
    const left = a.pre[index];
    const right = b.pre[index];
    if (left === right) continue;
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    if (typeof left === 'number' && typeof right === 'number') return left - right;
    if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
