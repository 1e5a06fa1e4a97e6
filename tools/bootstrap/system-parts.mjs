import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, runCommand, tail } from './commands.mjs';
import { withLock } from './lock.mjs';

/** Command, Debian package, and what goes without it. */
const parts = [
  { command: 'git', without: 'nothing that keeps its state in git works' },
  {
    command: 'docker-registry',
    without: 'the demo uses its embedded registry, and tests on a foreign registry are skipped',
  },
  {
    command: 'buildah',
    without: 'the demo adds layers without executing anything, and tests of real builds are skipped',
  },
  { command: 'skopeo', without: 'tests that compare with skopeo are skipped' },
];

const aptOptions = [
  '-y',
  '-q',
  '--no-install-recommends',
  '-o',
  'DPkg::Lock::Timeout=300',
  '-o',
  'Acquire::Retries=3',
];
const retryAfter = 60 * 60_000;

/**
 * @typedef {object} SystemOptions
 * @property {string} root
 * @property {import('./commands.mjs').Environment} env
 * @property {(line: string) => void} say
 * @property {boolean} isRoot
 * @property {string} servicePolicy the file that Debian asks before it starts a service: policy-rc.d
 */

/**
 * Installs the missing system parts where that is possible, else says what goes without them; in CI that is a failure.
 *
 * @param {SystemOptions} options
 */
export async function ensureSystemParts(options) {
  const { env, say } = options;
  if (missingParts(env).length === 0) return;
  const isCi = (env['CI'] ?? '') !== '' && env['CI'] !== 'false';
  const obstacle = !options.isRoot ? 'not root' : !findCommand('apt-get', env) ? 'no apt-get' : undefined;
  const failure = obstacle ?? (await tryInstall(options, isCi));
  const missing = missingParts(env);
  for (const part of missing)
    say(`${part.command} is missing (${failure ?? 'unknown why'}): ${part.without}`);
  if (missing.length === 0) return;
  const names = missing.map((part) => part.command).join(' ');
  say(`to have all of it: sudo apt-get install --no-install-recommends ${names}`);
  if (isCi) throw new Error(`in CI every part is needed, and these are missing: ${names}`);
}

/** @param {import('./commands.mjs').Environment} env */
function missingParts(env) {
  return parts.filter((part) => !findCommand(part.command, env));
}

/**
 * @param {SystemOptions} options
 * @param {boolean} isCi
 * @returns {Promise<string | undefined>} why it failed
 */
async function tryInstall(options, isCi) {
  const { root, say } = options;
  const memory = join(root, '.cache', 'bootstrap-apt-failed');
  if (!isCi && existsSync(memory) && Date.now() - statSync(memory).mtimeMs < retryAfter) {
    return `${readFileSync(memory, 'utf8').trim()}; tried less than an hour ago, remove ${memory} to try again`;
  }
  const onWait = () => say('waiting for another bootstrap that installs system packages');
  const failure = await withLock('apt', onWait, () => install(options));
  if (failure === undefined) {
    rmSync(memory, { force: true });
    return undefined;
  }
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(memory, 'apt-get install failed\n');
  say(`apt-get install failed:\n${failure}`);
  return 'apt-get install failed';
}

/**
 * @param {SystemOptions} options
 * @returns {Promise<string | undefined>} the end of apt's output if it failed
 */
async function install({ env, say, servicePolicy }) {
  const names = missingParts(env).map((part) => part.command);
  if (names.length === 0) return undefined;
  say(`installing with apt-get: ${names.join(' ')}`);
  const began = Date.now();
  const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive' };
  const hold = names.includes('docker-registry') ? holdService(servicePolicy) : undefined;
  try {
    let result = await runCommand('apt-get', [...aptOptions, 'install', ...names], { env: aptEnv });
    if (!result.ok) {
      // Most often the package lists are absent or old: then, and only then, they are fetched.
      say('fetching package lists with apt-get update');
      await runCommand('apt-get', ['-q', '-o', 'Acquire::Retries=3', 'update'], { env: aptEnv });
      result = await runCommand('apt-get', [...aptOptions, 'install', ...names], { env: aptEnv });
    }
    if (!result.ok) return tail(result.output);
  } finally {
    hold?.();
  }
  if (names.includes('docker-registry')) await disableService(aptEnv, say);
  say(`system packages installed in ${Math.round((Date.now() - began) / 1000)} s`);
  return undefined;
}

/**
 * Debian starts a service as soon as its package is installed; ours run on free ports and only while they are used.
 * A policy that is there already is somebody's own and stays.
 *
 * @param {string} servicePolicy
 * @returns {(() => void) | undefined} takes the hold off
 */
function holdService(servicePolicy) {
  if (existsSync(servicePolicy)) return undefined;
  writeFileSync(
    servicePolicy,
    '#!/bin/sh\n# Written by the bootstrap of Image Factory for one apt-get run; safe to remove.\ncase "$1" in docker-registry*) exit 101 ;; esac\nexit 0\n',
  );
  chmodSync(servicePolicy, 0o755);
  return () => rmSync(servicePolicy, { force: true });
}

/**
 * Only ever called for a docker-registry that we have just installed.
 *
 * @param {import('./commands.mjs').Environment} env
 * @param {(line: string) => void} say
 */
async function disableService(env, say) {
  if (!findCommand('systemctl', env)) return;
  const isRunning = existsSync('/run/systemd/system');
  const args = ['disable', ...(isRunning ? ['--now'] : []), 'docker-registry.service'];
  const result = await runCommand('systemctl', args, { env, timeout: 60_000 });
  say(
    result.ok
      ? 'the service docker-registry is switched off: we start our own on free ports'
      : `the service docker-registry could not be switched off:\n${tail(result.output)}`,
  );
}
