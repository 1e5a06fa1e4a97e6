import type { Digest } from '../reference/types.ts';
import { digest, UnreadableValue, type OptionalCodec } from './fields.ts';

/**
 * The older tool let anything stand as a digest. What is none counts as not known: the next look at the registry finds
 * the true one, and until then the file keeps what it has.
 */
export const lenientDigest: OptionalCodec<Digest> = {
  read(value) {
    try {
      return digest.read(value);
    } catch (thrown) {
      if (thrown instanceof UnreadableValue) return undefined;
      throw thrown;
    }
  },
  write: digest.write,
};

/** Omits an empty mapping. */
export function noMap(map: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(map).length === 0;
}

/**
 * The older tool wrote tags and versions without quotes, so that YAML takes `3.10` for the number 3.1. Gives such
 * fields back as the words that stand in the text.
 */
export function wordsNotNumbers(
  raw: Readonly<Record<string, unknown>>,
  text: string,
  fields: readonly string[],
): Readonly<Record<string, unknown>> {
  const mistaken = fields.filter((field) => typeof raw[field] === 'number');
  if (mistaken.length === 0) return raw;
  const words: Record<string, unknown> = {};
  for (const field of mistaken) {
    words[field] = new RegExp(`^${field}:[ \\t]+([^\\s#]+)`, 'm').exec(text)?.[1] ?? raw[field];
  }
  return { ...raw, ...words };
}
