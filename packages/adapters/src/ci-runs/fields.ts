import { parseDigest } from '@image-factory/core/reference/digest.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';

/** What stands at a place of an answer; undefined where anything on the way is missing. */
export function at(value: unknown, ...steps: readonly (string | number)[]): unknown {
  let here = value;
  for (const step of steps) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<string | number, unknown>)[step];
  }
  return here;
}

/** Text at a place; empty text counts as none. */
export function textAt(value: unknown, ...steps: readonly (string | number)[]): string | undefined {
  const found = at(value, ...steps);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

export function listAt(value: unknown, ...steps: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...steps);
  return Array.isArray(found) ? (found as unknown[]) : [];
}

/** A number or a word as an id. */
export function idAt(value: unknown, ...steps: readonly (string | number)[]): string | undefined {
  const found = at(value, ...steps);
  if (typeof found === 'number' && Number.isSafeInteger(found)) return String(found);
  return typeof found === 'string' && /^[\w.:-]{1,200}$/.test(found) ? found : undefined;
}

/** An address for people: only http(s), so that nothing else ends up behind a link. */
export function linkAt(value: unknown, ...steps: readonly (string | number)[]): string | undefined {
  const found = textAt(value, ...steps);
  return found !== undefined && found.length <= 2000 && /^https?:\/\/[^\s\p{Cc}]+$/u.test(found)
    ? found
    : undefined;
}

/** The digest that a text holds, alone or behind other words. */
export function digestIn(text: string | undefined): Digest | undefined {
  const found = /(?:^|[\s@])(sha256:[0-9a-f]{64})(?![0-9a-f])/.exec((text ?? '').slice(0, 10_000))?.[1];
  const digest = found === undefined ? undefined : parseDigest(found);
  return digest?.ok ? digest.value : undefined;
}
