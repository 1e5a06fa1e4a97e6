import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rules } from '@image-factory/kargo/validate/rules.ts';
import { expect, it } from 'vitest';
import { kargoRulesPage } from './kargo-rules-page.ts';

const page = readFileSync(join(import.meta.dirname, '../docs/reference/kargo-rules.md'), 'utf8');

it('docs/reference/kargo-rules.md is up to date (npm run generate)', () => {
  expect(page).toBe(kargoRulesPage());
});

it('every rule is documented once, and nothing else is', () => {
  const rows = [
    ...page.matchAll(/^\| <a id="([\w-]+)"><\/a>`([\w-]+)` \| (?:error|warning) \| \w+ \| .+ \|$/gm),
  ];
  expect(rows.map(([, anchor, name]) => `${anchor} ${name}`)).toEqual(
    [...rules.keys()].map((name) => `${name} ${name}`),
  );
});
