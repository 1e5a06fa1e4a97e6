import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { day, hour, minute } from '@image-factory/core/time.ts';
import { steady } from '@image-factory/core/simulate/history.ts';
import { dispatchable } from '@image-factory/engine/test-kargo.ts';
import { DrivenFactory, type Adopted, type Driver, type Timeline } from './test-agreement.ts';

/** The base of most of them. */
export const debian = 'docker.io/library/debian:12';
const node = 'docker.io/library/node:22';
const alpine = 'docker.io/library/alpine:3';
/** So long each timeline is. */
export const days = 60;

const app: Pick<Timeline, 'images' | 'dockerfiles'> = {
  images: [dispatchable('app')],
  dockerfiles: { app: 'FROM debian:12\n' },
};

/** Pushes of one tag. */
export function moves(tag: string, ...list: readonly (readonly [number, string])[]): Timeline['pushes'] {
  return list.map(([at, layer]) => ({ at, tag, layer }));
}

/** An image that another provider than GitHub builds. */
export function providerImage(
  name: string,
  provider: ManagedEnrolment['source']['provider'],
): ManagedEnrolment {
  const image = dispatchable(name);
  return { ...image, source: { ...image.source, provider, repo: 'https://git.test/acme/app.git' } };
}

/** By what happens in them. */
export const timelines: Readonly<Record<string, Timeline>> = {
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

/** What an engine makes of a timeline. */
export async function driven(timeline: Timeline, driver: Driver, until = days): Promise<DrivenFactory> {
  const factory = new DrivenFactory(timeline, driver);
  await factory.runTo(until);
  return factory;
}

const embedded = new Map<string, Promise<Adopted>>();

/** What the embedded engine makes of a timeline, once for all tests of a file. */
export function ofEmbedded(name: string): Promise<Adopted> {
  const known =
    embedded.get(name) ?? driven(timelineOf(name), 'embedded').then((factory) => factory.outcome());
  embedded.set(name, known);
  return known;
}

/** The timeline of that name. */
export function timelineOf(name: string): Timeline {
  const timeline = timelines[name];
  if (!timeline) throw new Error(`no timeline ${name}`);
  return timeline;
}
