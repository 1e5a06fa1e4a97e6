import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baseRecord, imageRecord, intent, stateOf } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { stateChanges } from './changes.ts';
import { decodeBase, decodeEngine, decodeImage } from './decode.ts';
import { decodeState } from './decode-state.ts';
import { encodeBase, encodeImage } from './encode.ts';

const folder = join(import.meta.dirname, 'testdata/corrupt');

describe('corrupt files', () => {
  it.each([
    ['bad-indentation', 2, 13, 'mapping'],
    ['binary', 1, 1, 'null byte'],
    ['empty', undefined, undefined, 'document'],
    ['list', 1, 1, 'expected a mapping, got a list'],
    ['duplicate-key', 2, 1, 'duplicated'],
    ['two-documents', undefined, undefined, 'document'],
    ['bomb', undefined, undefined, 'alias'],
    ['merge-conflict', undefined, undefined, 'key'],
    ['wrong-name', 1, 7, 'name: expected "wrong-name" as the file is called, got "another"'],
    ['no-name', 1, 1, 'name: expected a value, got nothing'],
    ['wrong-type', 3, 13, 'baseImages: expected a list, got "node-22"'],
    ['wrong-time', 2, 13, 'enrolledAt: expected a time such as 2026-11-22T10:00:00Z, got "yesterday"'],
    ['wrong-entry', 3, 13, 'ledger[0].digest: expected a digest'],
    ['wrong-hold', 2, 26, 'hold.until: expected a time'],
    ['two-holds', 2, 8, 'an image has one hold'],
    ['truncated', 1, 7, 'got "truncat"'],
    ['nested', 1, undefined, 'nest'],
    ['tag', 1, undefined, 'tag'],
  ])('%s is one problem with its place', (name, line, column, words) => {
    const text = readFileSync(join(folder, `${name}.yaml`), 'utf8');
    const decoded = decodeImage(`images/${name}.yaml`, text);
    if (decoded.ok) expect.unreachable();
    expect(decoded.error).toMatchObject({
      code: 'STATE_CORRUPT',
      subject: { kind: 'image', name },
      place: { file: `images/${name}.yaml` },
    });
    expect(decoded.error.message).toContain(words);
    expect(decoded.error.hint).not.toBe('');
    if (line !== undefined) expect(decoded.error.place?.line).toBe(line);
    if (column !== undefined) expect(decoded.error.place?.column).toBe(column);
  });

  it('covers every file of the folder', () => {
    expect(readdirSync(folder)).toHaveLength(18);
  });

  it('is refused when it is too large, before it is read', () => {
    const decoded = decodeImage('images/a.yaml', `name: a\n${'#'.repeat(9_000_000)}`);
    expect(decoded).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('at most') as string },
    });
  });

  it('needs a reference in a base', () => {
    const decoded = decodeBase('base-images/x.yaml', 'name: x\n');
    expect(decoded).toMatchObject({
      ok: false,
      error: { subject: { kind: 'base', name: 'x' }, place: { line: 1 } },
    });
  });

  it('stops no other file, and is never written, moved or deleted', () => {
    const app = imageRecord();
    const node = baseRecord();
    const files = new Map([
      ['images/app.yaml', encodeImage(undefined, app)],
      ['images/bad.yaml', 'name: ['],
      ['base-images/node-22.yaml', encodeBase(undefined, node)],
      ['base-images/bad.yaml', '<<<<'],
      ['intents/bad.yaml', 'image: bad\n'],
      ['README.md', 'not a record'],
      ['images/template.example.yaml', 'name: ['],
    ]);
    const { state, problems, unreadable } = decodeState(files);
    expect(state.images.get('app')).toEqual(app);
    expect(state.bases.get('node-22')).toEqual(node);
    expect(problems.map(({ code, subject }) => [code, subject])).toEqual([
      ['STATE_CORRUPT', { kind: 'image', name: 'bad' }],
      ['STATE_CORRUPT', { kind: 'base', name: 'bad' }],
      ['STATE_CORRUPT', { kind: 'image', name: 'bad' }],
    ]);
    expect([...unreadable]).toEqual(['images/bad.yaml', 'base-images/bad.yaml', 'intents/bad.yaml']);

    const bold = stateOf({
      images: [app, imageRecord({ name: 'bad' })],
      bases: [node, baseRecord({ name: 'bad' })],
      intents: [intent({ image: 'bad' })],
    });
    expect(stateChanges(state, bold, files)).toEqual(new Map());
    expect(stateChanges(bold, state, files)).toEqual(new Map());
    const other = {
      ...bold,
      images: new Map(bold.images).set('bad', imageRecord({ name: 'bad', currentVersion: '2' })),
    };
    expect(stateChanges(bold, other, files)).toEqual(new Map());
  });

  it('says so when a newer program wrote the state, and reads nothing of it', () => {
    const files = new Map([
      ['images/app.yaml', encodeImage(undefined, imageRecord())],
      ['images/bad.yaml', '['],
      ['engine.yaml', 'engine: quantum\nversion: 2\n'],
    ]);
    const { state, problems } = decodeState(files);
    expect(problems).toMatchObject([
      { code: 'STATE_NEWER', message: expect.stringContaining('version 2') as string },
    ]);
    expect(state.images.size).toBe(0);
    expect(decodeEngine('engine.yaml', 'engine: embedded\nepoch: 3\nversion: 1\n')).toEqual({
      ok: true,
      value: { engine: 'embedded', epoch: 3, version: 1 },
    });
  });
});
