import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** The codes of the union, as they stand in the source: a type has no values at run time. */
function reasonCodes(): string[] {
  const source = readFileSync(join(root, 'packages/core/src/plan/types.ts'), 'utf8');
  const union = /export type ReasonCode =([^;]+);/.exec(source)?.[1] ?? '';
  return [...union.matchAll(/\| '([a-z-]+)'/g)].map(([, code]) => code ?? '');
}

const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
const rows = [...page.matchAll(/^\| <a id="([a-z-]+)"><\/a>`([a-z-]+)` \| (.+) \| (.+) \|$/gm)];

it('every reason code has one row in docs/troubleshooting.md, and nothing else has', () => {
  const codes = reasonCodes();
  expect(codes.length).toBeGreaterThan(50);
  const documented = rows.map(([, , code]) => code);
  expect(documented.filter((code) => !codes.includes(code ?? ''))).toEqual([]);
  expect(codes.filter((code) => !documented.includes(code))).toEqual([]);
  expect(documented).toHaveLength(codes.length);
});

it('every row has an anchor of its name, a meaning, and what a person can do', () => {
  for (const [, anchor, code, meaning = '', remedy = ''] of rows) {
    expect(anchor).toBe(code);
    expect(meaning.trim().length, code).toBeGreaterThan(10);
    expect(remedy.trim().length, code).toBeGreaterThan(5);
  }
});
