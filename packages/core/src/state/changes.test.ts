import { aBase, anImage, anIntent } from '@image-factory/testing/arbitrary-records.ts';
import {
  baseRecord,
  digest,
  epoch,
  imageRecord,
  intent,
  ledgerEntry,
  rebuild,
  stateOf,
} from '@image-factory/testing/records.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stateChanges } from './changes.ts';
import { exportDecodeCache, importDecodeCache, newDecodeCache, rememberWritten } from './decode-cache.ts';
import { decodeState, emptyState } from './decode-state.ts';
import { encodeBase, encodeImage } from './encode.ts';
import type { StateChanges, StateFiles } from './files.ts';
import { digestsInUse, keptEntries, trimState } from './trim.ts';
import type { FactoryState } from './types.ts';

function applied(files: StateFiles, changes: StateChanges): StateFiles {
  const next = new Map(files);
  for (const [path, text] of changes) {
    if (text === null) next.delete(path);
    else next.set(path, text);
  }
  return next;
}

function write(
  state: FactoryState,
  files: StateFiles = new Map(),
  before = decodeState(files).state,
): StateFiles {
  return applied(files, stateChanges(before, state, files));
}

describe('stateChanges', () => {
  it('writes new records, only changed ones, and nothing without news', () => {
    const state = stateOf({
      images: [imageRecord(), imageRecord({ name: 'web' })],
      bases: [baseRecord()],
      intents: [intent()],
      engine: { engine: 'embedded', epoch: 1, version: 1 },
    });
    const files = write(state);
    expect([...files.keys()]).toEqual([
      'images/app.yaml',
      'images/web.yaml',
      'base-images/node-22.yaml',
      'intents/app.yaml',
      'engine.yaml',
    ]);
    expect(decodeState(files)).toEqual({ state, problems: [], unreadable: new Set() });
    expect(stateChanges(state, state, files).size).toBe(0);
    expect(stateChanges(state, structuredClone(state), files).size).toBe(0);
    const next = {
      ...state,
      images: new Map(state.images).set('web', imageRecord({ name: 'web', currentVersion: '2' })),
    };
    expect([...stateChanges(state, next, files).keys()]).toEqual(['images/web.yaml']);
    expect([...stateChanges(state, { ...state, intents: new Map() }, files)]).toEqual([
      ['intents/app.yaml', null],
    ]);
    const switched = { ...state, engine: { engine: 'kargo' as const, epoch: 2, version: 1 } };
    expect(decodeState(write(switched, files)).state.engine).toEqual(switched.engine);
  });

  it('leads from any state to any other, through files', () => {
    const names = fc.constantFrom('a', 'b', 'c');
    const states = fc
      .record({
        images: fc.uniqueArray(anImage(names), { selector: (image) => image.name, maxLength: 3 }),
        bases: fc.uniqueArray(aBase(names), { selector: (base) => base.name, maxLength: 3 }),
        intents: fc.uniqueArray(anIntent(names), { selector: (open) => open.image, maxLength: 3 }),
      })
      .map((parts) => stateOf(parts));
    fc.assert(
      fc.property(fc.array(states, { minLength: 1, maxLength: 4 }), (steps) => {
        let files: StateFiles = new Map();
        for (const state of steps) {
          files = write(state, files);
          expect(decodeState(files)).toEqual({ state, problems: [], unreadable: new Set() });
          expect(write(state, files)).toEqual(files);
        }
      }),
    );
  });

  it('moves what leaves to the archive as it is, and takes it back with all that was in it', () => {
    const image = imageRecord({ currentVersion: '1' });
    const base = baseRecord();
    const files = new Map([
      ['images/app.yaml', `${encodeImage(undefined, image)}notes: by hand # keep\n`],
      ['base-images/node-22.yaml', `${encodeBase(undefined, base)}# last words\n`],
    ]);
    const gone = write(emptyState, files);
    expect([...gone.keys()].toSorted()).toEqual([
      '_archive/base-images/node-22.yaml',
      '_archive/images/app.yaml',
    ]);
    expect(gone.get('_archive/images/app.yaml')).toBe(files.get('images/app.yaml'));
    expect(write(stateOf({ images: [image], bases: [base] }), gone)).toEqual(files);

    const back = write(stateOf({ images: [{ ...image, currentVersion: '2' }] }), gone);
    expect([...back.keys()].toSorted()).toEqual(['_archive/base-images/node-22.yaml', 'images/app.yaml']);
    expect(back.get('images/app.yaml')).toContain('notes: by hand # keep');
    expect(back.get('images/app.yaml')).toContain('currentVersion: "2"');
  });

  it('does not mix a new record with the archived one of another image, and keeps both', () => {
    const first = imageRecord({ currentVersion: 'first' });
    const second = imageRecord({ enrolledAt: epoch + 1, currentVersion: 'second' });
    const archived = write(emptyState, write(stateOf({ images: [first] })));
    const both = write(stateOf({ images: [second] }), archived);
    expect([...both.keys()].toSorted()).toEqual(['_archive/images/app.yaml', 'images/app.yaml']);
    expect(both.get('images/app.yaml')).not.toContain('first');
    const end = write(emptyState, both);
    expect(end.size).toBe(2);
    expect([...end.values()].map((text) => /currentVersion: (\w+)/.exec(text)?.[1] ?? '').toSorted()).toEqual(
      ['first', 'second'],
    );
  });

  it('appends entries and rebuilds that left a record to the archive, once', () => {
    const ledger = Array.from({ length: keptEntries + 3 }, (_, index) =>
      ledgerEntry({ digest: digest(`d${index}`), firstSeen: epoch + index, replacedAt: epoch + index + 1 }),
    );
    const rebuilds = Array.from({ length: 22 }, (_, index) => rebuild({ key: `k${index}` }));
    const state = stateOf({
      images: [
        imageRecord({ builtFrom: { 'node-22': { digest: digest('d1'), evidence: 'layers' } }, rebuilds }),
      ],
      bases: [baseRecord({ ledger })],
    });
    const files = write(state);
    const trimmed = trimState(state, digestsInUse(state));
    expect(trimmed.images.get('app')?.rebuilds.map(({ key }) => key)).toEqual(
      rebuilds.slice(2).map(({ key }) => key),
    );
    expect(trimmed.bases.get('node-22')?.ledger).toEqual([ledger[1], ...ledger.slice(3)]);
    expect(trimState(trimmed, digestsInUse(trimmed))).toBe(trimmed);
    const next = write(trimmed, files);
    const lines = (next.get('_archive/ledgers/node-22.jsonl') ?? '').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { digest: string }).digest)).toEqual([
      digest('d0'),
      digest('d2'),
    ]);
    expect(next.get('_archive/rebuilds/app.jsonl')?.split('\n')).toHaveLength(3);
    expect(write(trimmed, next)).toEqual(next);

    const shorter = stateOf({
      images: [...trimmed.images.values()],
      bases: [baseRecord({ ledger: ledger.slice(4) })],
    });
    expect(write(shorter, next).get('_archive/ledgers/node-22.jsonl')?.startsWith(lines.join('\n'))).toBe(
      true,
    );
    expect(write(shorter, next).get('_archive/ledgers/node-22.jsonl')?.trim().split('\n')).toHaveLength(4);
  });

  it('never takes an entry that stands, is in use, or is held', () => {
    const ledger = [
      ledgerEntry({ digest: digest('standing'), tag: '1' }),
      ledgerEntry({ digest: digest('held'), replacedAt: epoch }),
      ledgerEntry({ digest: digest('pinned'), replacedAt: epoch }),
      ledgerEntry({ digest: digest('old'), replacedAt: epoch }),
      ...Array.from({ length: keptEntries }, (_, index) =>
        ledgerEntry({ digest: digest(`d${index}`), replacedAt: epoch }),
      ),
    ];
    const state = stateOf({
      bases: [baseRecord({ ledger, holds: [{ reason: 'x', since: epoch, digest: digest('held') }] })],
      intents: [intent({ pins: [{ base: 'node-22', reference: 'node:22', digest: digest('pinned') }] })],
    });
    const kept = trimState(state, digestsInUse(state)).bases.get('node-22')?.ledger ?? [];
    expect(kept.slice(0, 3)).toEqual(ledger.slice(0, 3));
    expect(kept).toHaveLength(keptEntries + 3);
  });
});

describe('the cache of decoded files', () => {
  const files = write(stateOf({ images: [imageRecord()], bases: [baseRecord()] }));

  it('decodes a text once, and again when it changed', () => {
    const cache = newDecodeCache();
    const first = decodeState(files, cache).state;
    expect(decodeState(files, cache).state.images.get('app')).toBe(first.images.get('app'));
    const changed = new Map(files).set('images/app.yaml', 'name: app\ncurrentVersion: "2"\n');
    expect(decodeState(changed, cache).state.images.get('app')?.currentVersion).toBe('2');
    expect(decodeState(changed, cache).state.bases.get('node-22')).toBe(first.bases.get('node-22'));
    decodeState(new Map(), cache);
    expect(cache.size).toBe(0);
  });

  it('takes what was written as it would be read', () => {
    const { state } = decodeState(files);
    const current = (version: string) =>
      stateOf({ images: [imageRecord({ currentVersion: version })], bases: [] });
    const changes = stateChanges(state, current('2'), files);
    const next = applied(files, changes);
    const cache = newDecodeCache();
    rememberWritten(cache, current('2'), changes);
    expect([...cache.keys()]).toEqual(['images/app.yaml']);
    expect(decodeState(next, cache)).toEqual(decodeState(next));
    // Somebody else wrote in between: the text decides.
    const edited = applied(next, stateChanges(current('2'), current('3'), next));
    expect(decodeState(edited, cache).state.images.get('app')?.currentVersion).toBe('3');
  });

  it('survives as JSON, for the very same texts only', () => {
    const cache = newDecodeCache();
    const { state } = decodeState(files, cache);
    const exported = exportDecodeCache(cache);
    const imported = importDecodeCache(exported, files);
    expect(imported.size).toBe(2);
    expect(decodeState(files, imported).state).toEqual(state);
    const edited = new Map(files).set(
      'images/app.yaml',
      (files.get('images/app.yaml') ?? '').replace('pending', 'success'),
    );
    expect(importDecodeCache(exported, edited).size).toBe(1);
    for (const damaged of ['', '{', '[]', '{"version":1,"entries":[1,[2]]}', '{"version":99,"entries":[]}']) {
      expect(importDecodeCache(damaged, files).size).toBe(0);
    }
  });
});
