import { createHash } from 'node:crypto';
import { parseDigest } from '@image-factory/core/reference/digest.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';

/** A digest, or undefined for anything that is none. */
export function digestFrom(value: unknown): Digest | undefined {
  if (typeof value !== 'string') return undefined;
  const digest = parseDigest(value);
  return digest.ok ? digest.value : undefined;
}

/** The digest of raw bytes, in the algorithm of another digest; sha256 by default. */
export function digestOf(bytes: Uint8Array | string, like?: Digest): Digest {
  const algorithm = like ? like.slice(0, like.indexOf(':')) : 'sha256';
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}
