import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand, tail } from './commands.mjs';
import { withLock } from './lock.mjs';

/** @typedef {{ version?: string, link?: boolean, optional?: boolean }} LockEntry */

/**
 * Installs the npm packages of the lock file unless they are there. Throws with npm's own words when that fails.
 *
 * @param {{ readonly root: string, readonly env: import('./commands.mjs').Environment, readonly say: (line: string) => void }} options
 */
export async function ensurePackages({ root, env, say }) {
  if (missingPackages(root) === undefined) return;
  const onWait = () => say('waiting for another bootstrap of this clone');
  await withLock(`packages ${root}`, onWait, async () => {
    const reason = missingPackages(root);
    if (reason === undefined) return;
    say(`installing npm packages with npm ci (${reason})`);
    const began = Date.now();
    const npmEnv = withoutOwnBin(env, root);
    const result = await runCommand('npm', ['ci', '--loglevel=error'], { cwd: root, env: npmEnv });
    if (!result.ok) throw new Error(`npm ci failed:\n${tail(result.output)}`);
    if (!isExecutable(nodeFile(root))) await installNode(root, npmEnv);
    const left = missingPackages(root);
    if (left !== undefined) throw new Error(`npm ci succeeded, and yet ${left}`);
    say(`npm packages installed in ${Math.round((Date.now() - began) / 1000)} s`);
  });
}

/**
 * Why npm ci is needed, or undefined. What is installed is read from the record that npm leaves when it has finished, so that
 * a person's own `npm install` counts and an interrupted one does not.
 *
 * @param {string} root
 */
function missingPackages(root) {
  const wanted = readLock(join(root, 'package-lock.json'));
  if (!wanted) throw new Error('package-lock.json is missing or not JSON; restore it with git');
  const installed = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return 'none are installed';
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/')) continue;
    const found = installed[path];
    if (!found && entry.optional === true) continue;
    if (!found) return `${path} is missing`;
    if (found.version !== entry.version) return `${path} is not at ${entry.version ?? 'its place'}`;
  }
  if (wanted['node_modules/node'] && !isExecutable(nodeFile(root)))
    return 'node_modules/.bin/node does not work';
  return undefined;
}

/**
 * The package `node` fetches its binary in an install script, which a user's `ignore-scripts` leaves out.
 *
 * @param {string} root
 * @param {import('./commands.mjs').Environment} env
 */
async function installNode(root, env) {
  const cwd = join(root, 'node_modules', 'node');
  const result = await runCommand('node', ['installArchSpecificPackage'], { cwd, env });
  if (!result.ok) throw new Error(`the npm package node could not fetch its binary:\n${tail(result.output)}`);
}

/**
 * npm ci deletes node_modules/.bin/node, so it must run on the machine's own Node.
 *
 * @param {import('./commands.mjs').Environment} env
 * @param {string} root
 */
function withoutOwnBin(env, root) {
  const folders = (env['PATH'] ?? '').split(delimiter);
  const kept = folders.filter((folder) => folder !== join(root, 'node_modules', '.bin'));
  return { ...env, PATH: kept.join(delimiter) };
}

/** @param {string} root */
function nodeFile(root) {
  return join(root, 'node_modules', '.bin', 'node');
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} file
 * @returns {Record<string, LockEntry> | undefined}
 */
function readLock(file) {
  try {
    /** @type {{ packages?: Record<string, LockEntry> }} */
    const lock = JSON.parse(readFileSync(file, 'utf8'));
    return lock.packages;
  } catch {
    return undefined;
  }
}
