import { describe, expect, it } from 'vitest';
import { day, hour, minute, type Instant } from '../time.ts';
import { fixedForward, landingApart, recorded, sequence, steady, together } from './history.ts';
import { simulate } from './simulate.ts';
import type { Publication, Scenario, SimulatedImage, SimulationReport } from './types.ts';
import { digestOf } from './world.ts';

const start = Date.UTC(2026, 0, 1);
const node = 'docker.io/library/node:22';
const alpine = 'docker.io/library/alpine:3';
const golang = 'docker.io/library/golang:1';

function on(days: number): Instant {
  return start + Math.round(days * day);
}

function history(...rest: (readonly Publication[])[]): readonly Publication[] {
  return together([{ at: on(-30), digest: 'old' }], ...rest);
}

const app: SimulatedImage = { name: 'app', uses: [{ base: node }], exists: true };

function run(published: readonly Publication[], more: Partial<Scenario> = {}): SimulationReport {
  return simulate({
    name: 'test',
    from: start,
    until: on(60),
    poll: hour,
    bases: [{ reference: node, published }],
    images: [app],
    ...more,
  });
}

/** Names of the digests of `node` that were built in, in order. */
function adopted({ rebuilds }: SimulationReport, names: readonly string[], image = 'app'): string[] {
  const known = new Map(names.map((name) => [digestOf(name) as string, name]));
  return rebuilds
    .filter((rebuild) => rebuild.image === image && rebuild.outcome === 'success')
    .map(({ pins }) => pins.map(({ digest }) => known.get(digest) ?? '?').join('+'));
}

function startsOf({ rebuilds }: SimulationReport, image: string): number[] {
  return rebuilds
    .filter((rebuild) => rebuild.image === image)
    .map(({ startedAt }) => (startedAt - start) / day);
}

describe('one base', () => {
  it('is adopted a delay, a slot and nothing more after it was published', () => {
    const report = run(history([{ at: on(10), digest: 'new' }]));
    expect(adopted(report, ['new'])).toEqual(['new']);
    expect(report.adoptions).toHaveLength(1);
    const lag = report.adoptions[0]?.lag ?? 0;
    expect(lag).toBeGreaterThanOrEqual(7 * day);
    expect(lag).toBeLessThanOrEqual(8 * day + 2 * hour);
  });

  it('is pushed weekly for a year: every release is adopted, by one rebuild each', () => {
    const report = run(history(steady('weekly', on(3), 7 * day, 52)), { until: on(400) });
    expect(
      adopted(
        report,
        Array.from({ length: 52 }, (_, index) => `weekly-${index + 1}`),
      ),
    ).toEqual(Array.from({ length: 52 }, (_, index) => `weekly-${index + 1}`));
    expect(report.images).toMatchObject([{ succeeded: 52, failed: 0 }]);
  });

  it('is pushed hourly for sixty days: adopted after twice the delay, then once a day at most', () => {
    const report = run(history(steady('h', on(1), hour, 60 * 24)), { until: on(90), poll: hour });
    const starts = startsOf(report, 'app');
    expect(starts[0]).toBeGreaterThan(1 + 14);
    expect(starts[0]).toBeLessThan(1 + 14 + 2.1);
    for (const [index, at] of starts.entries())
      if (index > 0) expect(at - (starts[index - 1] ?? 0)).toBeGreaterThan(0.99);
    expect(report.images[0]?.longestLag).toBeLessThan(17.2 * day);
    expect(report.adoptions.every(({ adoptedAt }) => adoptedAt !== undefined)).toBe(true);
    expect(report.downgrades).toEqual([]);
  });

  it('has a bad push fixed forward: the bad one is never built, polled often or once a day', () => {
    for (const poll of [5 * minute, hour, day]) {
      for (const after of [40 * minute, 5 * hour]) {
        const report = run(history(fixedForward('x', on(10.3), after)), { poll });
        expect(adopted(report, ['x-bad', 'x-fixed'])).toEqual(['x-fixed']);
      }
    }
  });

  it('moves right after it and an image of unknown content were seen first: adopted, not left for the next push', () => {
    const squashed: SimulatedImage = { ...app, squashed: true };
    const report = run(history([{ at: start + 10 * minute, digest: 'new' }]), {
      poll: day,
      images: [squashed],
    });
    expect(adopted(report, ['new'])).toEqual(['new']);
    expect(report.rebuilds).toMatchObject([{ reason: 'evidence-unknown', outcome: 'success' }]);
  });

  it('goes from A to B and back: B is left at once, and never built again by itself', () => {
    const report = run(history([{ at: on(5), digest: 'b' }], [{ at: on(20), digest: 'old' }]));
    expect(adopted(report, ['old', 'b'])).toEqual(['b', 'old']);
    expect(startsOf(report, 'app')[1]).toBeCloseTo(20 + 0.5 / 24, 1);
    expect(report.rebuilds.map(({ reason }) => reason)).toEqual(['newer-base', 'contains-withdrawn']);
    expect(report.downgrades).toEqual([]);
  });

  it('goes back before B has matured: B is never built', () => {
    expect(run(history([{ at: on(5), digest: 'b' }], [{ at: on(8), digest: 'old' }])).rebuilds).toEqual([]);
  });

  it('goes from A to B to A, and B returns: it waits again, and every build has a key of its own', () => {
    const report = run(history(sequence(['b', 'old', 'b', 'old', 'b'], on(5), 12 * day)), { until: on(120) });
    expect(adopted(report, ['old', 'b'])).toEqual(['b', 'old', 'b', 'old', 'b']);
    const starts = startsOf(report, 'app');
    expect((starts[2] ?? 0) - (5 + 24)).toBeGreaterThanOrEqual(7);
    expect(new Set(report.rebuilds.map(({ key }) => key)).size).toBe(5);
    expect(report.rebuilds.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(report.refused).toEqual([]);
  });

  it('flaps between A and B every two hours: nothing is built that did not prove itself', () => {
    const flap = sequence(
      Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 'b' : 'old')),
      on(5),
      2 * hour,
    );
    const report = run(history(flap), { poll: 30 * minute });
    expect(report.rebuilds).toEqual([]);
  });

  it('is replayed from a record, in whatever order it is given', () => {
    const list = [
      { at: on(20), digest: 'second' },
      { at: on(10), digest: 'first' },
      { at: on(25), digest: 'second' },
    ];
    expect(adopted(run(history(recorded(list))), ['first', 'second'])).toEqual(['first', 'second']);
    expect(recorded(list)).toHaveLength(2);
  });
});

describe('platforms', () => {
  const platforms = ['linux/amd64', 'linux/arm64'];
  const before = { at: on(-30), digest: 'old' };
  const apart = landingApart('release', before, platforms, on(10), 2 * hour);
  const bases = [{ reference: node, platforms, published: [before, ...apart] }];

  it('that land apart make one rebuild of an image that builds both', () => {
    const report = run([], { bases, images: [{ ...app, platforms }] });
    expect(adopted(report, ['release-1', 'release-2'])).toEqual(['release-2']);
  });

  it('make one rebuild of an image that builds the first alone, on the manifest that it has had longer', () => {
    const report = run([], { bases });
    expect(adopted(report, ['release-1', 'release-2'])).toEqual(['release-2']);
    expect(report.images[0]?.longestLag).toBeLessThan(8 * day + 2 * hour);
  });

  it('that an image does not build make no rebuild, and neither do attestations', () => {
    const armOnly = {
      at: on(20),
      digest: 'arm',
      manifests: { 'linux/amd64': 'old/linux/amd64', 'linux/arm64': 'new' },
    };
    const attested = { at: on(30), digest: 'attested', manifests: armOnly.manifests };
    const report = run([], {
      bases: [{ reference: node, platforms, published: [before, armOnly, attested] }],
    });
    expect(report.rebuilds).toEqual([]);
    const both = run([], {
      bases: [{ reference: node, platforms, published: [before, armOnly, attested] }],
      images: [{ ...app, platforms }],
    });
    expect(both.rebuilds).toHaveLength(1);
  });

  it('that are missing hold the update back', () => {
    const amdOnly = { at: on(20), digest: 'amd', manifests: { 'linux/amd64': 'amd' } };
    const list = [{ reference: node, platforms, published: [before, amdOnly] }];
    expect(run([], { bases: list, images: [{ ...app, platforms }] }).rebuilds).toEqual([]);
    expect(run([], { bases: list }).rebuilds).toHaveLength(1);
  });
});

describe('several bases', () => {
  it('that move hours apart make one rebuild', () => {
    const uses = [{ base: node }, { base: alpine, copied: true }, { base: golang, copied: true }];
    const names = Array.from({ length: 12 }, (_, index) => `image-${index}`);
    const bases = [node, alpine, golang].map((reference, index) => ({
      reference,
      published: [
        { at: on(-30), digest: `old ${index}` },
        { at: on(10 + index * 0.2), digest: `new ${index}` },
      ],
    }));
    const images = [
      { name: 'all', uses: [] },
      ...names.map((name) => ({ name, uses, exists: false })),
    ] as const satisfies readonly SimulatedImage[];
    const report = run([], { bases, images, until: on(40) });
    for (const name of names) expect(startsOf(report, name), name).toHaveLength(2);
    for (const { pins } of report.rebuilds.filter(({ startedAt }) => startedAt > on(1))) {
      expect(pins.map(({ digest }) => digest)).toEqual([0, 1, 2].map((index) => digestOf(`new ${index}`)));
    }
  });
});

/** A chain and a diamond: top, left and right on it, bottom on both. */
const diamond: readonly SimulatedImage[] = [
  { name: 'top', uses: [{ base: node }], exists: true },
  { name: 'left', uses: [{ image: 'top' }], exists: true },
  { name: 'right', uses: [{ image: 'top' }, { base: node, copied: true }], exists: true },
  { name: 'bottom', uses: [{ image: 'left' }, { image: 'right', copied: true }], exists: true },
];

describe('a diamond', () => {
  it('is rebuilt once each, parents first', () => {
    const report = run(history([{ at: on(10), digest: 'new' }]), { images: diamond });
    expect(report.rebuilds.map(({ image }) => image)).toEqual([
      'top',
      ...report.rebuilds.slice(1, 3).map(({ image }) => image),
      'bottom',
    ]);
    expect(report.rebuilds).toHaveLength(4);
    expect(report.splitChanges).toEqual([]);
    for (const [index, { startedAt }] of report.rebuilds.entries()) {
      const { endedAt = 0 } = report.rebuilds[index - 1] ?? {};
      if (index !== 2) expect(startedAt).toBeGreaterThanOrEqual(endedAt);
    }
  });

  it('stops at content that is equal: the same layers under another digest rebuild nothing', () => {
    const same = { at: on(10), digest: 'old, pushed again', layers: 'old/linux/amd64' };
    expect(run(history([same]), { images: diamond }).rebuilds).toEqual([]);
  });

  it('stops below a top that comes out equal', () => {
    const images = diamond.map((image) => (image.name === 'top' ? { ...image, reproducible: true } : image));
    const requests = [{ at: on(10), image: 'top', by: 'kim', reason: 'try', skipDelay: false }];
    expect(run(history(), { images, requests }).rebuilds.map(({ image }) => image)).toEqual(['top']);
    expect(run(history(), { images: diamond, requests }).rebuilds.map(({ image }) => image)).toHaveLength(4);
  });

  it('goes round a failing parent: the other side and the bottom go on', () => {
    const report = run(history([{ at: on(10), digest: 'new' }]), {
      images: diamond.map((image) =>
        image.name === 'bottom' ? { ...image, uses: [...image.uses, { base: node, copied: true }] } : image,
      ),
      outcomes: [{ image: 'left', outcome: 'failure' }],
    });
    const ended = report.rebuilds.map(({ image, outcome, attempt }) => `${image} ${outcome} ${attempt}`);
    expect(ended.filter((line) => line.startsWith('left'))).toEqual([
      'left failure 1',
      'left failure 2',
      'left failure 3',
    ]);
    expect(new Set(report.rebuilds.filter(({ image }) => image === 'left').map(({ key }) => key)).size).toBe(
      1,
    );
    expect(ended).toContain('right success 1');
    expect(ended).toContain('bottom success 1');
  });

  it('tries a failed build again when a new candidate comes', () => {
    const report = run(
      history([
        { at: on(10), digest: 'new' },
        { at: on(30), digest: 'newer' },
      ]),
      {
        outcomes: [{ digest: 'new', outcome: 'failure' }],
      },
    );
    expect(report.rebuilds.map(({ outcome }) => outcome)).toEqual([
      'failure',
      'failure',
      'failure',
      'success',
    ]);
  });

  it('stops at drift, without another attempt', () => {
    const report = run(
      history([
        { at: on(10), digest: 'new' },
        { at: on(30), digest: 'newer' },
      ]),
      {
        outcomes: [{ digest: 'new', outcome: 'base-drift' }],
      },
    );
    expect(report.rebuilds.map(({ outcome, attempt }) => `${outcome} ${attempt}`)).toEqual(['base-drift 1']);
  });

  it.each(['cancelled', 'superseded'] as const)('goes on after %s runs', (outcome) => {
    const report = run(history([{ at: on(10), digest: 'new' }]), {
      outcomes: [
        { until: on(17.5), outcome },
        { until: on(17.5), outcome },
      ],
    });
    expect(report.rebuilds.at(-1)?.outcome).toBe('success');
    expect(report.rebuilds.filter(({ outcome: each }) => each === outcome).length).toBeLessThanOrEqual(4);
  });
});

describe('an emergency', () => {
  const published = history([{ at: on(10), digest: 'fixed' }]);
  const flaw = { base: node, id: 'CVE-2026-1', fixedIn: 'fixed', knownAt: on(10.2) };

  it('skips the delay as soon as the CVE is proved', () => {
    const report = run(published, { flaws: [flaw] });
    expect(report.rebuilds).toMatchObject([{ reason: 'emergency-cve', emergency: true, young: ['node-22'] }]);
    expect(startsOf(report, 'app')[0]).toBeCloseTo(10.2, 5);
  });

  it('waits for the window after the digest has settled when the CVE was known before', () => {
    const report = run(published, { flaws: [{ ...flaw, knownAt: on(1) }] });
    expect(startsOf(report, 'app')[0]).toBeCloseTo(10 + 1 / 24, 5);
  });

  it('stops before a hold until it ends', () => {
    const hold = { reason: 'migration', since: 0, until: on(12) };
    expect(startsOf(run(published, { flaws: [flaw], images: [{ ...app, hold }] }), 'app')).toEqual([12]);
    const holds = [{ ...hold, digest: digestOf('fixed') }];
    expect(
      startsOf(run([], { flaws: [flaw], bases: [{ reference: node, published, holds }] }), 'app'),
    ).toEqual([12]);
  });
});

describe('enrolment', () => {
  it('builds what was never built, parents first, and nothing else', () => {
    const images = diamond.map((image) => (image.name === 'bottom' ? { ...image, exists: false } : image));
    const report = run(history(), { images });
    expect(report.rebuilds.map(({ image, reason }) => `${image} ${reason}`)).toEqual(['bottom never-built']);
    const fresh = run(history(), { images: diamond.map((image) => ({ ...image, exists: false })) });
    expect(fresh.rebuilds.map(({ image }) => image)).toEqual(['top', 'left', 'right', 'bottom']);
  });

  it('keeps to the limits', () => {
    const images = Array.from({ length: 120 }, (_, index) => ({ name: `i${index}`, uses: [{ base: node }] }));
    const report = run(history(), { images, settings: { limits: { concurrent: 4 } } });
    expect(report.rebuilds).toHaveLength(120);
    expect(report.peaks).toMatchObject({ running: 4 });
  });
});

describe('the report', () => {
  const scenario: Scenario = {
    name: 'same',
    from: start,
    until: on(60),
    poll: hour,
    bases: [{ reference: node, published: history(steady('n', on(3), 5 * day, 8)) }],
    images: diamond,
    outcomes: [{ image: 'left', until: on(12), outcome: 'failure' }],
  };

  it('is the same to the byte for the same scenario, and plain data', () => {
    const report = simulate(scenario, { timeline: true });
    expect(
      JSON.stringify(simulate(JSON.parse(JSON.stringify(scenario)) as Scenario, { timeline: true })),
    ).toBe(JSON.stringify(report));
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('tells what each image was told, when that changed, only if asked', () => {
    expect(simulate(scenario)).not.toHaveProperty('timeline');
    const { timeline = [] } = simulate(scenario, { timeline: true });
    const top = timeline.filter(({ image }) => image === 'top').map(({ action }) => action);
    expect(top.slice(0, 2)).toEqual(['none', 'none']);
    expect(top.filter((action, index) => action !== top[index - 1]).slice(0, 4)).toEqual([
      'none',
      'wait',
      'start',
      'none',
    ]);
  });

  it('names a base that is missing', () => {
    expect(() => simulate({ ...scenario, bases: [] })).toThrow('node-22');
  });

  it('runs four years of weekly pushes to a diamond in seconds', () => {
    const report = simulate({
      ...scenario,
      until: on(1460),
      bases: [{ reference: node, published: history(steady('n', on(3), 7 * day, 200)) }],
      outcomes: [],
      poll: 5 * minute,
    });
    expect(report.images.map(({ succeeded }) => succeeded)).toEqual([200, 200, 200, 200]);
  });
});
