import { describe, expect, it } from 'vitest';
import { findViolations, formatViolation, unreachedFiles } from './rules.ts';
import { readSource } from './source-file.ts';

const declared = new Map(
  Object.entries({
    core: ['yaml', 'zod', 'left-pad'],
    adapters: ['undici'],
    engine: ['left-pad'],
    testing: [],
    cli: ['commander'],
  }).map(([name, own]) => [name, { own: new Set(own), inTests: new Set([...own, 'vitest']) }]),
);

function check(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => readSource(path, text));
  return findViolations({ files: sources, declared }).map(formatViolation);
}

describe('what each package may import', () => {
  it.each([
    ['core/src/plan/a.ts', `import { x } from '../state/b.ts';`],
    ['core/src/plan/a.ts', `import { parse } from 'yaml';`],
    ['core/src/plan/a.ts', `import type { Clock } from '../ports/clock.ts';`],
    ['core/src/plan/a.ts', `import { type Clock } from '../ports/clock.ts';`],
    [
      'core/src/ports/a.ts',
      `import type { X } from '../state/types.ts'; import { err } from '../result.ts';`,
    ],
    ['adapters/src/git/test-support.ts', `import 'vitest'; import { x } from '@image-factory/testing/b.ts';`],
    ['core/src/plan/a.test.ts', `import { readFileSync } from 'node:fs'; import { it } from 'vitest';`],
    ['core/src/plan/a.test.ts', `import { x } from '@image-factory/testing/clock.ts';`],
    ['adapters/src/git/a.ts', `import { x } from '@image-factory/core/plan/a.ts'; import 'node:fs';`],
    [
      'adapters/src/git/a.ts',
      `import { x } from '../credentials/run.ts'; import { y } from '../directory/a.ts'; import { fetch } from 'undici';`,
    ],
    ['engine/src/a.ts', `import { setTimeout } from 'node:timers/promises';`],
    ['cli/src/a.ts', `import { Command } from 'commander'; import '@image-factory/adapters/git/a.ts';`],
    ['testing/src/a.ts', `import { createServer } from 'node:http';`],
  ])('%s: %s', (path, text) => {
    expect(check({ [`packages/${path}`]: text })).toEqual([]);
  });

  it.each([
    ['core/src/plan/a.ts', `\nimport { readFileSync } from 'node:fs';`, ':2: core may not import node:fs'],
    [
      'core/src/plan/a.ts',
      `import { x } from '@image-factory/adapters/git/a.ts';`,
      ':1: core may not import adapters',
    ],
    ['core/src/plan/a.ts', `import x from 'left-pad';`, ':1: core may not import left-pad'],
    ['core/src/plan/a.ts', `import x from 'vitest';`, ':1: core does not declare vitest in its package.json'],
    [
      'core/src/reference/a.ts',
      `import type { X } from '../plan/b.ts';`,
      ':1: core/reference may not import core/plan',
    ],
    [
      'core/src/state/a.ts',
      `export { x } from '../ledger/b.ts';`,
      ':1: core/state may not import core/ledger',
    ],
    [
      'core/src/graph/a.ts',
      `const x = await import('../evidence/b.ts');`,
      ':1: core/graph may not import core/evidence',
    ],
    ['core/src/time.ts', `type X = import('./state/b.ts').X;`, ':1: core/. may not import core/state'],
    [
      'core/src/ports/a.ts',
      `import { x } from '../state/b.ts';`,
      ':1: core/ports may import only types of core/state',
    ],
    [
      'core/src/plan/a.ts',
      `import { x } from '../ports/b.ts';`,
      ':1: of core/ports only types may be imported',
    ],
    [
      'core/src/news/a.ts',
      `import { x } from '../time.ts';`,
      ':1: core folder news has no row in tools/architecture/table.ts',
    ],
    [
      'adapters/src/git/a.ts',
      `import { x } from '../registry/b.ts';`,
      ':1: adapters/git may not import adapters/registry',
    ],
    [
      'adapters/src/git/a.ts',
      `import { x } from '@image-factory/testing/b.ts';`,
      ':1: adapters may not import testing',
    ],
    [
      'adapters/src/git/a.ts',
      `import { x } from '../../../core/src/time.ts';`,
      ':1: reach another package by its name, not by ../../../core/src/time.ts',
    ],
    [
      'engine/src/a.ts',
      `import { x } from '@image-factory/adapters/git/a.ts';`,
      ':1: engine may not import adapters',
    ],
    [
      'adapters/src/news/a.ts',
      `import { x } from '../git/b.ts';`,
      ':1: adapter folder news has no row in tools/architecture/table.ts',
    ],
    [
      'adapters/src/git/a.ts',
      `import { x } from './test-support.ts';`,
      ':1: only tests may import packages/adapters/src/git/test-support.ts',
    ],
    ['engine/src/a.ts', `import 'node:fs/promises';`, ':1: engine may not import node:fs/promises'],
    ['engine/src/a.ts', `import x from 'left-pad';`, ':1: engine may not import left-pad'],
    [
      'testing/src/a.ts',
      `import { x } from '@image-factory/engine/a.ts';`,
      ':1: testing may not import engine',
    ],
    [
      'cli/src/a.ts',
      `import { x } from '../../../bench/a.ts';`,
      ':1: cli may not import bench/a.ts: it is outside the packages',
    ],
    ['extra/src/a.ts', `export const x = 1;`, ':1: package extra has no row in tools/architecture/table.ts'],
  ])('%s: %s', (path, text, rule) => {
    expect(check({ [`packages/${path}`]: text })).toEqual([`packages/${path}${rule}`]);
  });
});

describe('time, chance and the outside world', () => {
  it.each([
    ['const now = Date.now();', 'Date.now'],
    [`const now = Date['now']();`, 'Date.now'],
    ['const now = new Date();', 'new Date()'],
    ['const now = Date();', 'new Date()'],
    ['const x = Math.random();', 'Math.random'],
    ['const x = performance.now();', 'performance'],
    ['const x = process.env;', 'process'],
    ['const { env } = process;', 'process'],
    ['const x = globalThis.process;', 'globalThis'],
    ['const x = { process };', 'process'],
    ['function stop(other = process) {}', 'process'],
    ['setTimeout(() => 1, 5);', 'setTimeout'],
    ['const x = Buffer.from("x");', 'Buffer'],
  ])('the core may not: %s', (text, name) => {
    const rule = `packages/core/src/time.ts:1: core may not use ${name}: hand it in as a value`;
    expect(new Set(check({ 'packages/core/src/time.ts': text }))).toEqual(new Set([rule]));
  });

  it.each([
    'const x = new Date(0).toISOString();',
    'const x = Date.parse("2026-01-01"); const y = Date.UTC(2026, 1);',
    'const x = y instanceof Date;',
    'interface X { process: string; now(performance: number): Date }',
    'const x = { process: 1 }; const y = x.process; const z = clock.now();',
    'const x = "process.env"; // process.env',
    'const x = Math.max(1, 2);',
    'function stop(process: Running) { process.kill(); }',
    'const f = ({ process, x: [fetch] }, crypto = 1) => process(fetch, crypto);',
    'const { performance } = options; performance.now();',
  ])('the core may: %s', (text) => {
    expect(check({ 'packages/core/src/time.ts': text })).toEqual([]);
  });

  it('the engine has timers and no clock; the rest has both', () => {
    expect(check({ 'packages/engine/src/a.ts': 'setTimeout(() => 1, 5);' })).toEqual([]);
    expect(check({ 'packages/engine/src/a.ts': 'const x = Date.now();' })).toHaveLength(1);
    expect(check({ 'packages/cli/src/a.ts': 'const x = Date.now(); process.exit(1);' })).toEqual([]);
    expect(check({ 'packages/core/src/a.test.ts': 'const x = Date.now();' })).toEqual([]);
  });
});

describe('shape', () => {
  it('names the files of a cycle, once', () => {
    const files = {
      'packages/core/src/plan/a.ts': `import { b } from './b.ts';`,
      'packages/core/src/plan/b.ts': `import { c } from './c.ts';`,
      'packages/core/src/plan/c.ts': `import type { A } from './a.ts';`,
      'packages/core/src/plan/d.ts': `import type { A } from './a.ts';`,
      'packages/core/src/plan/e.ts': `import { e } from './e.ts';`,
    };
    const [a, b, c, , e] = Object.keys(files);
    expect(check(files)).toEqual([
      `${e}:1: import cycle: ${e} -> ${e}`,
      `${a}:1: import cycle: ${a} -> ${b} -> ${c} -> ${a}`,
    ]);
  });

  it('stops files that grow too long, but not tests', () => {
    const long = '// x\n'.repeat(451);
    expect(check({ 'packages/cli/src/a.ts': long })).toEqual([
      'packages/cli/src/a.ts:450: 451 lines, at most 450: split it',
    ]);
    expect(
      check({ 'packages/cli/src/a.test.ts': long, 'packages/cli/src/b.ts': '// x\n'.repeat(450) }),
    ).toEqual([]);
  });

  it('finds files that no entry point reaches, tests not counting except for fakes', () => {
    const files = {
      'packages/cli/src/main.ts': `import '@image-factory/core/plan/used.ts';`,
      'packages/core/src/plan/used.ts': `export type { X } from './types.ts';`,
      'packages/core/src/plan/types.ts': 'export type X = 1;',
      'packages/core/src/plan/dead.ts': 'export const x = 1;',
      'packages/core/src/plan/dead.test.ts': `import './dead.ts'; import '@image-factory/testing/fake.ts';`,
      'packages/testing/src/fake.ts': `import './part.ts';`,
      'packages/testing/src/part.ts': '',
      'packages/testing/src/dead.ts': '',
    };
    const sources = Object.entries(files).map(([path, text]) => readSource(path, text));
    expect(unreachedFiles({ files: sources, declared }, ['packages/cli/src/main.ts'])).toEqual([
      'packages/core/src/plan/dead.ts',
      'packages/testing/src/dead.ts',
    ]);
  });

  it('refuses to judge what does not parse', () => {
    expect(() => check({ 'packages/cli/src/a.ts': 'const = ;' })).toThrow(
      'packages/cli/src/a.ts: does not parse',
    );
  });
});
