import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aBase, anEngine, anImage, anIntent } from '@image-factory/testing/arbitrary-records.ts';
import { digest, epoch, imageRecord, ledgerEntry, rebuild } from '@image-factory/testing/records.ts';
import fc from 'fast-check';
import * as jsYaml from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { must } from '../result.ts';
import { decodeBase, decodeEngine, decodeImage, decodeIntent } from './decode.ts';
import { encodeBase, encodeEngine, encodeImage, encodeIntent } from './encode.ts';
import { basePath, imagePath, intentPath } from './state-paths.ts';
import { commentsBetween, spansOf } from './yaml-spans.ts';

const testdata = join(import.meta.dirname, 'testdata');

function read(folder: string, path: string): string {
  return readFileSync(join(testdata, folder, path), 'utf8');
}

function image(folder: string, name: string) {
  return must(decodeImage(imagePath(name), read(folder, imagePath(name))));
}

function base(folder: string, name: string) {
  return must(decodeBase(basePath(name), read(folder, basePath(name))));
}

describe('files of the older tool', () => {
  for (const folder of ['older', 'hand-written']) {
    for (const kind of ['images', 'base-images']) {
      for (const file of readdirSync(join(testdata, folder, kind))) {
        it(`reads ${folder}/${kind}/${file} and writes not one byte without news`, () => {
          const path = `${kind}/${file}`;
          const text = read(folder, path);
          if (kind === 'images') expect(encodeImage(text, must(decodeImage(path, text)))).toBe(text);
          else expect(encodeBase(text, must(decodeBase(path, text)))).toBe(text);
        });
      }
    }
  }

  it('reads a managed image', () => {
    expect(image('older', 'portal')).toMatchObject({
      enrolledAt: Date.UTC(2025, 2, 4, 9, 12, 31, 482),
      lastDiscovery: Date.UTC(2025, 10, 30, 22, 0, 7, 1),
      discoveryStatus: 'pending',
      baseImages: ['distroless-nodejs22-debian12-nonroot', 'node-22.11-bookworm-slim'],
      currentVersion: '1.10',
      lastBuilt: Date.UTC(2025, 10, 29, 3, 15),
      dependencies: [],
      builtFrom: {},
    });
    expect(image('older', 'worker')).not.toHaveProperty('currentDigest');
  });

  it('reads an external image', () => {
    const record = image('older', 'cache');
    expect(record).toMatchObject({
      allowTags: '^7\\.[0-9]+-alpine$',
      imageSelectionStrategy: 'SemVer',
      repoURL: 'docker.io/library/redis',
    });
    expect(record).not.toHaveProperty('lastBuilt');
  });

  it('reads bases: tags that look like numbers, files with few fields, references without tag', () => {
    expect(base('older', 'node-22.11-bookworm-slim')).toMatchObject({
      rebuildEligibleAt: { default: Date.UTC(2025, 10, 27, 6) },
      metadata: { size: 80123456 },
      updateHistory: [{}, {}],
      allowTags: '^22\\\\.11-bookworm-slim$',
    });
    expect(base('older', 'python-3.10').tag).toBe('3.10');
    expect(base('older', 'proxy')).toMatchObject({
      fullImage: 'nginx',
      repository: 'library/nginx',
      firstDiscovered: 0,
    });
    expect(base('older', 'proxy')).not.toHaveProperty('tag');
    expect(base('older', 'python3-debian12')).toMatchObject({
      registry: 'gcr.io',
      firstDiscovered: Date.UTC(2025, 2, 4, 9, 12, 33, 100),
    });
  });

  it('is enriched without loss: the lines that do not change stay as they are', () => {
    const path = basePath('node-22.11-bookworm-slim');
    const before = read('older', path);
    const record = base('older', 'node-22.11-bookworm-slim');
    const { lastUpdated: _, ...rest } = record;
    const entry = ledgerEntry({ digest: digest('n'), baseline: true });
    const after = encodeBase(before, {
      ...rest,
      previousDigest: digest('p'),
      rebuildEligibleAt: { default: epoch },
      ledger: [entry],
    });
    const changed = [
      ['lastUpdated:', 'lastUpdated: null  # Will be set when digest first changes'],
      ['previousDigest:', `previousDigest: ${digest('p')}`],
      ['  default:', `  default: '2026-01-01T00:00:00Z'  # Will be calculated as lastUpdated + rebuildDelay`],
    ] as const;
    const expected = before
      .split('\n')
      .map((line) => changed.find(([start]) => line.startsWith(start))?.[1] ?? line);
    expect(after).toBe(
      expected.join('\n') +
        `ledger:\n  - digest: ${digest('n')}\n    firstSeen: "2026-01-01T00:00:00Z"\n    appeared: "2026-01-01T00:00:00Z"\n` +
        `    settledAt: "2026-01-01T00:00:00Z"\n    baseline: true\n`,
    );
    expect(after).toContain("lastChecked: '2025-11-30T22:00:09.734001+00:00'");
  });
});

describe('files that people edit', () => {
  it('reads a hold in every form that means one', () => {
    const holdOf = (written: string) =>
      must(decodeImage('images/a.yaml', `name: a\nhold: ${written}\n`)).hold;
    expect(holdOf('true')).toEqual({ reason: 'no reason given', since: 0 });
    expect(holdOf('wait for QA')).toEqual({ reason: 'wait for QA', since: 0 });
    expect(holdOf('{until: 2026-02-01}')).toEqual({
      reason: 'no reason given',
      since: 0,
      until: Date.UTC(2026, 1, 1),
    });
    expect(holdOf('{reason: x, by: me, since: 2026-01-01T00:00:00Z}')).toEqual({
      reason: 'x',
      by: 'me',
      since: epoch,
    });
    expect(holdOf('false')).toBeUndefined();
    expect(holdOf('null')).toBeUndefined();
    expect(image('hand-written', 'web').hold).toEqual({
      reason: 'release week',
      since: 0,
      until: Date.UTC(2026, 1, 1),
    });
  });

  it('takes a single hold of a base for one of its holds, and writes the list once it changes', () => {
    const text = read('hand-written', basePath('node-22'));
    const record = base('hand-written', 'node-22');
    expect(record.holds).toEqual([{ reason: 'crashes under load', since: 0 }]);
    const more = { ...record, holds: [...record.holds, { reason: 'other', since: epoch }] };
    const written = encodeBase(text, more);
    expect(decodeBase(basePath('node-22'), written)).toEqual({ ok: true, value: more });
    expect(written).toContain('# stop everything on node until ticket 4711 is solved');
    expect(written).toContain('comment: kept');
    const released = encodeBase(text, { ...record, holds: [] });
    expect(must(decodeBase(basePath('node-22'), released)).holds).toEqual([]);
  });

  it('keeps fields that it does not know inside of lists it changes', () => {
    const text = read('hand-written', imagePath('web'));
    const record = image('hand-written', 'web');
    const written = encodeImage(text, {
      ...record,
      rebuilds: [...record.rebuilds.map((done) => ({ ...done, log: 'log' })), rebuild({ key: 'k3' })],
    });
    expect(written).toContain('note: "went well"');
    expect(written).toContain('runner: big-7');
    expect(written).toContain('- key: k2     # the slow one');
    expect(written).toContain('# until the sale is over');
    expect(must(decodeImage(imagePath('web'), written)).rebuilds.map(({ key, log }) => [key, log])).toEqual([
      ['k1', 'log'],
      ['k2', 'log'],
      ['k3', undefined],
    ]);
  });

  it('does not touch a file that cannot be read', () => {
    expect(encodeImage('name: [', imageRecord())).toBe('name: [');
  });
});

describe('every record', () => {
  const name = fc.constant('app');
  const kinds = [
    ['image', anImage(name), encodeImage, (text: string) => decodeImage(imagePath('app'), text)],
    ['base', aBase(name), encodeBase, (text: string) => decodeBase(basePath('app'), text)],
    ['intent', anIntent(name), encodeIntent, (text: string) => decodeIntent(intentPath('app'), text)],
    ['engine', anEngine, encodeEngine, (text: string) => decodeEngine('engine.yaml', text)],
  ] as const;

  it.each(kinds)('%s: what is written is read back, over any previous text', (_, records, encode, decode) => {
    fc.assert(
      fc.property(records as fc.Arbitrary<never>, records as fc.Arbitrary<never>, (first, second) => {
        const fresh = encode(undefined, first);
        expect(must<unknown, unknown>(decode(fresh))).toEqual(first);
        expect(encode(fresh, first)).toBe(fresh);
        expect(must<unknown, unknown>(decode(encode(fresh, second)))).toEqual(second);
      }),
    );
  });

  /** What a person or another program may have added, between the lines of our own file. */
  function withStrangers(text: string): string {
    return `# a word of warning\n${text}\n\n# ours\nx-team: { name: shop } # mine\nlastChecked: '2025-01-01'\n`;
  }

  it.each(kinds)('%s: comments and unknown fields survive any change', (_, records, encode, decode) => {
    fc.assert(
      fc.property(records as fc.Arbitrary<never>, records as fc.Arbitrary<never>, (first, second) => {
        const previous = withStrangers(encode(undefined, first));
        expect(encode(previous, first)).toBe(previous);
        const written = encode(previous, second);
        expect(must<unknown, unknown>(decode(written))).toEqual(second);
        expect(jsYaml.load(written)).toMatchObject({ 'x-team': { name: 'shop' }, lastChecked: '2025-01-01' });
        const spanned = spansOf(written);
        const comments = spanned ? commentsBetween(spanned, 0, written.length) : [];
        expect(comments).toEqual(expect.arrayContaining(['# a word of warning', '# ours', '# mine']));
        expect(written).toContain(`x-team: { name: shop } # mine\nlastChecked: '2025-01-01'\n`);
      }),
    );
  });
});
