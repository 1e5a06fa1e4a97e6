// Runs benchmarks and puts their tables into docs/benchmarks.md.
//
//   npm run bench [-- NAME...] [--dry-run]
//
// Without names all of them. With --dry-run the page stays as it is.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Bench } from './bench.ts';
import { section, withSection } from './page.ts';

const page = join(dirname(import.meta.dirname), 'docs/benchmarks.md');
const names = process.argv.slice(2).filter((argument) => argument !== '--dry-run');
const isDryRun = process.argv.includes('--dry-run');

const files = globSync('*.bench.ts', { cwd: import.meta.dirname }).toSorted();
const known = files.map((file) => basename(file, '.bench.ts'));
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  process.exit(2);
}

for (const name of names.length > 0 ? names : known) {
  console.error(`bench: ${name} ...`);
  try {
    const { bench } = (await import(`./${name}.bench.ts`)) as { readonly bench: Bench };
    const text = section(bench, await bench.run(), new Date().toISOString().slice(0, 10));
    console.log(`${text}\n`);
    if (!isDryRun) writeFileSync(page, withSection(readFileSync(page, 'utf8'), bench.name, text));
  } catch (error) {
    console.error(`bench: ${name} failed:`, error);
    process.exitCode = 1;
  }
}
