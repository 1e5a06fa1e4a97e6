import type { Duration, Instant } from '../time.ts';
import type { Publication } from './types.ts';

/** Publishing histories for scenarios. Digest names begin with `name`, so that several histories can share one tag. */

/** A new digest every `period`, from `from` on. */
export function steady(name: string, from: Instant, period: Duration, count: number): readonly Publication[] {
  return Array.from({ length: count }, (_, index) => ({
    at: from + index * period,
    digest: `${name}-${index + 1}`,
  }));
}

/** A bad push, and after `after` the push that mends it. */
export function fixedForward(name: string, at: Instant, after: Duration): readonly Publication[] {
  return [
    { at, digest: `${name}-bad` },
    { at: at + after, digest: `${name}-fixed` },
  ];
}

/** These digests in turn, `period` apart: `['a', 'b', 'a', 'b']`. */
export function sequence(
  digests: readonly string[],
  from: Instant,
  period: Duration,
): readonly Publication[] {
  return digests.map((digest, index) => ({ at: from + index * period, digest }));
}

/** One release whose platforms are pushed one after the other: the index changes with each of them. */
export function landingApart(
  name: string,
  before: Publication,
  platforms: readonly string[],
  from: Instant,
  period: Duration,
): readonly Publication[] {
  return platforms.map((_, index) => ({
    at: from + index * period,
    digest: `${name}-${index + 1}`,
    manifests: Object.fromEntries(
      platforms.map((platform, position) => [
        platform,
        position <= index
          ? `${name}/${platform}`
          : (before.manifests?.[platform] ?? `${before.digest}/${platform}`),
      ]),
    ),
  }));
}

/** A recorded history: the tag pointed at these digests from these times on, in whatever order they are given. */
export function recorded(
  list: readonly { readonly at: Instant; readonly digest: string }[],
): readonly Publication[] {
  return list
    .toSorted((a, b) => a.at - b.at)
    .filter(({ digest }, index, sorted) => index === 0 || sorted[index - 1]?.digest !== digest)
    .map(({ at, digest }) => ({ at, digest }));
}

/** Several histories of one tag as one. */
export function together(...histories: readonly (readonly Publication[])[]): readonly Publication[] {
  return histories.flat().toSorted((a, b) => a.at - b.at);
}
