import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import fc from 'fast-check';
import { digest } from './records.ts';

export const aDigest: fc.Arbitrary<Digest> = fc.nat(30).map((n) => digest(`d${n}`));

export const anInstant = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000 }).map((n) => n * 1_000_000),
  fc.integer({ min: 1, max: 4_000_000_000_000 }),
);

export const aWord = fc.oneof(
  fc.constantFrom(
    'app',
    'node-22',
    'yes',
    '3.10',
    '7d',
    'null',
    'two words',
    'a: b',
    'c #d',
    '',
    "it's",
    '2026-01-01',
    'ü',
    'x\ny',
  ),
  fc.string({ maxLength: 12 }),
);

export const aName = fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/);

export const aPlatform = fc
  .constantFrom('linux/amd64', 'linux/arm64', 'linux/arm/v7')
  .map((name) => name as PlatformName);

export const someMap = fc.dictionary(
  aWord,
  fc.oneof(aWord, fc.integer(), fc.boolean(), fc.array(aWord, { maxLength: 2 })),
  { maxKeys: 3 },
);

/** Absent as often as not; never present and undefined. */
export function optional<T extends object, K extends keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  ...required: K[]
) {
  return fc.record(model, { requiredKeys: required as never[], noNullPrototype: true });
}
