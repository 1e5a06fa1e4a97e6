import { expect, it } from 'vitest';
import { isOtherBuild } from './other-build.ts';

const key = 'a'.repeat(32);

it.each([
  ['of this key and attempt', key, 2, false],
  ['of another key', 'b'.repeat(32), 2, true],
  ['of another attempt', key, 1, true],
  ['that shows no key', '', 0, false],
  ['with something else in its title', 'release 7', 1, false],
] as const)('a run %s', (_what, shown, attempt, expected) => {
  const seen = { id: '7', key: shown, attempt, status: 'success' as const };
  expect(isOtherBuild(seen, { key, attempt: 2 })).toBe(expected);
});
