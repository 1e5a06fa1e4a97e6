import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

import { formatReference } from './parse.ts';
import type { Reference } from './types.ts';

const longestSlug = 50;
const shortestHash = 8;

/**
 * The name of a base record: repository without registry and `library/`, a dash, the tag if one is written.
 * A valid Kubernetes name of at most 50 characters; a longer one is cut and gets a hash of the normalised reference.
 * Rule: design brief, section 3.2.
 *
 * @param tagWritten false where the reference's tag is the `latest` that normalising added
 */
export function imageSlug(reference: Reference, options: { readonly tagWritten: boolean }): string {
  const plain = plainSlug(reference, options.tagWritten);
  return plain.length <= longestSlug ? plain : hashed(plain, reference, shortestHash);
}

/**
 * The slug, or where `taken` says that another reference has it, the slug with a hash suffix: who comes first keeps the
 * plain name. The suffix depends on the reference alone, and grows in the one case in a billion that it is taken too.
 */
export function uniqueSlug(
  reference: Reference,
  options: { readonly tagWritten: boolean },
  taken: (name: string) => boolean,
): string {
  const slug = imageSlug(reference, options);
  if (!taken(slug)) return slug;
  const plain = plainSlug(reference, options.tagWritten);
  for (let length = shortestHash; length < longestSlug - 1; length += 4) {
    const candidate = hashed(plain, reference, length);
    if (!taken(candidate)) return candidate;
  }
  throw new Error(`every name for ${formatReference(reference)} is taken`);
}

function plainSlug({ path, tag }: Reference, tagWritten: boolean): string {
  const repository = path.startsWith('library/') ? path.slice('library/'.length) : path;
  const text = tagWritten && tag !== undefined ? `${repository}-${tag}` : repository;
  return trimDashes(text.toLowerCase().replace(/[^a-z0-9]+/g, '-'));
}

function hashed(plain: string, reference: Reference, length: number): string {
  const hash = bytesToHex(sha256(utf8ToBytes(formatReference(reference)))).slice(0, length);
  return `${trimDashes(plain.slice(0, longestSlug - length - 1))}-${hash}`;
}

function trimDashes(text: string): string {
  const start = text.startsWith('-') ? 1 : 0;
  return text.slice(start, text.endsWith('-') ? -1 : undefined);
}
