import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findViolations, formatViolation, longFiles, unreachedFiles } from './architecture/rules.ts';
import { readTree } from './architecture/tree.ts';

const root = join(import.meta.dirname, '..');
const tree = readTree(root);

describe('architecture', () => {
  it('has no breach of the table in tools/architecture/table.ts', () => {
    for (const note of longFiles(tree)) console.log(`note: ${note}`);
    expect(findViolations(tree).map(formatViolation)).toEqual([]);
  });

  it('has no source file that neither the command, the demo nor a benchmark reaches', () => {
    // Constructs are for the cdk8s apps of others.
    const constructs = 'packages/kargo/src/constructs/';
    // Kargo's rules, for tests of what is generated.
    const interpreter = 'packages/kargo/src/interpreter/';
    const entries = [
      'packages/cli/src/main.ts',
      'packages/cli/src/demo/main.ts',
      constructs,
      interpreter,
      'tools/',
      'bench/',
    ];
    expect(unreachedFiles(tree, entries)).toEqual([]);
  });

  it('was looked at: every package has sources, and imports were found in them', () => {
    const packages = new Set(tree.files.map((file) => file.path.split('/')[1]));
    expect([...packages]).toEqual(expect.arrayContaining(['adapters', 'cli', 'core', 'engine', 'testing']));
    expect(tree.files.flatMap((file) => file.imports).length).toBeGreaterThan(100);
  });
});
