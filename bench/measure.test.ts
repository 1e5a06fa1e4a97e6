import { expect, it } from 'vitest';
import { compare, formatTime, median, runChild, runNodeWithMemory, timeOf } from './measure.ts';
import { section, withSection } from './page.ts';

it('median', () => {
  expect(median([3])).toBe(3);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 10])).toBe(3.5);
  expect(() => median([])).toThrow('median of nothing');
});

it('compares two pieces of work in turn', async () => {
  const calls: string[] = [];
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const slow = () => (calls.push('slow'), wait(200));
  const quick = () => (calls.push('quick'), wait(5));
  const { ratio, subject } = await compare(3, slow, quick);
  expect(calls).toEqual(['quick', 'slow', 'quick', 'slow', 'quick', 'slow', 'quick', 'slow']);
  expect(subject).toBeGreaterThan(190);
  expect(ratio).toBeGreaterThan(1.5);
});

it('sees the memory that a child really used', async () => {
  const size = 150 * 1024 * 1024;
  const small = await runNodeWithMemory(['-e', '0']);
  const large = await runNodeWithMemory(['-e', `Buffer.alloc(${size}, 1)`]);
  expect(small.peakMemory).toBeGreaterThan(20 * 1024 * 1024);
  expect(large.peakMemory - small.peakMemory).toBeGreaterThan(size * 0.9);
});

it('a child that fails is a failure', async () => {
  await expect(runChild(process.execPath, ['-e', 'console.error("words"); process.exit(3)'])).rejects.toThrow(
    /ended with 3:\nwords/,
  );
  const run = await runChild(process.execPath, ['-e', 'console.log(1); process.exit(3)'], { exitCodes: [3] });
  expect(run.stdout).toBe('1\n');
  expect(await timeOf(() => runChild('no-such-command', []).catch(() => 0))).toBeGreaterThan(0);
});

it.each([
  [0.1234, '0.123 ms'],
  [12.345, '12.3 ms'],
  [99.96, '100 ms'],
  [345.6, '346 ms'],
  [1234, '1.23 s'],
])('formats %d ms', (ms, text) => {
  expect(formatTime(ms)).toBe(text);
});

it('replaces a section of the page and leaves the others alone', () => {
  const bench = (name: string) => ({ name, about: `About ${name}.`, run: () => Promise.resolve([]) });
  const row = { what: 'a | b', measured: '5 ms', ratio: 2, aim: { text: 'at most 1x', met: false } };
  const first = withSection('# Benchmarks\n', 'x', section(bench('x'), [row], '2026-01-01'));
  const both = withSection(first, 'y', section(bench('y'), [], '2026-01-01'));
  expect(both).toContain('| a \\| b | 5 ms |  | 2.00x | at most 1x: **not met** |');
  const again = withSection(both, 'x', section(bench('x'), [], '2026-01-02'));
  expect(again.indexOf('## x')).toBeLessThan(again.indexOf('## y'));
  expect(again).not.toContain('5 ms');
  expect(again.match(/## x/g)).toHaveLength(1);
});
