import { expect, it } from 'vitest';
import { isBehind } from './built-version.ts';

it('what a person wrote into a record and is no version is behind every version', () => {
  expect(isBehind('1.2.3', 'latest')).toBe(true);
  expect(isBehind('1.2.3', '1.2.2')).toBe(true);
  expect(isBehind('1.2.3', '1.2.3')).toBe(false);
});
