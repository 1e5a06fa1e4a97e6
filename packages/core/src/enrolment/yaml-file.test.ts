import { describe, expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { placeOf, readYaml, writtenText, type YamlFile, type YamlPath } from './yaml-file.ts';

function open(text: string): YamlFile {
  const { yaml, problems } = readYaml({ path: 'f.yaml', text });
  expect(problems.map(formatProblem)).toEqual([]);
  if (!yaml) throw new Error('expected a file');
  return yaml;
}

function refusal(text: string): string {
  const { yaml, problems } = readYaml({ path: 'f.yaml', text });
  expect(yaml).toBeUndefined();
  return problems.map(formatProblem).join('\n');
}

describe('values', () => {
  it.each([
    ['yes', 'yes'],
    ['on', 'on'],
    ['2026-12-20', '2026-12-20'],
    ['12:30', '12:30'],
    ['1_000', '1_000'],
    ['~', null],
    ['', null],
    ['True', true],
    ['-12', -12],
    ['0o17', 15],
    ['0x1f', 31],
    ['1.50', 1.5],
    ['1e3', 1000],
    ['.inf', Infinity],
    ['-', '-'],
    ['.', '.'],
    ['"22"', '22'],
    ['!!str 22', '22'],
    ['! 22', '22'],
  ])('%s is read by the YAML 1.2 core schema', (text, value) => {
    if (text === '-') return expect(open('a: "-"').root).toEqual({ a: '-' });
    expect(open(`a: ${text}`).root).toEqual({ a: value });
  });

  it('keeps keys as they are written', () => {
    expect(open('22: a\n1.10: b\nnull: c\ntrue: d\nconstructor: e\n').root).toEqual(
      Object.fromEntries([
        ['22', 'a'],
        ['1.10', 'b'],
        ['null', 'c'],
        ['true', 'd'],
        ['constructor', 'e'],
      ]),
    );
  });

  it('merges: written keys win, then the first source', () => {
    const { root } = open('a: &a { x: 1, y: 1 }\nb: &b { x: 2, z: 2 }\nc: { y: 3, <<: [*a, *b] }\n');
    expect(root).toMatchObject({ c: { y: 3, x: 1, z: 2 } });
  });

  it('reads a byte order mark, Windows line ends and a %YAML line', () => {
    expect(open('\uFEFFa: 1\r\nb: 2\r\n').root).toEqual({ a: 1, b: 2 });
    expect(open('%YAML 1.2\n---\na: 1\n...\n').root).toEqual({ a: 1 });
  });
});

describe('places', () => {
  const text = [
    '# comment',
    'images:',
    '  - &a',
    '    name: "x"',
    '    tags: [one, "two"]',
    '    note: |',
    '      block',
    '  - <<: *a',
    '    empty:',
    '  - *a',
    '  -',
  ].join('\n');
  it.each<[YamlPath, 'key' | 'value', number, number]>([
    [[], 'value', 2, 1],
    [['images'], 'key', 2, 1],
    [['images', 0], 'value', 4, 5],
    [['images', 0, 'name'], 'key', 4, 5],
    [['images', 0, 'name'], 'value', 4, 11],
    [['images', 0, 'tags', 1], 'value', 5, 17],
    [['images', 0, 'note'], 'value', 7, 1],
    [['images', 1, 'name'], 'value', 4, 11],
    [['images', 1, 'empty'], 'value', 9, 5],
    [['images', 2, 'tags'], 'key', 5, 5],
    [['images', 3], 'value', 11, 3],
    [['images', 0, 'missing', 'deeper'], 'value', 4, 5],
    [['elsewhere'], 'value', 2, 1],
  ])('%j (%s) stands at %i:%i', (path, on, line, column) => {
    expect(placeOf(open(text), path, on)).toEqual({ file: 'f.yaml', line, column });
  });

  it('gives back a scalar as written', () => {
    const yaml = open('a: { b: 1.10, c: "x", d: }');
    const inner = (yaml.root as { a: object }).a;
    expect(['b', 'c', 'd', 'e'].map((key) => writtenText(yaml, inner, key))).toEqual([
      '1.10',
      'x',
      undefined,
      undefined,
    ]);
  });
});

describe('hostile files', () => {
  function bomb(levels: number, width: number): string {
    const rows = Array.from({ length: levels }, (_, level) => {
      const item = level === 0 ? 'lol' : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array.from({ length: width }, () => item).join(', ')}]`;
    });
    return rows.join('\n');
  }

  it('are weighed before their aliases are followed', () => {
    expect(refusal(bomb(30, 9))).toBe('f.yaml:1:1: aliases repeat more than 250000 values [CONFIG_SYNTAX]');
    expect(open(bomb(4, 9)).root).toHaveProperty('a3');
  });

  it('cannot hide depth behind aliases', () => {
    const rows = [
      'a0: &a0 [x]',
      ...Array.from({ length: 80 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}]`),
    ];
    expect(refusal(rows.join('\n'))).toContain('nested more than 64 levels deep');
  });

  it('cannot hide size behind merge keys', () => {
    const wide = `w: &w { ${Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join(', ')} }`;
    const users = Array.from({ length: 300 }, (_, index) => `u${index}: { <<: *w }`);
    expect(refusal([wide, ...users].join('\n'))).toContain('aliases repeat more than 250000 values');
  });

  it.each([
    ['['.repeat(200), 'nesting exceeded maxDepth (64)'],
    ['- '.repeat(100_000), 'nesting exceeded maxDepth (64)'],
    [' '.repeat(8 * 1024 * 1024 + 1), 'the file has 8388609 characters; at most 8388608 are read'],
    ['a: \u0000', 'null byte is not allowed in input'],
    ['a: 1\n---\nb: 2', 'the file holds several YAML documents'],
    ['&a { b: *a }', 'the alias "*a" contains itself'],
    ['a: *b', 'the alias "*b" has no anchor'],
    ['a: !!binary aGk=', 'the tag "!!binary" is not accepted'],
    ['a: !!map []', 'the tag "!!map" is not accepted'],
    ['{ __proto__: { polluted: true } }', 'the key "__proto__" is not accepted'],
    ['a: &k __proto__\n*k : 1', 'a key must be text'],
    ['[a]: 1', 'a key must be text'],
    ['a: 1\n"a": 2', 'the key "a" is written twice'],
  ])('are refused: %.20j', (text, message) => {
    expect(refusal(text)).toContain(message);
    expect({}).not.toHaveProperty('polluted');
  });

  it('get two hundred messages at most', () => {
    expect(refusal(`{${'a: 1,'.repeat(10_000)}}`).split('\n')).toHaveLength(200);
  });
});
