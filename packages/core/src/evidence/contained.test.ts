import {
  amd64,
  arm64,
  baseRecord,
  dependency,
  digest,
  epoch,
  imageRecord,
  ledgerEntry,
  platformContent,
  rebuild,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../reference/types.ts';
import type { ImageContent, ImageRecord, LedgerEntry } from '../state/types.ts';
import { day } from '../time.ts';
import { containedBase, type Contained, type ProvenanceFact } from './contained.ts';

const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => digest(name)) as [
  Digest,
  Digest,
  Digest,
  Digest,
  Digest,
];
const image = digest('image');

function entryOf(each: Digest, on: number, layers: readonly string[]): LedgerEntry {
  const platforms = { [amd64]: platformContent(layers, { digest: digest(`amd64 of ${each}`) }) };
  return ledgerEntry({ digest: each, firstSeen: epoch + on * day, platforms });
}

const ledger = [entryOf(a, 0, ['a1', 'a2']), entryOf(b, 1, ['b1', 'b2']), entryOf(c, 2, ['a1', 'a2', 'c3'])];
const base = baseRecord({ ledger });

function content(layers: readonly string[], more: Partial<ImageContent> = {}): ImageContent {
  return { digest: image, firstSeen: epoch, platforms: { [amd64]: platformContent(layers) }, ...more };
}

function contained(
  record: Partial<ImageRecord>,
  provenance: readonly ProvenanceFact[] = [],
  uses = [dependency()],
  of = base,
): Contained {
  return containedBase(imageRecord(record), of, uses, provenance);
}

const fact = { image: 'app', subject: image, base: 'node-22', digest: d, signed: false };
const record = rebuild({
  digest: image,
  pins: [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: c }],
});

describe('evidence in order of strength', () => {
  const everything = {
    content: content(['b1', 'b2', 'own'], { annotatedBase: { digest: e } }),
    rebuilds: [record],
  };
  const facts = [fact, { ...fact, digest: a, signed: true }];

  it('is signed provenance, layers, record, unsigned provenance, annotation', () => {
    expect(contained(everything, facts).claims).toEqual([
      { digest: a, evidence: 'signed-provenance' },
      { digest: b, evidence: 'layers' },
      { digest: c, evidence: 'record' },
      { digest: d, evidence: 'provenance' },
      { digest: e, evidence: 'annotation' },
    ]);
  });

  it.each([
    [facts, everything, 'signed-provenance'],
    [[fact], everything, 'layers'],
    [[fact], { ...everything, content: content(['own'], { annotatedBase: { digest: e } }) }, 'record'],
    [[fact], { content: content(['own'], { annotatedBase: { digest: e } }) }, 'provenance'],
    [[], { content: content(['own'], { annotatedBase: { digest: e } }) }, 'annotation'],
    [[], { content: content(['own']) }, undefined],
    [facts, {}, undefined],
  ])('takes the strongest that there is (%#)', (provenance, known, strongest) => {
    expect(contained(known, provenance).best?.evidence).toBe(strongest);
  });

  it('reports the strongest that disagrees', () => {
    expect(contained(everything, [fact])).toMatchObject({
      best: { digest: b, evidence: 'layers' },
      conflict: { digest: c, evidence: 'record' },
    });
  });
});

describe('layers', () => {
  it('prove the base of an image from which every label and annotation is gone', () => {
    expect(contained({ content: content(['b1', 'b2', 'own']) }).best).toEqual({
      digest: b,
      evidence: 'layers',
    });
  });

  it('prove the longest match', () => {
    expect(contained({ content: content(['a1', 'a2', 'c3', 'own']) }).best?.digest).toBe(c);
    expect(contained({ content: content(['a1', 'a2', 'own']) }).best?.digest).toBe(a);
  });

  it('prove the longest match, although our record names a shorter one', () => {
    const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: a }];
    const known = {
      content: content(['a1', 'a2', 'c3', 'own']),
      rebuilds: [rebuild({ digest: image, pins })],
    };
    expect(contained(known)).toMatchObject({ best: { digest: c }, conflict: { digest: a } });
  });

  it('prove the longest match, although a shorter one appeared later', () => {
    const of = baseRecord({ ledger: [entryOf(a, 0, ['a1', 'a2']), entryOf(b, 1, ['a1'])] });
    expect(contained({ content: content(['a1', 'a2', 'own']) }, [], [dependency()], of).best?.digest).toBe(a);
  });

  it('prove nothing when a layer differs, a platform is unknown, or the base has no layers', () => {
    expect(contained({ content: content(['a1', 'other']) }).best).toBeUndefined();
    const both = { [amd64]: platformContent(['a1', 'a2']), [arm64]: platformContent(['a1', 'a2']) };
    expect(contained({ content: content([], { platforms: both }) }).best).toBeUndefined();
    const empty = baseRecord({ ledger: [entryOf(a, 0, [])] });
    expect(contained({ content: content(['own']) }, [], [dependency()], empty).best).toBeUndefined();
  });

  it('count on the platforms of the image alone', () => {
    const wide = {
      ...entryOf(a, 0, ['a1']),
      platforms: { [amd64]: platformContent(['a1']), [arm64]: platformContent(['x', 'y', 'z']) },
    };
    const of = baseRecord({ ledger: [wide, entryOf(b, 1, ['a1', 'b2'])] });
    expect(contained({ content: content(['a1', 'b2', 'own']) }, [], [dependency()], of).best?.digest).toBe(b);
  });

  it('cannot tell digests apart that differ in their config alone: there the record decides', () => {
    const of = baseRecord({ ledger: [entryOf(a, 0, ['a1']), entryOf(c, 1, ['a1'])] });
    const known = content(['a1', 'own']);
    expect(contained({ content: known }, [], [dependency()], of).best?.digest).toBe(c);
    const pins = [{ base: 'node-22', reference: 'docker.io/library/node:22', digest: a }];
    const recorded = contained(
      { content: known, rebuilds: [rebuild({ digest: image, pins })] },
      [],
      [dependency()],
      of,
    );
    expect(recorded).toMatchObject({ best: { digest: a, evidence: 'layers' }, conflict: undefined });
  });
});

describe('no conflict', () => {
  it('is between digests of equal content', () => {
    const of = baseRecord({ ledger: [ledger[0], { ...entryOf(c, 1, ['z']), equalTo: a }] as LedgerEntry[] });
    expect(
      contained({ content: content(['a1', 'a2', 'own']), rebuilds: [record] }, [], [dependency()], of)
        .conflict,
    ).toBeUndefined();
  });

  it('is between indexes with the same manifests for the platforms of the image', () => {
    const same = { ...entryOf(c, 1, ['a1', 'a2']), platforms: ledger[0]?.platforms ?? {} };
    const of = baseRecord({ ledger: [...ledger.slice(0, 1), same] });
    const other = { ...fact, digest: a };
    expect(
      contained({ content: content(['a1', 'a2', 'own']), rebuilds: [record] }, [other], [dependency()], of)
        .conflict,
    ).toBeUndefined();
  });

  it('but is when only one of two platforms is the same', () => {
    const two = (arm: string): LedgerEntry['platforms'] => ({
      [amd64]: platformContent(['x']),
      [arm64]: platformContent([arm]),
    });
    const of = baseRecord({
      ledger: [
        ledgerEntry({ digest: a, platforms: two('old') ?? {} }),
        ledgerEntry({ digest: c, firstSeen: epoch + day, platforms: two('new') ?? {} }),
      ],
    });
    const known = content([], {
      platforms: { [amd64]: platformContent(['x', 'own']), [arm64]: platformContent(['old', 'own']) },
    });
    expect(contained({ content: known, rebuilds: [record] }, [], [dependency()], of)).toMatchObject({
      best: { digest: a },
      conflict: { digest: c, evidence: 'record' },
    });
  });
});

describe('builder stages and copied-from images', () => {
  const uses = [dependency({ kind: 'copy-from', final: false })];
  const known = { content: content(['b1', 'b2'], { annotatedBase: { digest: e } }), rebuilds: [record] };

  it('are not provable by layers or annotation, only by signed provenance, record and provenance', () => {
    expect(contained(known, [fact, { ...fact, digest: a, signed: true }], uses)).toMatchObject({
      provable: false,
      claims: [{ evidence: 'signed-provenance' }, { evidence: 'record' }, { evidence: 'provenance' }],
    });
  });
});

describe('what is no evidence', () => {
  it('is an attestation about another image digest, image or base', () => {
    const others = [
      { ...fact, subject: a },
      { ...fact, image: 'other' },
      { ...fact, base: 'alpine-3' },
    ];
    expect(contained({ content: content(['own']) }, others).best).toBeUndefined();
  });

  it('is a rebuild that made another digest, or did not succeed', () => {
    const rebuilds = [
      { ...record, digest: b },
      { ...record, outcome: 'base-drift' as const },
    ];
    expect(contained({ content: content(['own']), rebuilds }).best).toBeUndefined();
  });
});
