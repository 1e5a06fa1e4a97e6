// Writes docs/reference/errors.md from the catalogue of problem codes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorsPage } from './errors-page.ts';

const file = join(import.meta.dirname, '../docs/reference/errors.md');
writeFileSync(file, errorsPage());
console.log(`wrote ${file}`);
