import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../../../..');

/** Bundles the command line as it is published, and answers the file to run: it starts several times faster than the sources. */
export async function buildCommand(): Promise<string> {
  await promisify(execFile)(process.execPath, [join(root, 'tools/build.mjs')]);
  return join(root, 'packages/cli/dist/main.js');
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** The command as a process of its own; `words` start with the file to run, unless another program runs it. */
export function startCommand(
  words: readonly string[],
  options: { readonly env: Readonly<Record<string, string | undefined>> },
  program: string = process.execPath,
): Running {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
  const ended = once(child, 'close').then(() => ({
    code: child.exitCode,
    signal: child.signalCode,
    out,
    err,
  }));
  return { child, ended };
}
