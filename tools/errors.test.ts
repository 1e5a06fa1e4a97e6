import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemCodes } from '@image-factory/core/problem-codes.ts';
import { expect, it } from 'vitest';
import { readTree } from './architecture/tree.ts';
import { errorsPage } from './errors-page.ts';

const root = join(import.meta.dirname, '..');
const catalogue = 'packages/core/src/problem-codes.ts';
const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8');

it('docs/reference/errors.md is up to date (npm run generate)', () => {
  expect(page).toBe(errorsPage());
});

it('every code is documented once, with its meaning, and nothing else is', () => {
  const documented = [...page.matchAll(/^\| <a id="(\w+)"><\/a>`(\w+)` \| (.+) \|$/gm)];
  const rows = documented.map(([, anchor, code, meaning]) => `${anchor} ${code} ${meaning}`);
  const wanted = Object.entries(problemCodes).map(([code, meaning]) => `${code} ${code} ${meaning}`);
  expect(new Set(rows)).toEqual(new Set(wanted));
  expect(rows).toHaveLength(wanted.length);
});

it('every code can happen: some source file names it', () => {
  const sources = readTree(root).files.filter(
    (file) => file.path.startsWith('packages/') && !file.isTest && file.path !== catalogue,
  );
  const named = new Set(sources.flatMap((file) => [...file.strings]));
  expect(Object.keys(problemCodes).filter((code) => !named.has(code))).toEqual([]);
});
