import { err, ok, type Result } from '../result.ts';
import type { Digest } from './types.ts';

const hexLengths = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/**
 * Reads `algorithm:hex`: sha256, sha384 or sha512 with exactly 64, 96 or 128 lower-case hex digits.
 * Rule: go-digest; research "dockerfile", section 17.
 */
export function parseDigest(text: string): Result<Digest, string> {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon + 1 === text.length) return err('invalid checksum digest format');
  const length = hexLengths.get(text.slice(0, colon));
  if (length === undefined) {
    return err(isDigestShaped(text) ? 'unsupported digest algorithm' : 'invalid checksum digest format');
  }
  if (text.length - colon - 1 !== length) return err('invalid checksum digest length');
  for (let index = colon + 1; index < text.length; index += 1) {
    if (!isLowerHex(text.charCodeAt(index))) return err('invalid checksum digest format');
  }
  return ok(text as Digest);
}

/** Is the text 32 or more hex digits behind an algorithm name, as the reference grammar wants it before the digest is checked? */
export function matchesDigestGrammar(text: string): boolean {
  const colon = text.indexOf(':');
  if (colon <= 0 || text.length - colon - 1 < 32) return false;
  for (let index = colon + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (!isLowerHex(code) && !(code >= 0x41 && code <= 0x46)) return false;
  }
  return isAlgorithmName(text, colon);
}

function isAlgorithmName(text: string, end: number): boolean {
  let atStart = true;
  for (let index = 0; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (isLetter(code)) {
      atStart = false;
      continue;
    }
    if (atStart) return false;
    if (isDigit(code)) continue;
    if (!isAlgorithmSeparator(code)) return false;
    atStart = true;
  }
  return !atStart;
}

function isDigestShaped(text: string): boolean {
  return /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(text.slice(0, 400));
}

function isAlgorithmSeparator(code: number): boolean {
  return code === 0x2d || code === 0x5f || code === 0x2b || code === 0x2e;
}

function isLowerHex(code: number): boolean {
  return isDigit(code) || (code >= 0x61 && code <= 0x66);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}
