import { describe, expect, it } from 'vitest';
import { DrivenFactory } from './testing/test-agreement.ts';
import { days, driven, ofEmbedded, timelineOf, timelines } from './testing/test-agreement-timelines.ts';

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
