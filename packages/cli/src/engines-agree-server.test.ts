import { dispatchable } from '@image-factory/engine/test-kargo.ts';
import { steady } from '@image-factory/core/simulate/history.ts';
import { day, hour } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { DrivenFactory, type Adopted, type Timeline } from './testing/test-agreement.ts';
import {
  days,
  debian,
  driven,
  moves,
  providerImage,
  ofEmbedded,
  timelineOf,
  timelines,
} from './testing/test-agreement-timelines.ts';

const ownTimelines: Readonly<Record<string, Timeline>> = {
  // As the one of every hour, which nothing qualifies in for long either, at a small part of its cost.
  'a tag that is pushed every ten hours': {
    ...timelineOf('a tag that is pushed every hour'),
    step: 2 * hour,
    // A decision between two steps would come before the newest digest of its day has matured, and be right, too.
    decidesAt: 0,
    pushes: steady('busy', 0, 10 * hour, days * 2.4).map(({ at, digest }) => ({
      at,
      tag: debian,
      layer: digest,
    })),
  },
  'providers that Kargo cannot start': {
    images: [providerImage('hook', 'webhook'), providerImage('tea', 'gitea'), providerImage('hub', 'github')],
    dockerfiles: {
      hook: 'FROM debian:12\n',
      tea: 'FROM registry.test/acme/hook:1\nCOPY --from=debian:12 /x /\n',
      hub: 'FROM registry.test/acme/tea:1\n',
    },
    pushes: moves(debian, [0, 'A'], [10 * day, 'B'], [30 * day, 'C']),
    outcome: ({ image, attempt }) => (image.name === 'hook' && attempt === 1 ? 'failure' : 'success'),
  },
};

const all: Readonly<Record<string, Timeline>> = {
  ...Object.fromEntries(Object.entries(timelines).filter(([name]) => !name.endsWith('every hour'))),
  ...ownTimelines,
};

async function expectedOf(name: string): Promise<Adopted> {
  const own = ownTimelines[name];
  return own ? (await driven(own, 'embedded')).outcome() : ofEmbedded(name);
}

function withoutSteps({ adopted, dispatches }: Adopted) {
  return { adopted, dispatches };
}

function expectAllWell({ factory }: DrivenFactory): void {
  expect(factory.state.intents.size).toBe(0);
  expect(factory.world.doubledAttempts()).toEqual([]);
}

describe('Kargo that asks a server agrees with the embedded engine', () => {
  it.each(Object.keys(all))(
    `over ${days} days on what is adopted and how often builds are started: %s`,
    { timeout: 300_000 },
    async (name) => {
      const timeline = all[name];
      if (!timeline) throw new Error(`no timeline ${name}`);
      const expected = await expectedOf(name);
      const served = await driven(timeline, 'kargo and a server');
      const outcome = served.outcome();
      expect(withoutSteps(outcome)).toEqual(withoutSteps(expected));
      // The server decides between the steps as well, and hears of ends sooner.
      for (const [image, steps] of Object.entries(outcome.steps))
        for (const [index, step] of steps.entries())
          expect(step).toBeLessThanOrEqual(expected.steps[image]?.[index] ?? Number.NaN);
      expectAllWell(served);
      // Nobody but the server starts runs, and every one was asked for and is told of to its end.
      const { answers } = served.outside.server ?? { answers: [] };
      expect(served.factory.world.runs.every(({ owner }) => owner.name.startsWith('server request '))).toBe(
        true,
      );
      for (const { image, key, attempt, digest } of served.factory.world.runs) {
        const own = answers.filter(({ url }) => url.endsWith(`/${image}/${key}/${attempt}`));
        expect(own.at(-1)).toMatchObject({ status: 200, said: digest ? 'success' : 'failure' });
      }
    },
  );

  it('where without it nobody would start them', async () => {
    const timeline = ownTimelines['providers that Kargo cannot start'];
    if (!timeline) throw new Error('no timeline');
    await expect(driven(timeline, 'kargo')).rejects.toThrow('Kargo cannot start builds of provider webhook');
  });
});

const switched = ['three bases that move hours apart', 'runs that fail, once and always'];

describe('switching between the embedded engine and Kargo with a server', () => {
  const ways = [
    ['embedded', 'kargo and a server'],
    ['kargo and a server', 'embedded'],
  ] as const;

  it.each(switched.flatMap((name) => ways.map(([from, to]) => [name, from, to] as const)))(
    'loses and doubles nothing: %s, from %s to %s while a rebuild is open, and back',
    { timeout: 300_000 },
    async (name, from, to) => {
      const driven = new DrivenFactory(timelineOf(name), from);
      await driven.runTo(12);
      if (from === 'embedded') await driven.runTo(days, () => driven.isOpen());
      else await driven.runUntil(() => driven.isOpen());
      expect(driven.isOpen()).toBe(true);
      await driven.switchTo(to);
      expect(driven.factory.state.engine).toMatchObject({ epoch: 2 });
      await driven.runTo(33);
      await driven.switchTo(from);
      await driven.runTo(days);
      expect(withoutSteps(driven.outcome())).toEqual(withoutSteps(await ofEmbedded(name)));
      expectAllWell(driven);
    },
  );
});

/** What is open when `kargo.server` is set or taken away. */
const moments = {
  'before anybody has sent a request': (driven: DrivenFactory) => driven.isOpen(),
  'while a run is under way': ({ factory: { world } }: DrivenFactory) =>
    world.runs.some(({ ended }) => !ended),
} as const;

/** Long enough for a first enrolment and one adoption. */
const short = 20;
const child: Timeline = {
  images: ['app', 'child'].map((name) => dispatchable(name)),
  dockerfiles: { app: 'FROM debian:12\n', child: 'FROM registry.test/acme/app:1\n' },
  pushes: moves(debian, [0, 'A'], [5 * day, 'B']),
};

describe('setting and unsetting kargo.server', () => {
  const cases = (['kargo', 'kargo and a server'] as const).flatMap((from) =>
    (Object.keys(moments) as (keyof typeof moments)[]).flatMap((moment) =>
      (['at once', 'late'] as const).map((applied) => [from, moment, applied] as const),
    ),
  );

  it.each(cases)(
    'loses and doubles nothing: beginning with %s, %s, its manifests applied %s, and back',
    { timeout: 300_000 },
    async (from, moment, applied) => {
      const expected = await driven(child, 'embedded', short);
      const to = from === 'kargo' ? 'kargo and a server' : 'kargo';
      const factory = new DrivenFactory(child, from);
      const isMoment = (): boolean => moments[moment](factory);
      await factory.runUntil(isMoment);
      const [asked] = factory.factory.state.intents.values();
      expect(asked?.request === undefined).toBe(from !== 'kargo');
      factory.setStarter(to, applied);
      await factory.runTo(10);
      // What carries a request is Kargo's to send: where it sends it no more, the attempt ends, and the next one is asked for.
      const refused = factory.outside.server?.answers.some(({ status }) => status === 409) ?? false;
      const isUnsent =
        moment === 'before anybody has sent a request' && !(from === 'kargo' && applied === 'late');
      expect(refused).toBe(from === 'kargo' && isUnsent);
      const firstOf = factory.factory.world.runs.find(({ image }) => image === 'app');
      expect(firstOf?.attempt).toBe(isUnsent ? 2 : 1);
      await factory.runUntil(isMoment);
      factory.setStarter(from, applied);
      await factory.runTo(short);
      expect(withoutSteps(factory.outcome())).toEqual(withoutSteps(expected.outcome()));
      expect(factory.outcome().dispatches).toEqual({ app: 2, child: 2 });
      expectAllWell(factory);
    },
  );
});
