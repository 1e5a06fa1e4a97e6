// Everything that can be said about the source without running it, each check to its end even if another one fails.
//
//   npm run check
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './bootstrap/commands.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const checks = [
  { name: 'types', command: 'tsc', args: ['-p', '.', '--pretty'] },
  { name: 'lint', command: 'oxlint', args: ['--deny-warnings'] },
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'unused code', command: 'knip', args: [] },
  { name: 'import direction', command: 'vitest', args: ['run', 'tools/architecture'] },
];

const began = performance.now();
const results = await Promise.all(
  checks.map(async (check) => ({
    ...check,
    ...(await runCommand(check.command, check.args, { cwd: root, env: process.env })),
  })),
);
for (const { name, ok, output } of results) {
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name}`);
  if (!ok) console.log(`${output.trimEnd()}\n`);
}
const failed = results.filter((result) => !result.ok).map((result) => result.name);
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(
  failed.length === 0 ? `all well in ${seconds} s` : `failed in ${seconds} s: ${failed.join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
