// Writes docs/reference/kargo-rules.md from the table of rules.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kargoRulesPage } from './kargo-rules-page.ts';

const file = join(import.meta.dirname, '../docs/reference/kargo-rules.md');
writeFileSync(file, kargoRulesPage());
console.log(`wrote ${file}`);
