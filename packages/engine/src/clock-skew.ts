import type { Registry } from '@image-factory/core/ports/registry.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { formatDuration, minute, second, type Duration } from '@image-factory/core/time.ts';

/** Further than this from the registries' clocks, nothing is decided (brief 4.2.6). */
const largestSkew = 5 * minute;
/** Dates in headers are whole seconds: below this the local clock is the better one. */
const notWorthIt = 2 * second;

/** The median of what the registries say, ahead of the local clock; 0 where none was asked. Throws CLOCK_SKEW. */
export function skewOf(registry: Registry): Duration {
  const skews = registry
    .takeClockReadings()
    .map(({ remote, local }) => remote - local)
    .toSorted((a, b) => a - b);
  const median = skews[Math.floor(skews.length / 2)];
  if (median === undefined) return 0;
  if (Math.abs(median) <= largestSkew) return Math.abs(median) < notWorthIt ? 0 : median;
  throw new FactoryError({
    code: 'CLOCK_SKEW',
    message: `the local clock is ${formatDuration(Math.abs(median))} ${median > 0 ? 'behind' : 'ahead of'} the registries' clocks; at most ${formatDuration(largestSkew)} is accepted`,
    hint: 'Set the clock of this machine (NTP). Nothing was written.',
    subject: { kind: 'factory' },
  });
}
