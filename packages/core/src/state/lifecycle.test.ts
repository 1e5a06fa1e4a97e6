import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  baseRecord,
  dependency,
  digest,
  enrolment,
  epoch,
  externalEnrolment,
  imageRecord,
  intent,
  ledgerEntry,
  rebuild,
  stateOf,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { must } from '../result.ts';
import { day } from '../time.ts';
import { archiveBase, archiveImage, enrolAll, restoreImage } from './archive.ts';
import { baseBecomesManaged, baseDemoted, exactTag, linkManagedBases, newBase } from './base-lifecycle.ts';
import { stateChanges } from './changes.ts';
import { decodeImage } from './decode.ts';
import { decodeState, emptyState } from './decode-state.ts';
import { encodeImage } from './encode.ts';
import { enrol } from './enrol.ts';

const now = epoch + 30 * day;
const none = new Set<string>();

describe('enrol', () => {
  it('makes a record of a managed image without upstream fields', () => {
    const record = enrol(
      undefined,
      enrolment({ raw: { name: 'app', registry: 'ghcr.io', repository: 'acme/app', owner: 'x' } }),
      now,
    );
    expect(record).toMatchObject({ name: 'app', enrolledAt: now, discoveryStatus: 'pending' });
    expect(record.enrollment).toEqual({ registry: 'ghcr.io', repository: 'acme/app', owner: 'x' });
    expect(record).not.toHaveProperty('repoURL');
  });

  it('makes a record of an external image with them', () => {
    expect(enrol(undefined, externalEnrolment(), now)).toMatchObject({
      discoveryStatus: 'external',
      repoURL: 'docker.io/library/postgres',
      allowTags: '^16[.0-9]*$',
      imageSelectionStrategy: 'SemVer',
    });
  });

  it('gives the very same record where nothing changed, and takes over what did', () => {
    const record = enrol(undefined, enrolment(), now);
    expect(enrol(record, enrolment(), now + day)).toBe(record);
    const changed = enrol(record, enrolment({ raw: { ...enrolment().raw, owner: 'team' } }), now + day);
    expect(changed).toEqual({ ...record, enrollment: { ...record.enrollment, owner: 'team' } });
  });

  it('leaves files of the older tool alone, which fill in what the entry does not say', () => {
    for (const name of ['portal', 'cache']) {
      const path = `images/${name}.yaml`;
      const text = readFileSync(join(import.meta.dirname, 'testdata/older', path), 'utf8');
      const record = must(decodeImage(path, text));
      const { registry, repository, source } = record.enrollment as Record<string, string>;
      const place = { name, registry: registry ?? '', repository: repository ?? '' };
      const entry =
        name === 'portal'
          ? enrolment({ ...place, raw: { ...place, source } })
          : externalEnrolment({
              ...place,
              allowTags: record.allowTags ?? '',
              raw: {
                ...place,
                rebuildDelay: '30d',
                allowTags: record.allowTags,
                imageSelectionStrategy: 'SemVer',
              },
            });
      expect(enrol(record, entry, now)).toBe(record);
    }
  });

  const history = {
    currentVersion: '16.4',
    currentDigest: digest('c'),
    lastBuilt: epoch,
    rebuilds: [rebuild()],
    ledger: [ledgerEntry({ digest: digest('a'), tag: '16' })],
    approved: { tag: '16', digest: digest('a') },
    hold: { reason: 'x', since: epoch },
  };

  it('goes from external to managed and back with its history', () => {
    const place = { name: 'db', registry: 'ghcr.io', repository: 'acme/db' };
    const external = { ...enrol(undefined, externalEnrolment(place), epoch), ...history };
    const managed = enrol(external, enrolment(place), now);
    for (const field of ['repoURL', 'allowTags', 'imageSelectionStrategy'])
      expect(managed).not.toHaveProperty(field);
    expect(managed).toMatchObject({ ...history, discoveryStatus: 'pending', enrolledAt: epoch });
    expect(enrol(managed, externalEnrolment(place), now)).toEqual(external);
  });

  it('goes from managed to external and back: nothing it was built from remains in use, its rebuilds do', () => {
    const place = { name: 'db', registry: 'ghcr.io', repository: 'acme/db' };
    const managed = {
      ...enrol(undefined, enrolment(place), epoch),
      ...history,
      discoveryStatus: 'success' as const,
      baseImages: ['node-22'],
      dependencies: [dependency()],
      dockerfile: 'blob',
    };
    const external = enrol(managed, externalEnrolment(place), now);
    expect(external).toMatchObject({
      ...history,
      discoveryStatus: 'external',
      baseImages: [],
      dependencies: [],
    });
    expect(external).not.toHaveProperty('dockerfile');
    expect(enrol(external, enrolment(place), now)).toMatchObject({ ...history, discoveryStatus: 'pending' });
  });

  it('forgets the content of another repository, and keeps what people did', () => {
    const record = { ...enrol(undefined, enrolment(), epoch), ...history };
    const moved = enrol(
      record,
      enrolment({ repository: 'acme/new', raw: { registry: 'ghcr.io', repository: 'acme/new' } }),
      now,
    );
    expect(moved).toMatchObject({
      hold: history.hold,
      rebuilds: history.rebuilds,
      enrolledAt: epoch,
      ledger: [],
      builtFrom: {},
    });
    for (const field of ['currentDigest', 'currentVersion', 'approved', 'content'])
      expect(moved).not.toHaveProperty(field);
  });
});

describe('archive and restore', () => {
  function archivedFiles() {
    const state = stateOf({
      images: [imageRecord({ discoveryStatus: 'success', dockerfile: 'blob', rebuilds: [rebuild()] })],
    });
    const files = new Map([
      ['images/app.yaml', `${encodeImage(undefined, present(state.images.get('app')))}# by hand\n`],
    ]);
    const after = new Map(files);
    for (const [path, text] of stateChanges(state, archiveImage(state, 'app'), files)) {
      if (text === null) after.delete(path);
      else after.set(path, text);
    }
    return after;
  }

  function present<T>(value: T | undefined): T {
    if (value === undefined) throw new Error('missing');
    return value;
  }

  it('finds the archived record of an image that is enrolled again', () => {
    const files = archivedFiles();
    const { state, restored, added, problems } = enrolAll(emptyState, [enrolment()], now, files, none);
    expect([restored, added, problems]).toEqual([['app'], [], []]);
    expect(state.images.get('app')).toMatchObject({
      enrolledAt: epoch,
      rebuilds: [rebuild()],
      discoveryStatus: 'pending',
    });
    const changes = stateChanges(emptyState, state, files);
    expect(changes.get('_archive/images/app.yaml')).toBeNull();
    expect(changes.get('images/app.yaml')).toContain('# by hand');
  });

  it('refuses an archived record of another repository, and starts afresh', () => {
    const files = archivedFiles();
    const other = enrolment({ repository: 'other/app' });
    expect(restoreImage(files, other)).toMatchObject({
      ok: false,
      error: { code: 'STATE_CORRUPT', subject: { name: 'app' } },
    });
    const { state, added, problems } = enrolAll(emptyState, [other], now, files, none);
    expect([added, problems.length]).toEqual([['app'], 1]);
    expect(state.images.get('app')).toMatchObject({ enrolledAt: now, rebuilds: [] });
    expect([...stateChanges(emptyState, state, files).keys()]).toEqual(['images/app.yaml']);
  });

  it('refuses an archived record that cannot be read', () => {
    const files = new Map([['_archive/images/app.yaml', 'name: [']]);
    const { added, problems } = enrolAll(emptyState, [enrolment()], now, files, none);
    expect([added, problems.map(({ code }) => code)]).toEqual([['app'], ['STATE_CORRUPT']]);
  });

  it('archives what is enrolled no more, but follows an open intent to its end first', () => {
    const state = stateOf({
      images: [imageRecord(), imageRecord({ name: 'busy' })],
      intents: [intent({ image: 'busy' })],
    });
    const result = enrolAll(state, [], now, new Map(), none);
    expect(result.archived).toEqual(['app']);
    expect([...result.state.images.keys()]).toEqual(['busy']);
  });

  it('neither enrols nor changes an image whose file cannot be read, and gives the same state without news', () => {
    const result = enrolAll(emptyState, [enrolment()], now, new Map(), new Set(['images/app.yaml']));
    expect(result.state).toBe(emptyState);
    const settled = enrolAll(emptyState, [enrolment(), externalEnrolment()], now, new Map(), none).state;
    expect(enrolAll(settled, [enrolment(), externalEnrolment()], now + day, new Map(), none).state).toBe(
      settled,
    );
  });

  it('takes bases to the archive too', () => {
    const state = stateOf({ bases: [baseRecord()] });
    expect(archiveBase(state, 'node-22').bases.size).toBe(0);
    expect(state.bases.size).toBe(1);
  });
});

describe('bases', () => {
  it('are made from a reference', () => {
    const reference = { domain: 'docker.io', path: 'library/node', tag: '22.11-slim' };
    expect(newBase(reference, 'node-22-11-slim', true, now)).toMatchObject({
      fullImage: 'node:22.11-slim',
      registry: 'docker.io',
      repository: 'library/node',
      tag: '22.11-slim',
      repoURL: 'docker.io/library/node',
      allowTags: '^22\\.11-slim$',
      imageSelectionStrategy: 'Lexical',
      firstDiscovered: now,
    });
    const untagged = newBase(
      { domain: 'gcr.io', path: 'distroless/static', tag: 'latest' },
      'distroless-static',
      false,
      now,
    );
    expect(untagged).toMatchObject({
      fullImage: 'gcr.io/distroless/static',
      tag: 'latest',
      allowTags: '^latest$',
    });
    const files = new Map([['base-images/distroless-static.yaml', '']]);
    const state = stateOf({ bases: [untagged] });
    for (const [path, text] of stateChanges(emptyState, state, new Map())) files.set(path, text ?? '');
    expect(decodeState(files).state.bases.get('distroless-static')).toEqual(untagged);
  });

  it('match exactly their tag', () => {
    expect(new RegExp(exactTag('3.12')).test('3x12')).toBe(false);
    expect(new RegExp(exactTag('1.0+b(c)[d]{2}^$|?*\\')).test('1.0+b(c)[d]{2}^$|?*\\')).toBe(true);
  });

  it('lose their upstream fields when they become managed, and get them back', () => {
    for (const record of [
      baseRecord({ ledger: [ledgerEntry({ digest: digest('a') })], previousDigest: digest('p') }),
      baseRecord({ imageSelectionStrategy: 'SemVer', allowTags: '^22\\..*$', metadata: { size: 1 } }),
    ]) {
      const managed = baseBecomesManaged(record, 'node');
      expect(managed).toMatchObject({ managedBy: 'node', ledger: record.ledger });
      for (const field of ['repoURL', 'allowTags', 'imageSelectionStrategy'])
        expect(managed).not.toHaveProperty(field);
      expect(baseBecomesManaged(managed, 'node')).toBe(managed);
      expect(baseDemoted(managed)).toEqual(record);
    }
  });

  it('are linked to the managed image that moves their tag, and to no other', () => {
    const bases = [
      baseRecord({ registry: 'ghcr.io', repository: 'acme/app', tag: '1' }),
      baseRecord({ registry: 'ghcr.io', repository: 'acme/app', tag: '2' }),
    ];
    const state = stateOf({ bases });
    const linked = linkManagedBases(state, [enrolment({ tags: ['1'] }), externalEnrolment()]);
    expect([...linked.bases.values()].map(({ managedBy, repoURL }) => [managedBy, repoURL])).toEqual([
      ['app', undefined],
      [undefined, 'ghcr.io/acme/app'],
    ]);
    expect(linkManagedBases(linked, [enrolment({ tags: ['1'] })])).toBe(linked);
    expect(linkManagedBases(linked, [])).toEqual(state);
  });
});
