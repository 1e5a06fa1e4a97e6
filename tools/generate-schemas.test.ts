import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { generatedFiles } from './generate-schemas.ts';
import { keyTable, withTable } from './key-table.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

describe('generated schemas and key tables', () => {
  it('are up to date: node tools/generate-schemas.ts', async () => {
    const files = await generatedFiles(root);
    expect([...files.keys()]).toEqual([
      'schemas/images.schema.json',
      'schemas/factory.schema.json',
      'docs/configuration.md',
    ]);
    for (const [path, text] of files) expect(await readFile(root + path, 'utf8'), path).toBe(text);
  });

  it('name every key of both files in the page', async () => {
    const page = await readFile(`${root}docs/configuration.md`, 'utf8');
    for (const key of [
      'source.buildArgs',
      'schedule.timeZone',
      'state.author.email',
      'registries.<host>.insecure',
    ]) {
      expect(page).toContain(`| \`${key}\` |`);
    }
    expect(page).toContain('| `freezeWindows[].allowEmergency` | true or false | `false` |');
  });
});

describe('keyTable', () => {
  it('writes type, default and example, and keeps bars out of the cells', () => {
    const schema = {
      required: ['a'],
      properties: {
        a: { type: 'string', description: 'x | y', examples: ['22'] },
        b: { type: 'array', items: { type: 'string' }, default: ['latest'] },
      },
    };
    expect(keyTable(schema).split('\n').slice(2)).toEqual([
      '| `a` | text | required | x \\| y Example: `"22"` |',
      '| `b` | list of text | `[latest]` |  |',
    ]);
  });

  it('refuses a page without its markers', () => {
    expect(() => withTable('no markers', 'images', '')).toThrow('no place');
  });
});
