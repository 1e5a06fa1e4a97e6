import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factoryShape } from './factory-schema.ts';
import { entryShape } from './images-schema.ts';
import { fitsShape } from './shape-fits.ts';

const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    'latest',
    'daily',
    'all',
    'git',
    'github',
    'high',
    '7d',
    0,
    1,
    1.5,
    -1,
    true,
    null,
    'x',
  ),
  fc.array(fc.constantFrom<unknown>('a', 1, null, {}), { maxLength: 2 }),
);

function keysOf(
  names: readonly string[],
  inner: fc.Arbitrary<unknown>,
): fc.Arbitrary<Record<string, unknown>> {
  return fc.dictionary(fc.constantFrom(...names), inner, { maxKeys: 3 });
}

describe('fitsShape', () => {
  it('agrees with zod, keys that start with x- aside', () => {
    const parts = keysOf(
      ['provider', 'repo', 'buildArgs', 'cron', 'timeZone', 'mode', 'concurrent', 'settle', 'wrong'],
      leaf,
    );
    const names = [...Object.keys(entryShape.shape), ...Object.keys(factoryShape.shape), 'wrong'];
    const value = fc.oneof(keysOf(names, fc.oneof(leaf, parts, fc.array(parts, { maxLength: 2 }))), leaf);
    let fitting = 0;
    fc.assert(
      fc.property(value, (candidate) => {
        for (const shape of [entryShape, factoryShape]) {
          const fits = fitsShape(shape, candidate);
          expect(fits).toBe(shape.safeParse(candidate).success);
          if (fits) fitting += 1;
        }
      }),
      { numRuns: 3000 },
    );
    expect(fitting).toBeGreaterThan(100);
  });

  it("takes the user's own keys everywhere", () => {
    expect(fitsShape(entryShape, { name: 'a', 'x-a': 1, source: { 'x-b': [] } })).toBe(true);
    expect(fitsShape(entryShape, { name: 'a', 'y-a': 1 })).toBe(false);
  });
});
