// Writes docs/cli.md from the command line itself.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliPage } from './cli-page.ts';

const file = join(import.meta.dirname, '../docs/cli.md');
writeFileSync(file, cliPage());
console.log(`wrote ${file}`);
