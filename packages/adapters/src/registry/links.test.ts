import { expect, it } from 'vitest';
import { nextLink } from './links.ts';

it.each([
  [undefined, undefined],
  ['</v2/a/tags/list?n=2&last=b>; rel="next"', '/v2/a/tags/list?n=2&last=b'],
  ['</x>; rel=next', '/x'],
  ['</p>; rel="prev", </n>; rel="next"', '/n'],
  ['</n>; title="a, b"; rel="last next"', '/n'],
  ['</n>;rel="NEXT"', '/n'],
  ['</p>; rel="prev"', undefined],
  ['</n>', undefined],
  ['garbage', undefined],
])('Link: %s', (field, expected) => {
  expect(nextLink(field)).toBe(expected);
});

it('a Link of any length is read in no time', () => {
  const started = performance.now();
  nextLink('</x>; a'.repeat(100_000));
  nextLink(`</x>${'; a="'.repeat(10_000)}`);
  nextLink(`<${' ;'.repeat(100_000)}`);
  expect(performance.now() - started).toBeLessThan(500);
});
