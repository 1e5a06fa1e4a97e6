/**
 * Writes schemas/*.json and the tables in docs/configuration.md from the schemas in the core.
 * `node tools/generate-schemas.ts` writes; with `--check` it writes nothing and exits 1 where something is out of date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { factorySchema, imagesSchema } from '@image-factory/core/enrolment/json-schema.ts';
import { keyTable, withTable, type JsonSchema } from './key-table.ts';

/** File, relative to the repository's root, and the text that it must have. */
export async function generatedFiles(root: string): Promise<Map<string, string>> {
  const images: JsonSchema = imagesSchema();
  const factory: JsonSchema = factorySchema();
  let page = await readFile(`${root}docs/configuration.md`, 'utf8');
  const [list, object] = images.anyOf ?? [];
  const defaults = object?.properties?.['defaults'];
  if (!list?.items || !defaults) throw new Error('the schema of images.yaml has lost its two forms');
  page = withTable(page, 'images', keyTable(list.items));
  page = withTable(page, 'defaults', keyTable({ properties: keysOnly(defaults) }));
  page = withTable(page, 'factory', keyTable(factory));
  return new Map([
    ['schemas/images.schema.json', json(images)],
    ['schemas/factory.schema.json', json(factory)],
    ['docs/configuration.md', page],
  ]);
}

/** The keys of defaults mean what they mean in an entry: only their names are listed. */
function keysOnly(schema: JsonSchema): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([key, { properties: _nested, ...inner }]) => [key, inner]),
  );
}

function json(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

async function main(check: boolean): Promise<void> {
  const root = fileURLToPath(new URL('../', import.meta.url));
  for (const [path, text] of await generatedFiles(root)) {
    const before = await readFile(root + path, 'utf8').catch(() => '');
    if (before === text) continue;
    if (check) process.exitCode = 1;
    else await writeFile(root + path, text);
    process.stdout.write(
      `${path} ${check ? 'is out of date: run node tools/generate-schemas.ts' : 'written'}\n`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.includes('--check'));
