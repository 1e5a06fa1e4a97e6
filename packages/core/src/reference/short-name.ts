import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * A Kubernetes name of at most `longest` characters: the text itself where it is one, else its letters and digits with
 * dashes between them, cut, and a hash of `identity` behind. The same identity always gets the same name.
 */
export function shortName(text: string, identity: string, longest = 50, hashLength = 0): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (hashLength === 0 && plain === text && plain !== '' && plain.length <= longest) return plain;
  const length = Math.max(8, hashLength);
  const hash = stableHash(identity).slice(0, length);
  const kept = plain.slice(0, longest - length - 1).replace(/-$/, '');
  return kept === '' ? `x-${hash}` : `${kept}-${hash}`;
}

/** 64 hex digits that depend on the text alone. */
export function stableHash(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}
