import { describe, expect, it } from 'vitest';
import { effectiveChanges, pathRefusal } from './state-changes.ts';

describe('pathRefusal', () => {
  it.each([
    'images/backstage.yaml',
    'events/2026-11/01J.jsonl',
    '_archive/images/a b.yaml',
    'engine.yaml',
    'a/.b',
  ])('accepts %s', (path) => expect(pathRefusal(path)).toBeUndefined());
  it.each([
    '',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a//b',
    'a/',
    './a',
    '.git/config',
    'a/.GIT/hooks/x',
    'git~1/x',
    '.git. /x',
    'a\nb',
    'a\u0000b',
    'a\\b',
    '"a',
    '.lock',
    'x'.repeat(201),
    'x/'.repeat(600),
  ])('refuses %j', (path) => expect(pathRefusal(path)).toBeTypeOf('string'));
});

describe('effectiveChanges', () => {
  const files = new Map([
    ['a', '1'],
    ['d/e', '2'],
  ]);
  it('keeps only what differs', () => {
    const changes = new Map<string, string | null>([
      ['a', '1'],
      ['d/e', null],
      ['gone', null],
      ['new', '3'],
    ]);
    expect(effectiveChanges(files, changes)).toEqual({
      ok: true,
      value: new Map<string, string | null>([
        ['d/e', null],
        ['new', '3'],
      ]),
    });
  });
  it.each([
    ['a/b', 'file above'],
    ['d', 'files below'],
  ])('refuses %s: %s', (path) => expect(effectiveChanges(files, new Map([[path, 'x']])).ok).toBe(false));
  it('lets a file take the place of a folder that is emptied by the same change', () => {
    const changes = new Map<string, string | null>([
      ['d/e', null],
      ['d', 'x'],
    ]);
    expect(effectiveChanges(files, changes).ok).toBe(true);
  });
});
