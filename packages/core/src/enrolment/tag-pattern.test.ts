import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTagPattern, exactTagPattern, type TagPattern } from './tag-pattern.ts';

function compiled(source: string): TagPattern {
  const pattern = compileTagPattern(source);
  if (!pattern.ok) throw new Error(pattern.error);
  return pattern.value;
}

describe('compileTagPattern', () => {
  it('matches what RegExp matches', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '1',
      '.',
      '\\.',
      '\\d',
      '\\W',
      '[a-c]',
      '[^b1]',
      '[\\d.-]',
      '(?:a|b1)',
      '(|a)',
      '^',
      '$',
    );
    const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,}', '{0,2}', '*?');
    const piece = fc
      .tuple(atom, quantifier)
      .map(([text, times]) => (text === '^' || text === '$' ? text : text + times));
    const expression = fc
      .array(fc.array(piece, { maxLength: 5 }), { minLength: 1, maxLength: 3 })
      .map((alternatives) => alternatives.map((pieces) => pieces.join('')).join('|'));
    const tag = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '.', '-'), maxLength: 8 });
    fc.assert(
      fc.property(expression, fc.array(tag, { minLength: 5, maxLength: 20 }), (source, tags) => {
        const pattern = compiled(source);
        const regExp = new RegExp(source);
        for (const text of tags)
          expect(pattern.matches(text), `${source} on ${text}`).toBe(regExp.test(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('takes linear time where backtracking would not end', () => {
    const tag = `${'a'.repeat(127)}!`;
    for (const source of ['^(a+)+$', '^(a|a)*$', '^(a*)*b$', '(.*)(.*)(.*)(.*)(.*)z']) {
      expect(compiled(source).matches(tag)).toBe(false);
    }
  });

  it.each([
    ['^16$', true, '16'],
    ['^1\\.2-alpine$', true, '1.2-alpine'],
    ['^16[.0-9]*-alpine$', true, undefined],
    ['^(16|17)$', true, undefined],
    ['^16$|^17$', true, undefined],
    ['^16|17$', false, undefined],
    ['16', false, undefined],
    ['', false, undefined],
  ])('knows whether %j is anchored, and the only tag it matches', (source, anchored, literal) => {
    expect(compiled(source)).toMatchObject({ anchored, literal, possible: true });
  });

  it.each(['^$', 'a^b', '$a', '^postgres:16$', '^acme/', '^-', '^.{129}$', '[^\\x00-\\x7f]', '^é$', '^ '])(
    'knows that no tag matches %j',
    (source) => {
      expect(compiled(source).possible).toBe(false);
    },
  );

  it.each([
    ['^.{128}$', 128],
    ['^(a|b:)c$', 2],
    ['v?-x', 3],
  ])('knows that some tag matches %j', (source) => {
    expect(compiled(source).possible).toBe(true);
  });

  it.each([
    ['(?=a)b', 'lookaround'],
    ['(?<!a)b', 'lookaround'],
    ['(a)\\1', 'back-reference'],
    ['\\k<a>', 'back-reference'],
    ['(?<a>b)', 'named groups'],
    ['(?P<a>b)', 'named groups'],
    ['(?>a)', 'atomic'],
    ['(?i)a', 'flags "(?i)"'],
    ['(?-s:a)', 'flags "(?-s:"'],
    ['\\Aa', 'not read alike'],
    ['\\bfoo', 'not read alike'],
    ['\\pL', 'not read alike'],
    ['\\0', 'not read alike'],
    ['[\\b]', 'not read alike'],
    ['[[:alpha:]]', 'classes like'],
    ['[]a]', 'starts with "]"'],
    ['[a', 'a "[" is not closed'],
    ['[a-', 'a "[" is not closed'],
    ['[a-\\d]', 'a range in a class'],
    ['[z-a]', 'wrong order'],
    ['(a', 'a "(" is not closed'],
    ['a)', 'has no "("'],
    ['*a', 'repeats nothing'],
    ['a{,2}', 'repeats nothing'],
    ['a**', 'repeats a repetition'],
    ['a+{2}', 'repeats a repetition'],
    ['^*', 'repeats an anchor'],
    ['a{1001}', 'more than 1000 times'],
    ['a{3,2}', 'wrong order'],
    ['((a{100}){100}){100}', 'too large'],
    ['('.repeat(60) + ')'.repeat(60), 'nested more than 50 deep'],
    ['a'.repeat(1001), 'longer than 1000'],
    ['a\\', 'ends with a backslash'],
  ])('refuses %.40j', (source, reason) => {
    const pattern = compileTagPattern(source);
    expect(pattern.ok ? 'accepted' : pattern.error).toContain(reason);
  });

  it('answers on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (source) => {
        expect(compileTagPattern(source)).toHaveProperty('ok');
      }),
    );
  });
});

describe('exactTagPattern', () => {
  it('matches the tag and nothing else', () => {
    const pattern = compiled(exactTagPattern('1.2-rc.1'));
    expect([pattern.literal, pattern.matches('1.2-rc.1'), pattern.matches('1x2-rc.1')]).toEqual([
      '1.2-rc.1',
      true,
      false,
    ]);
  });
});
