import {
  amd64,
  arm64,
  baseRecord,
  dependency,
  digest,
  epoch,
  ledgerEntry,
  platformContent,
} from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import type { ImageContent } from '../state/types.ts';
import { driftOf } from './drift.ts';

const platforms = { [amd64]: platformContent(['a1', 'a2']), [arm64]: platformContent(['r1']) };
const bases = new Map([
  ['node-22', baseRecord({ ledger: [ledgerEntry({ digest: digest('a'), platforms })] })],
]);
const pin = { base: 'node-22', reference: 'docker.io/library/node:22', digest: digest('a') };

function built(amd: readonly string[], arm: readonly string[]): ImageContent {
  return {
    digest: digest('image'),
    firstSeen: epoch,
    platforms: { [amd64]: platformContent(amd), [arm64]: platformContent(arm) },
    annotatedBase: { name: pin.reference, digest: pin.digest },
    buildKey: 'key-1',
  };
}

describe('base drift', () => {
  it('is none when the layers begin with those of the approved digest', () => {
    expect(driftOf(built(['a1', 'a2', 'own'], ['r1', 'own']), [pin], [dependency()], bases)).toBeUndefined();
  });

  it('is found although annotations claim the approved base', () => {
    const drift = driftOf(built(['b1', 'own'], ['r1', 'own']), [pin], [dependency()], bases);
    expect(drift).toMatchObject({ pin });
    expect(drift?.message).toContain(pin.digest);
  });

  it('is found on one platform of two', () => {
    expect(driftOf(built(['a1', 'a2'], ['other']), [pin], [dependency()], bases)).toBeDefined();
  });

  it('is not claimed where layers say nothing: builder stages, bases whose layers are not known', () => {
    const content = built(['b1'], ['b1']);
    expect(driftOf(content, [pin], [dependency({ final: false })], bases)).toBeUndefined();
    expect(driftOf(content, [pin], [dependency({ kind: 'copy-from' })], bases)).toBeUndefined();
    expect(driftOf(content, [{ ...pin, digest: digest('unknown') }], [dependency()], bases)).toBeUndefined();
    expect(driftOf(content, [pin], [dependency()], new Map())).toBeUndefined();
  });
});
