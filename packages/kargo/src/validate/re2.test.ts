import { describe, expect, test } from 'vitest';
import { isVersionRange } from './constraint.ts';
import { isAnchored, re2Mistake } from './re2.ts';

describe("expressions of Go's RE2", () => {
  test.each([
    '^v?[0-9]+(\\.[0-9]+)*$',
    '(?P<name>a)',
    '(?<name>a)',
    '(?i)a',
    '(?i:a)',
    '(?:a|b)',
    'a{2,3}?',
    'a{,3}',
    '[]a]',
    '[^]a]',
    '[[:alpha:]]',
    '[a[]',
    '\\pL\\p{Greek}',
    '\\Qa+(\\E',
    '\\x41',
    '\\x{1F600}',
    '^$',
    'a||b',
    '()',
    '\\.',
    'a*?',
    '{',
  ])('%s is one', (source) => expect(re2Mistake(source)).toBeUndefined());

  test.each([
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '(?<!a)',
    '(?>a)',
    '(a)\\1',
    '\\k<name>',
    'a++',
    'a**',
    '*a',
    '(*a)',
    'a|*b',
    'a{1001}',
    '(',
    ')',
    '[a',
    'a\\',
    '\\Z',
    '(?#x)',
    '(?P=name)',
    '\\h',
  ])('%s is none', (source) => expect(re2Mistake(source)).toMatch(/\S/));
});

test.each([
  ['^a$', true],
  ['^(a|b)$', true],
  ['^a$|^b$', true],
  ['\\Aa\\z', true],
  ['^a|b$', false],
  ['^a', false],
  ['a$', false],
  ['^a\\$', false],
  ['^[a|b]$', true],
])('%s is anchored: %s', (source, anchored) => expect(isAnchored(source)).toBe(anchored));

test.each([
  ['^1.2', true],
  ['1.x', true],
  ['*', true],
  ['>=1.2.3 <2, !=1.5.0', true],
  ['>= 1.2', true],
  ['1.2 - 1.4', true],
  ['~1.2 || ^2', true],
  ['v1.2.3-rc.1+b5', true],
  ['', false],
  ['latest', false],
  ['^1 &&', false],
  ['1.2.3.4', false],
  ['>', false],
  ['1 ||', false],
])('%s is a range of versions: %s', (text, is) => expect(isVersionRange(text)).toBe(is));
