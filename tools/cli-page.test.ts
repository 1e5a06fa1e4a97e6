import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cliPage, notedCommands } from './cli-page.ts';

const page = readFileSync(join(import.meta.dirname, '../docs/cli.md'), 'utf8');

it('docs/cli.md is up to date (npm run generate)', () => {
  expect(page).toBe(cliPage());
});

it('has a section for every command that is noted, and no other', () => {
  const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, name]) => name ?? '');
  expect(sections.toSorted()).toEqual(notedCommands.toSorted());
});
