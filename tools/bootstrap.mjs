// Installs what a bare clone lacks. Runs on Node 20 with no packages; quick and silent when nothing is missing.
//
//   node tools/bootstrap.mjs [--npm-only]
//
// Everything goes to stderr, so that a command run behind it keeps its stdout.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePackages } from './bootstrap/packages.mjs';
import { ensureSystemParts } from './bootstrap/system-parts.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** @param {string} line */
const say = (line) => process.stderr.write(`bootstrap: ${line}\n`);
const unknown = process.argv.slice(2).filter((argument) => argument !== '--npm-only');

if (unknown.length > 0) {
  say(`unknown argument ${unknown[0]}; the only one is --npm-only`);
  process.exit(2);
}

try {
  await ensurePackages({ root, env: process.env, say });
  if (!process.argv.includes('--npm-only')) {
    await ensureSystemParts({
      root,
      env: process.env,
      say,
      isRoot: process.getuid?.() === 0,
      servicePolicy: '/usr/sbin/policy-rc.d',
    });
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
