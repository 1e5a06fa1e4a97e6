import { describe, expect, it, test } from 'vitest';
import { keyParts, updatedYaml } from './yaml-update.ts';

describe('yaml-update', () => {
  const one = (text: string, key: string, value: unknown = 'new') => updatedYaml(text, [{ key, value }]);

  it.each([
    ['a value', 'a: 1\nb: 2\n', 'a', 'a: new\nb: 2\n'],
    ['below others', 'a:\n  b:\n    - c: x\n    - c: y\n', 'a.b.1.c', 'a:\n  b:\n    - c: x\n    - c: new\n'],
    ['of a list', 'a:\n- x\n- y\n', 'a.0', 'a:\n- new\n- y\n'],
    ['a key with a dot', 'a.b: 1\na:\n  b: 2\n', 'a\\.b', 'a.b: new\na:\n  b: 2\n'],
    ['a number that is a name', '"1": x\n', ':1', '"1": new\n'],
    ['nothing so far', 'a:\nb: 2\n', 'a', 'a: new\nb: 2\n'],
    ['of the first document', 'a: 1\n---\na: 2\n', 'a', 'a: new\n---\na: 2\n'],
    [
      'comments above and elsewhere',
      '# x\na: 1\n\n# y\nb:   2 # z\n',
      'a',
      '# x\na: new\n\n# y\nb:   2 # z\n',
    ],
    ['a comment behind it, which is gone', 'a: 1 # mine\n', 'a', 'a: new\n'],
    ['quotes, which are gone', "a: '1'\n", 'a', 'a: new\n'],
    ['the last line without an end', 'a: 1', 'a', 'a: new\n'],
    ['lines of another system', 'a: 1\r\nb: 2\r\n', 'a', 'a: new\nb: 2\n'],
    ['a brace behind it, which is gone: the file is broken', 'a: { b: 1, c: 2 }\n', 'a.b', 'a: { b: new\n'],
    ['the first of two lines: the file says something else', 'a: one\n  two\n', 'a', 'a: new\n  two\n'],
  ])('replaces %s', (_what, text, key, expected) => {
    expect(one(text, key)).toBe(expected);
  });

  it('keeps the last of two values in one line only', () => {
    const updates = [
      { key: 'a.b', value: 'x' },
      { key: 'a.c', value: 'y' },
    ];
    expect(updatedYaml('a: { b: 1, c: 2 }\n', updates)).toBe('a: { b: 1, c: y\n');
  });

  it.each(['1.10', '1', 't', 'true', 'null', 'inf', '0x1p4', '{}', '.5', '1e3'])(
    'writes the text %s so that it stays text',
    (value) => {
      expect(one('a: x\n', 'a', value)).toBe(`a: "${value}"\n`);
    },
  );

  it.each(['1.2.3', 'v1', 'sha256:ab', 'a:1@sha256:ab', '1.10-alpine'])('writes %s as it is', (value) => {
    expect(one('a: x\n', 'a', value)).toBe(`a: ${value}\n`);
  });

  it.each([
    ['a missing key', 'a: 1\n', 'b'],
    ['a mapping', 'a: {}\n', 'a'],
    ['a name in a list', 'a: [x]\n', 'a.b'],
    ['an alias', 'a: &x 1\nb: *x\n', 'b'],
    ['no YAML', 'a: [\n', 'a'],
    ['a wrong key', 'a: 1\n', 'a\\b'],
  ])('refuses %s', (_what, text, key) => {
    expect(one(text, key)).toEqual({ error: expect.any(String) as string });
  });
});

test('keys are parted as sjson does', () => {
  expect(keyParts('a.b\\.c.0.:1.x\\:y')).toEqual(['a', 'b.c', '0', '1', 'x:y']);
  for (const wrong of ['', '.', 'a.', '.a', 'a..b', 'a:b', 'a\\'])
    expect(keyParts(wrong)).toHaveProperty('error');
});
