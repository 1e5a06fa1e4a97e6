import { parseDigest } from '@image-factory/core/reference/digest.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { at } from '../ci-http/fields.ts';

/** The id of a run: a number or a word. */
export function runIdAt(value: unknown, ...steps: readonly (string | number)[]): string | undefined {
  const found = at(value, ...steps);
  if (typeof found === 'number' && Number.isSafeInteger(found)) return String(found);
  return typeof found === 'string' && /^[\w.:-]{1,200}$/.test(found) ? found : undefined;
}

/** The digest that a text holds, alone or behind other words. */
export function digestIn(text: string | undefined): Digest | undefined {
  const found = /(?:^|[\s@])(sha256:[0-9a-f]{64})(?![0-9a-f])/.exec((text ?? '').slice(0, 10_000))?.[1];
  const digest = found === undefined ? undefined : parseDigest(found);
  return digest?.ok ? digest.value : undefined;
}
