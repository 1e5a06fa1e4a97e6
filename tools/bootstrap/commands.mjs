import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @typedef {{ readonly [name: string]: string | undefined }} Environment */

/**
 * The file that a command name stands for, or undefined.
 *
 * @param {string} command
 * @param {Environment} env
 */
export function findCommand(command, env) {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const file = join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return undefined;
}

/**
 * Runs a command to its end, its output collected.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ readonly env: Environment, readonly cwd?: string, readonly timeout?: number }} options timeout in ms
 * @returns {Promise<{ readonly ok: boolean, readonly output: string }>}
 */
export function runCommand(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env,
      timeout: options.timeout ?? 15 * 60_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    /** @param {Buffer} chunk */
    const collect = (chunk) => {
      output = (output + chunk.toString()).slice(-64 * 1024);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ ok: false, output: `${output}${error.message}\n` }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * The end of a command's output, for a message.
 *
 * @param {string} output
 */
export function tail(output) {
  return output
    .trimEnd()
    .split('\n')
    .slice(-12)
    .map((line) => `  ${line}`)
    .join('\n');
}
