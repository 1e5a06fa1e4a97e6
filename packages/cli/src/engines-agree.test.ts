import { day, hour, minute } from '@image-factory/core/time.ts';
import { steady } from '@image-factory/core/simulate/history.ts';
import { dispatchable } from '@image-factory/engine/testing-kargo.ts';
import { describe, expect, it } from 'vitest';
import { DrivenFactory, type Adopted, type Engine, type Timeline } from './testing/test-agreement.ts';

const debian = 'docker.io/library/debian:12';
const node = 'docker.io/library/node:22';
const alpine = 'docker.io/library/alpine:3';
const days = 60;

const app: Pick<Timeline, 'images' | 'dockerfiles'> = {
  images: [dispatchable('app')],
  dockerfiles: { app: 'FROM debian:12\n' },
};

function moves(tag: string, ...list: readonly (readonly [number, string])[]): Timeline['pushes'] {
  return list.map(([at, layer]) => ({ at, tag, layer }));
}

const timelines: Readonly<Record<string, Timeline>> = {
  'a tag that is pushed every hour': {
    ...app,
    step: 30 * minute,
    pushes: steady('busy', 0, hour, days * 24).map(({ at, digest }) => ({ at, tag: debian, layer: digest })),
  },
  'A to B to A, before B has matured, and the return of B': {
    ...app,
    pushes: moves(debian, [0, 'A'], [5 * day, 'B'], [8 * day, 'A'], [20 * day, 'B']),
  },
  'A to B to A, after B was adopted, and the return of B': {
    ...app,
    pushes: moves(debian, [0, 'A'], [5 * day, 'B'], [15 * day, 'A'], [30 * day, 'B'], [45 * day, 'C']),
  },
  'three bases that move hours apart': {
    images: [dispatchable('app')],
    dockerfiles: {
      app: 'FROM debian:12 AS a\nFROM node:22 AS b\nFROM alpine:3\nCOPY --from=a /x /\nCOPY --from=b /y /\n',
    },
    pushes: [
      ...moves(debian, [0, 'debian-1'], [10 * day, 'debian-2'], [30 * day, 'debian-3']),
      ...moves(node, [0, 'node-1'], [10 * day + 5 * hour, 'node-2'], [31 * day, 'node-3']),
      ...moves(alpine, [0, 'alpine-1'], [10 * day + 9 * hour, 'alpine-2'], [30 * day + 3 * hour, 'alpine-3']),
    ],
  },
  'runs that fail, once and always': {
    images: [dispatchable('app'), dispatchable('broken')],
    dockerfiles: { app: 'FROM debian:12\n', broken: 'FROM debian:12\n' },
    pushes: moves(debian, [0, 'A'], [10 * day, 'B'], [30 * day, 'C']),
    outcome: ({ image, attempt }) => (image.name === 'broken' || attempt === 1 ? 'failure' : 'success'),
  },
  'a first enrolment of several images': {
    images: ['a', 'b', 'c', 'd', 'e'].map((name) => dispatchable(name)),
    dockerfiles: {
      a: 'FROM debian:12\n',
      b: 'FROM node:22\n',
      c: 'FROM registry.test/acme/a:1\n',
      d: 'FROM alpine:3\nCOPY --from=debian:12 /x /\n',
      e: 'FROM registry.test/acme/c:1\n',
    },
    pushes: [
      ...moves(debian, [0, 'debian-1'], [20 * day, 'debian-2']),
      ...moves(node, [0, 'node-1']),
      ...moves(alpine, [0, 'alpine-1'], [40 * day, 'alpine-2']),
    ],
  },
  'an image that others build too, just before its rebuild is due': {
    ...app,
    pushes: moves(debian, [0, 'A'], [10 * day, 'B'], [30 * day, 'C']),
    events: [
      {
        at: 17 * day + 2 * hour,
        act: ({ factory }) => factory.world.push('registry.test/acme/app:1', ['B', 'by-hand']),
      },
    ],
  },
  'a diamond': {
    images: ['root', 'left', 'right', 'top'].map((name) => dispatchable(name)),
    dockerfiles: {
      root: 'FROM debian:12\n',
      left: 'FROM registry.test/acme/root:1\n',
      right: 'FROM registry.test/acme/root:1\n',
      top: 'FROM registry.test/acme/left:1\nCOPY --from=registry.test/acme/right:1 /x /\n',
    },
    pushes: moves(debian, [0, 'A'], [10 * day, 'B'], [33 * day, 'C']),
  },
};

async function driven(timeline: Timeline, engine: Engine): Promise<DrivenFactory> {
  const factory = new DrivenFactory(timeline, engine);
  await factory.runTo(days);
  return factory;
}

/** What the embedded engine makes of each timeline, once for all tests. */
const embedded = new Map<string, Promise<Adopted>>();
function ofEmbedded(name: string): Promise<Adopted> {
  const known =
    embedded.get(name) ?? driven(timelineOf(name), 'embedded').then((factory) => factory.outcome());
  embedded.set(name, known);
  return known;
}

function timelineOf(name: string): Timeline {
  const timeline = timelines[name];
  if (!timeline) throw new Error(`no timeline ${name}`);
  return timeline;
}

describe('the engines agree', () => {
  it.each(Object.keys(timelines))(
    `over ${days} days on what is adopted, how often builds are started, and when: %s`,
    { timeout: 600_000 },
    async (name) => {
      const expected = await ofEmbedded(name);
      const kargo = await driven(timelineOf(name), 'kargo');
      expect(Object.values(expected.dispatches).every((count) => count > 0)).toBe(true);
      expect(kargo.outcome()).toEqual(expected);
      expectNoIdleJobs(kargo);
    },
  );
});

/** One analysis leads to no further analysis: each Freight has one Job, and nothing makes Freight but news. */
function expectNoIdleJobs({ outside, factory, interpreter }: DrivenFactory): void {
  const jobs = Map.groupBy(outside.jobs, ({ args }) => args.slice(0, 2).join(' '));
  const { world } = factory;
  for (const { name } of factory.config.images) {
    const digests = new Set(
      world.runs.filter((run) => run.image === name).flatMap(({ digest }) => digest ?? []),
    );
    const others = (interpreter?.freight ?? []).filter(
      ({ origin, images: [image] }) =>
        origin === `image-${name}` && ![...digests].some((digest) => digest === image?.digest),
    );
    // One for its source, and one for each digest of its own.
    expect(jobs.get(`analyze --image=${name}`)?.length).toBe(1 + digests.size + others.length);
  }
  const digestsOf = (base: string): number =>
    interpreter?.freight.filter(({ origin }) => origin === `base-${base}`).length ?? 0;
  for (const base of ['debian-12', 'node-22', 'alpine-3'])
    expect(jobs.get(`observe --name=${base}`)?.length ?? 0).toBe(digestsOf(base));
}

describe('switching from one engine to the other', () => {
  const cases = ['three bases that move hours apart', 'a diamond', 'runs that fail, once and always'];
  const ways = [
    ['embedded', 'kargo'],
    ['kargo', 'embedded'],
  ] as const;

  it.each(cases.flatMap((name) => ways.map(([from, to]) => [name, from, to] as const)))(
    'loses and doubles nothing: %s, from %s to %s while a rebuild is open, and back',
    { timeout: 600_000 },
    async (name, from, to) => {
      const expected = await ofEmbedded(name);
      const factory = new DrivenFactory(timelineOf(name), from);
      const isOpen = (): boolean => factory.factory.state.intents.size > 0;
      await factory.runTo(12);
      await factory.runTo(days, isOpen);
      expect(isOpen()).toBe(true);
      await factory.switchTo(to);
      expect(factory.factory.state.engine).toMatchObject({ engine: to, epoch: 2 });
      await factory.runTo(33);
      await factory.switchTo(from);
      await factory.runTo(days);
      const { adopted, dispatches } = factory.outcome();
      expect({ adopted, dispatches }).toEqual({
        adopted: expected.adopted,
        dispatches: expected.dispatches,
      });
    },
  );
});
