import { day, hour } from '@image-factory/core/time.ts';
import { describe, expect, it } from 'vitest';
import { image, TestFactory } from './test-factory.ts';

/** Images that share fifty bases, none of them built by us. */
function factoryOf(count: number): TestFactory {
  const names = Array.from({ length: count }, (_, index) => `app-${index}`);
  const factory = new TestFactory(names.map((name) => image(name, { autoRebuild: false })));
  for (let base = 0; base < 50; base++)
    factory.world.push(`docker.io/library/base:${base}`, [`base-${base}`]);
  for (const [index, name] of names.entries()) {
    factory.world.dockerfiles.set(
      `${name}/Dockerfile`,
      `FROM base:${index % 50}\nCOPY --from=base:${(index + 1) % 50} /a /a\n`,
    );
    factory.world.push(`registry.test/acme/${name}:1`, [`base-${index % 50}`, name]);
  }
  return factory;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

describe('a cycle with many images', () => {
  it(
    'makes one look per tag, one read of the sources and one commit, and none without news',
    { timeout: 60_000 },
    async () => {
      const factory = factoryOf(2000);
      const { calls, commits } = factory.world;
      const first = await timed(() => factory.cycle());
      const looks = [...calls].filter(([label]) => label.startsWith('look '));
      expect(looks.length).toBe(2050);
      expect(looks.every(([, count]) => count === 1)).toBe(true);
      expect(calls.get('read sources')).toBe(1);
      expect(commits.length).toBe(1);
      expect(calls.get('describe')).toBe(2050);
      // The second look settles the baselines.
      factory.world.now += hour;
      await factory.cycle();
      expect(commits.length).toBe(2);
      factory.world.now += hour;
      const second = await timed(() => factory.cycle());
      expect(commits.length).toBe(2);
      expect(calls.get('describe')).toBe(2050);
      expect(calls.get('read sources')).toBe(3);
      // oxlint-disable-next-line no-console -- the figures are what this test is for
      console.info(
        `2,000 images, 50 bases: first cycle ${Math.round(first)} ms, without news ${Math.round(second)} ms`,
      );
    },
  );

  it('takes no more than in proportion longer for more images', { timeout: 120_000 }, async () => {
    const took: number[] = [];
    for (const count of [500, 4000]) {
      const factory = factoryOf(count);
      took.push(await timed(() => factory.cycle()));
      factory.world.now += day;
      // Every base moves, so that every image's evidence is looked at again.
      for (let base = 0; base < 50; base++)
        factory.world.push(`docker.io/library/base:${base}`, [`base-${base}-new`]);
      took.push(await timed(() => factory.cycle()));
    }
    const [enrolSmall = 1, moveSmall = 1, enrolLarge = 0, moveLarge = 0] = took;
    // oxlint-disable-next-line no-console -- the figures are what this test is for
    console.info(
      `eight times the images: first cycle ${(enrolLarge / enrolSmall).toFixed(1)} times, moved bases ${(moveLarge / moveSmall).toFixed(1)} times as long`,
    );
    expect(enrolLarge / enrolSmall).toBeLessThan(24);
    expect(moveLarge / moveSmall).toBeLessThan(24);
  });
});
