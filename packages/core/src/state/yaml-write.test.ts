import fc from 'fast-check';
import * as jsYaml from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readCanonical } from './yaml-canonical.ts';
import { isPlain, writeFlow, writeYaml } from './yaml-write.ts';

/** Strings that readers of one YAML version or another take for something else. */
const tricky = [
  'yes',
  'No',
  'ON',
  'off',
  'y',
  'N',
  'true',
  'False',
  'null',
  'NULL',
  '~',
  '',
  ' ',
  ' a',
  'a ',
  'a\n',
  '\ta',
  '1',
  '-1',
  '+1',
  '010',
  '0o17',
  '0x1F',
  '0b11',
  '1_000',
  '1.5',
  '.5',
  '5.',
  '1e3',
  '1E-3',
  '.inf',
  '-.INF',
  '.nan',
  '12:30',
  '190:20:30',
  '1:2.5',
  '2026-11-22',
  '2026-11-22T10:00:00Z',
  '2026-1-2 3:4:5',
  '<<',
  '=',
  '-',
  '- a',
  '?',
  '? a',
  ':',
  ': a',
  'a:',
  'a: b',
  'a #b',
  '#a',
  '&a',
  '*a',
  '!a',
  '|',
  '>',
  '%a',
  '@a',
  '`a`',
  '"a"',
  "'a'",
  '[a]',
  '{a}',
  'a, b',
  '---',
  '...',
  '--- a',
  '\u0085',
  'a\u2028b',
  '\ufeff',
  '\u007f',
  '\0',
  'é',
  '😀',
  '\\.',
  '^1\\.2$',
  '^[0-9]+$',
  'sha256:ab',
  'docker.io/library/node:22',
  '7d',
  '22-bookworm-slim',
  '1.2.3',
  '__proto__',
  'constructor',
  '1e',
  '0e1',
  '1,2',
  'a\r\nb',
  '\uD800',
  'x'.repeat(1100),
];

const anyString = fc.oneof(
  fc.constantFrom(...tricky),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[0-9_.,:eExobT +-]{1,12}$/),
  fc.stringMatching(/^[a-z0-9:#,[\]{}&*!|>'"%@` -]{1,8}$/),
);
const anyNumber = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
);
const { data } = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyString,
    anyNumber,
    fc.constantFrom(true, false, null),
    fc.array(tie('data'), { maxLength: 4 }),
    fc.dictionary(anyString, tie('data'), { maxKeys: 4 }),
  ),
}));
const anyMap = fc.dictionary(anyString, data, { maxKeys: 5 });

// The `yaml` library drops an entry named __proto__ on the way to plain objects only if it is inherited; compare as JSON.
const plain = (value: unknown) => JSON.stringify(value);

describe('writeYaml', () => {
  it('is read back by js-yaml, and by yaml as 1.2 and as 1.1', () => {
    fc.assert(
      fc.property(anyMap, (map) => {
        const text = writeYaml(map);
        expect(plain(jsYaml.load(text))).toBe(plain(map));
        expect(plain(jsYaml.load(text, { schema: jsYaml.YAML11_SCHEMA }))).toBe(plain(map));
        expect(plain(parse(text))).toBe(plain(map));
        expect(plain(parse(text, { version: '1.1' }))).toBe(plain(map));
      }),
      { numRuns: 2000 },
    );
  });

  it('writes each tricky string so that no reader takes it for something else', () => {
    for (const text of tricky) {
      const written = writeYaml({ a: text, b: [text], [`k${text}`]: text });
      const expected = plain({ a: text, b: [text], [`k${text}`]: text });
      expect(plain(jsYaml.load(written))).toBe(expected);
      expect(plain(jsYaml.load(written, { schema: jsYaml.YAML11_SCHEMA }))).toBe(expected);
      expect(plain(parse(written, { version: '1.1' }))).toBe(expected);
      expect(plain(parse(written))).toBe(expected);
    }
  });

  it('leaves the usual words without quotes', () => {
    for (const word of [
      '7d',
      '22-bookworm-slim',
      '^22-bookworm-slim$',
      'docker.io/library/node',
      'sha256:0a1b',
      'ghcr.io',
    ]) {
      expect(isPlain(word), word).toBe(true);
    }
    expect(writeYaml({ a: { b: [1, { c: 'x', d: [] }, ['z']], e: {} }, f: '2026-11-22' })).toBe(
      'a:\n  b:\n    - 1\n    - c: x\n      d: []\n    - - z\n  e: {}\nf: "2026-11-22"\n',
    );
  });

  it('writes flow style that is read back', () => {
    fc.assert(
      fc.property(data, (value) => {
        const text = `a: ${writeFlow(value)}\n`;
        expect(plain(jsYaml.load(text))).toBe(plain({ a: value }));
        expect(plain(parse(text, { version: '1.1' }))).toBe(plain({ a: value }));
      }),
    );
  });
});

describe('readCanonical', () => {
  it('reads what the writer wrote', () => {
    fc.assert(
      fc.property(anyMap, (map) => {
        const read = readCanonical(writeYaml(map, '# header\n'));
        if (read !== undefined) expect(plain(read)).toBe(plain(map));
      }),
      { numRuns: 2000 },
    );
    const usual = {
      name: 'a',
      n: 1,
      list: ['b', { c: 'd', e: null }, [true, []]],
      map: { 'x y': '2026-11-22', z: {} },
    };
    expect(readCanonical(writeYaml(usual, '# one\n# two\n'))).toEqual(usual);
  });

  it('never answers otherwise than a YAML parser on texts that resemble its own', () => {
    const often = { weight: 4 };
    const indent = fc.oneof({ ...often, arbitrary: fc.constant('') }, fc.constantFrom('  ', '    ', ' '));
    const before = fc.oneof(
      { ...often, arbitrary: fc.constantFrom('', '- ') },
      fc.constantFrom('-', '- - ', '? ', '# ', '"'),
    );
    const key = fc.oneof(
      { ...often, arbitrary: fc.constantFrom('a', 'b', 'c d', '"q"', 'sha256:aa') },
      fc.constantFrom('yes', '1', "'s'", '&x a', '*x', '', '[]', '{}', '|', '1.0', '"'),
    );
    const colon = fc.oneof(
      { ...often, arbitrary: fc.constantFrom(': ', ':') },
      fc.constantFrom('', ':  ', ' : ', ' #'),
    );
    const value = fc.oneof(
      { ...often, arbitrary: fc.constantFrom('c', '12', '"d"', 'null', '[]', '{}', '-1.5', '') },
      fc.constantFrom(
        'no',
        '012',
        '1.50',
        '"d" ',
        "'e'",
        '[f]',
        '| ',
        'g: h',
        'i #j',
        '1e5',
        '"\\x41"',
        '"a',
        '-0',
      ),
    );
    const line = fc.tuple(indent, before, key, colon, value).map((parts) => parts.join(''));
    let answered = 0;
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), (lines) => {
        const text = lines.join('\n') + '\n';
        const read = readCanonical(text);
        if (read === undefined) return;
        answered += 1;
        expect(plain(read)).toBe(plain(jsYaml.load(text)));
      }),
      { numRuns: 20_000 },
    );
    expect(answered).toBeGreaterThan(100);
  });
});
