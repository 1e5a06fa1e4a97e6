import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VersionFile } from '../enrolment/types.ts';
import { findVersion, withoutVersion, withVersion } from './version-file.ts';

const file = (form: VersionFile['form'], key = 'version'): VersionFile => ({
  path: 'x',
  form,
  key: form === 'text' ? [] : key.split('.'),
});

describe('the version in a file', () => {
  const cases: readonly (readonly [string, VersionFile, string])[] = [
    ['a file of one word', file('text'), '1.2.3'],
    ['its line end', file('text'), '1.2.3\n'],
    ['line ends of Windows and spaces', file('text'), '  1.2.3 \r\n\r\n'],
    ['a v before it', file('text'), 'v1.2.3\n'],
    ['a byte order mark', file('text'), '\uFEFF1.2.3\n'],
    [
      'package.json',
      file('json'),
      '{\n\t"name": "x",\n\t"version" : "1.2.3",\n\t"a": { "version": "1.2.3" }\n}\n',
    ],
    [
      'a JSON key deeper down, behind its likes',
      file('json', 'a.b.version'),
      '{"version":"1.2.3","a":{"version":"1.2.3","b":{"version":"1.2.3"}},"c":["\\"version\\": \\"1.2.3\\""]}',
    ],
    [
      'a JSON list',
      file('json', 'packages.1.version'),
      '{"packages":[{"version":"1.2.3"},{"version":"1.2.3"}]}',
    ],
    ['a JSON file with a byte order mark', file('json'), '\uFEFF{"version":"v1.2.3"}'],
    [
      'Chart.yaml with comments',
      file('yaml', 'appVersion'),
      '# 1.2.3\napiVersion: v2\nversion: 1.2.3 # chart\r\nappVersion: "1.2.3"   # app\n',
    ],
    ['YAML without quotes', file('yaml', 'image.tag'), 'image:\n    tag:   v1.2.3\n    other: 1.2.3\n'],
    ['a YAML list', file('yaml', 'images.0.newTag'), "images:\n- name: 1.2.3\n  newTag: '1.2.3'\n"],
    ['a YAML block', file('yaml', 'version'), 'a: 1.2.3\nversion: >-\n  1.2.3\n'],
    ['YAML in flow', file('yaml', 'a.version'), '{ b: 1.2.3, a: { version: 1.2.3 } }\n'],
    [
      'pyproject.toml',
      file('toml', 'tool.poetry.version'),
      '# version = "1.2.3"\n[project]\nversion = "1.2.3"\n[tool.poetry]\nversion="1.2.3" # here\n\n[tool.poetry.dependencies]\nversion = "1.2.3"\n',
    ],
    ['TOML with dots', file('toml', 'package.version'), "version = '1.2.3'\r\npackage.version = '1.2.3'\r\n"],
    [
      'TOML in one line',
      file('toml', 'a.version'),
      'b = { version = "1.2.3" }\na = { "version" = "v1.2.3", n = 1 }\n',
    ],
    ['a TOML text that says it too', file('toml'), 'a = """\nversion = "1.2.3"\n"""\nversion = "1.2.3"\n'],
  ];

  it.each(cases)('is changed alone: %s', (_, where, text) => {
    const found = findVersion(text, where);
    expect(found).toMatchObject({ ok: true, value: { version: '1.2.3' } });
    const changed = withVersion(text, where, '10.20.30-beta.1');
    if (!found.ok || !changed.ok) throw new Error('not found');
    const { start, end } = found.value;
    expect(text.slice(start, end)).toBe('1.2.3');
    expect(changed.value).toBe(`${text.slice(0, start)}10.20.30-beta.1${text.slice(end)}`);
    expect(findVersion(changed.value, where)).toMatchObject({ value: { version: '10.20.30-beta.1' } });
    expect(withoutVersion(changed.value, where)).toBe(withoutVersion(text, where));
    expect(withoutVersion(`${text} `, where)).not.toBe(withoutVersion(text, where));
  });

  it('is the one at the keys, not another that looks like it', () => {
    const text = '{"a":{"version":"1.2.3"},"version":"1.2.3"}';
    expect(withVersion(text, file('json'), '2.0.0')).toStrictEqual({
      ok: true,
      value: '{"a":{"version":"1.2.3"},"version":"2.0.0"}',
    });
    expect(withVersion(text, file('json', 'a.version'), '2.0.0')).toStrictEqual({
      ok: true,
      value: '{"a":{"version":"2.0.0"},"version":"1.2.3"}',
    });
  });

  it.each([
    ['nothing', file('text'), '', 'is to be nothing but a version; got ""'],
    ['two lines', file('text'), '1.2.3\n1.2.4\n', 'nothing but a version'],
    ['a part of a version', file('text'), '1.2\n', 'nothing but a version'],
    ['broken JSON', file('json'), '{', 'cannot be read'],
    ['a JSON number', file('json'), '{"version":1}', 'has no text at version'],
    ['no such JSON key', file('json', 'a.b'), '{"a":{}}', 'has no text at a.b'],
    ['an inherited name', file('json', 'constructor.name'), '{}', 'has no text'],
    ['a JSON escape', file('json'), '{"version":"1\\u002e2.3"}', 'in one piece'],
    ['a YAML number', file('yaml'), 'version: 1.2\n', 'has no text at version'],
    ['a YAML alias', file('yaml'), 'a: &v 1.2.3\nversion: *v\n', 'has no text at version'],
    ['two YAML documents', file('yaml'), 'version: 1.2.3\n---\nversion: 1.2.3\n', 'one YAML document'],
    ['broken YAML', file('yaml'), 'version: "1.2.3\n', 'cannot be read'],
    ['YAML of nothing', file('yaml'), '', 'YAML'],
    ['no TOML text', file('toml'), 'version = 1\n', 'has no text at version'],
    ['broken TOML', file('toml'), 'version = \n', 'cannot be read'],
    ['another word', file('toml'), 'version = "latest"\n', 'is to have a version at version; got "latest"'],
  ])('is not found in %s', (_, where, text, why) => {
    const found = findVersion(text, where);
    expect(found.ok ? '' : found.error).toContain(why);
    expect(withVersion(text, where, '1.0.0').ok).toBe(false);
    expect(withoutVersion(text, where)).toBe(text);
  });

  it('never changes anything else, whatever the JSON is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.integer({ min: 0, max: 4 }), (other, space) => {
        const before = { version: '1.2.3', other, z: { version: '1.2.3' } };
        const changed = withVersion(JSON.stringify(before, null, space), file('json'), '4.5.6');
        expect(changed).toStrictEqual({
          ok: true,
          value: JSON.stringify({ ...before, version: '4.5.6' }, null, space),
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe('a file that is made to cost', () => {
  it.each([
    ['deep JSON', file('json'), `{"version":"1.0.0","x":${'['.repeat(300_000)}${']'.repeat(300_000)}}`],
    ['deep TOML', file('toml'), `version="1.0.0"\n${'a.'.repeat(300_000)}a=1\n`],
    ['deep YAML', file('yaml'), `version: 1.0.0\nx: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`],
  ])('is read or refused, and breaks nothing: %s', (_, where, text) => {
    expect(typeof findVersion(text, where).ok).toBe('boolean');
    expect(typeof withoutVersion(text, where)).toBe('string');
  });

  const entries = (count: number, entry: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => entry(index)).join('\n');

  // Each took more than half a minute.
  it.each([
    ['keys of YAML', file('yaml'), `version: 1.0.0\n${entries(40_000, (index) => `k${index}: 1`)}\n`, true],
    [
      'places in TOML',
      file('toml', 't49999.version'),
      entries(50_000, (index) => `[t${index}]\nversion="1.0.0"`),
      false,
    ],
    ['spaces', file('toml', ' '), `" "="1.0.0"\n${' '.repeat(200_000)}\n`, true],
  ])('is read in seconds: %s', { timeout: 20_000 }, (_, where, text, ok) => {
    expect(findVersion(text, where).ok).toBe(ok);
  });

  it('YAML that says the version twice has none', () => {
    const twice = 'a:\n  version: 1.0.0\n  b: 1\n  version: 2.0.0\n';
    expect(findVersion(twice, file('yaml', 'a.version')).ok).toBe(false);
    expect(findVersion(`${twice}a: {}\n`, file('yaml', 'a.b')).ok).toBe(false);
  });
});
