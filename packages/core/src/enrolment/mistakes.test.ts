import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatProblem, type Problem } from '../problem.ts';
import { readConfig, type ConfigFiles } from './read-config.ts';
import type { ConfigFile } from './yaml-file.ts';

/*
 * Golden files: configuration files, then every problem and warning with its hint. After a wanted change run the
 * test with UPDATE_GOLDEN=1 and read the difference.
 */
const folder = join(import.meta.dirname, 'testdata/mistakes');
const update = process.env['UPDATE_GOLDEN'] === '1';

describe('mistakes are reported with their place and what was probably meant', () => {
  it.each(readdirSync(folder))('%s', (name) => {
    const golden = readFileSync(join(folder, name), 'utf8');
    const marker = golden.indexOf('--- problems\n');
    const files = filesIn(golden.slice(0, marker));
    const answer = readConfig(files);
    const text = `${golden.slice(0, marker)}--- problems\n${report(answer.problems)}--- warnings\n${report(answer.warnings)}`;
    if (update) writeFileSync(join(folder, name), text);
    expect(text).toBe(golden);
    expect(answer.config === undefined).toBe(answer.problems.length > 0);
    expect(text.slice(marker)).not.toMatch(/hunter2|0123456789|deadbeef/);
  });
});

function report(problems: readonly Problem[]): string {
  return problems.map((problem) => `${formatProblem(problem)}\n    ${problem.hint}\n`).join('');
}

function filesIn(text: string): ConfigFiles {
  const files = text
    .split(/^--- /m)
    .slice(1)
    .map((part): ConfigFile => {
      const end = part.indexOf('\n');
      return { path: part.slice(0, end), text: part.slice(end + 1) };
    });
  const named = (path: string): ConfigFile | undefined => files.find((file) => file.path === path);
  return {
    images: named('images.yaml'),
    factory: named('factory.yaml'),
    imagesDir: files.filter((file) => file.path.startsWith('images.d/')),
  };
}
