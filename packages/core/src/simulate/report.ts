import type { Digest } from '../reference/types.ts';
import { day, hour, type Duration, type Instant } from '../time.ts';
import { adoptionsOf, Histories } from './adoption.ts';
import type { Recorder } from './recorder.ts';
import type { ImageSummary, Scenario, SimulationReport, SplitChange } from './types.ts';
import { baseNameOf } from './world.ts';

export function reportOf(scenario: Scenario, recorder: Recorder): SimulationReport {
  const adoptions = adoptionsOf(scenario, recorder, new Histories(scenario));
  const rebuilds = recorder.rebuilds.toSorted(
    (a, b) => a.startedAt - b.startedAt || (a.image < b.image ? -1 : 1),
  );
  const starts = rebuilds.map(({ startedAt }) => startedAt);
  const images = scenario.images.map(({ name }): ImageSummary => {
    const own = rebuilds.filter(({ image }) => image === name);
    const lags = adoptions.filter(({ image }) => image === name).map(({ lag }) => lag);
    return {
      image: name,
      succeeded: own.filter(({ outcome }) => outcome === 'success').length,
      failed: own.filter(({ outcome }) => outcome === 'failure' || outcome === 'base-drift').length,
      ...(lags.length > 0 ? { longestLag: lags.reduce((longest, lag) => Math.max(longest, lag)) } : {}),
    };
  });
  return {
    scenario: scenario.name,
    from: scenario.from,
    until: scenario.until,
    rebuilds,
    images,
    adoptions,
    downgrades: recorder.downgrades,
    splitChanges: splitChangesOf(scenario, recorder),
    peaks: {
      startsPerHour: mostWithin(starts, hour),
      startsPerDay: mostWithin(starts, day),
      running: recorder.mostRunning,
    },
    refused: recorder.refused,
    effort: { looks: recorder.looks, plans: recorder.plans },
    ...(recorder.timeline ? { timeline: recorder.timeline } : {}),
  };
}

/** The most instants of a sorted list that lie within any span of this length. */
function mostWithin(sorted: readonly Instant[], span: Duration): number {
  let most = 0;
  let first = 0;
  for (const [index, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= span) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

/**
 * Upstream digests by the way on which they came into an image: over its own uses, and over the parents that it
 * contained. A digest that comes in by a second way, while it is inside by another one, made two rebuilds of one change.
 */
function splitChangesOf(scenario: Scenario, recorder: Recorder): SplitChange[] {
  const insides = new Map<string, ReadonlyMap<string, Digest>>();
  const events = [...recorder.contents].flatMap(([image, list]) =>
    list.map((contents) => ({ image, ...contents })),
  );
  const parents = new Map(scenario.images.map(({ name }) => [baseNameOf({ image: name }), name]));
  const bases = new Map(
    scenario.images.map(({ name }) => [name, new Map<string, ReadonlyMap<string, Digest>>()]),
  );
  const splits: SplitChange[] = [];
  for (const { at, image, inside, digest } of events.toSorted((a, b) => a.at - b.at)) {
    const ways = new Map<string, Digest>();
    for (const [base, contained] of inside) {
      const parent = parents.get(base);
      if (parent === undefined) ways.set(base, contained);
      else
        for (const [way, upstream] of bases.get(parent)?.get(contained) ?? [])
          ways.set(`${parent} ${way}`, upstream);
    }
    const before = insides.get(image);
    if (before) {
      for (const [way, upstream] of ways) {
        const base = way.slice(way.lastIndexOf(' ') + 1);
        const isKnown = [...before].some(
          ([other, known]) => other !== way && other.endsWith(base) && known === upstream,
        );
        const isMoved = before.has(way) && before.get(way) !== upstream;
        if (isMoved && isKnown) splits.push({ image, base, digest: upstream, at });
      }
    }
    insides.set(image, ways);
    if (digest) bases.get(image)?.set(digest, ways);
  }
  return splits;
}
