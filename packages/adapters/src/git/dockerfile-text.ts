import { err, ok, type Result } from '@image-factory/core/result.ts';

/** Comments in Latin-1 are common; a text of which so much is no UTF-8 is none. */
const mostReplacements = 0.1;

/** A Dockerfile's bytes as text. The failure says why they are none. */
export function dockerfileText(bytes: Buffer): Result<string, string> {
  if (bytes.includes(0)) return err('is binary: it has a zero byte');
  const text = bytes.toString('utf8');
  const replaced = text.split('\uFFFD').length - 1;
  if (replaced > text.length * mostReplacements) return err('is binary: it is no UTF-8 text');
  return ok(text);
}
