import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'count-tests-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs real vitest with a JSON report on one test file, then the counter on what it wrote. */
function count(test: string): { code: number | null; last: string | undefined } {
  const project = mkdtempSync(join(folder, 'project-'));
  writeFileSync(join(project, 'a.test.mjs'), test);
  const report = join(project, 'report.json');
  const bin = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs');
  const args = ['run', '--root', project, '--globals', '--reporter=json', `--outputFile.json=${report}`];
  const tests = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });
  return countReport(report, tests.status);
}

function countReport(
  report: string,
  status: number | null,
): { code: number | null; last: string | undefined } {
  const counter = join(import.meta.dirname, 'count-tests.mjs');
  const result = spawnSync(process.execPath, [counter, report, String(status)], { encoding: 'utf8' });
  return { code: result.status, last: result.stdout.trimEnd().split('\n').at(-1) };
}

it.each([
  [`it('a', () => {}); it('b', () => {});`, 0, '2 passed, 0 failed'],
  [`it('a', () => {}); it('b', () => { throw new Error('x'); });`, 1, '1 passed, 1 failed'],
  [`it('a', () => {}); it.skip('b', () => {}); it.todo('c');`, 0, '1 passed, 0 failed, 2 skipped'],
  [`it('a', () => {}); throw new Error('x');`, 1, '0 passed, 1 failed'],
  [
    `it('a', () => {}); describe('d', () => { beforeAll(() => { throw new Error('x'); }); it('b', () => {}); });`,
    1,
    '1 passed, 1 failed, 1 skipped',
  ],
  [`it('a', () => { void Promise.reject(new Error('x')); });`, 1, '1 passed, 0 failed'],
  [`it.skip('a', () => {});`, 1, '0 passed, 0 failed, 1 skipped'],
])('%s', (test, code, last) => {
  expect(count(test)).toEqual({ code, last });
});

it('a run that wrote no report has failed', () => {
  expect(countReport(join(folder, 'none.json'), 0)).toEqual({ code: 1, last: '0 passed, 0 failed' });
});
