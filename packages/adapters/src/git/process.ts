import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Duration } from '@image-factory/core/time.ts';
import { scrub } from './credentials.ts';
import { gitEnvironment, type Environment } from './environment.ts';

export interface GitOptions {
  /** Where the process runs; default: `gitDir`, or the temporary folder for commands without a repository. */
  readonly cwd?: string;
  /** Given explicitly, git neither searches for a repository nor doubts its owner. */
  readonly gitDir?: string;
  readonly input?: string | Buffer | readonly (string | Buffer)[];
  /** The outer environment; hardened before use. */
  readonly environment: Environment;
  /** Configuration with secrets: handed over in the environment. */
  readonly config?: readonly (readonly [string, string])[];
  /** Variables of git's own, set after the hardening. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Texts that must not appear in messages. */
  readonly secrets?: readonly string[];
  /** Default two minutes. */
  readonly timeout?: Duration;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of standard output; default 256 MiB. */
  readonly maxOutput?: number;
}

export interface GitOutput {
  readonly stdout: Buffer;
  /** Scrubbed of credentials. */
  readonly stderr: string;
}

/** A git command that did not succeed. Callers turn it into a FactoryError, for only they know what it was about. */
export class GitFailure extends Error {
  readonly reason: 'exit' | 'timeout' | 'too-large' | 'git-missing' | 'folder-missing';
  readonly command: string;
  readonly stdout: string;
  /** Scrubbed of credentials. */
  readonly stderr: string;

  constructor(reason: GitFailure['reason'], command: string, stderr: string, stdout = '') {
    super(`git ${command}: ${reason}${stderr ? `: ${stderr.trim().slice(-500)}` : ''}`);
    this.name = 'GitFailure';
    this.reason = reason;
    this.command = command;
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

const defaultTimeout = 120_000;
const defaultMaxOutput = 256 * 1024 * 1024;
const maxMessages = 64 * 1024;
const graceTime = 2000;

/** No programs that a repository's or a user's configuration names, no background work, no waiting on dead connections. */
const hardening = [
  ['protocol.ext.allow', 'never'],
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['fetch.recurseSubmodules', 'false'],
  ['submodule.recurse', 'false'],
  ['credential.interactive', 'false'],
  ['http.lowSpeedLimit', '1000'],
  ['http.lowSpeedTime', '30'],
  ['log.showSignature', 'false'],
].flatMap(([key, value]) => ['-c', `${key}=${value}`]);

/** The argument list in front of the command. */
export function gitArguments(args: readonly string[], gitDir: string | undefined): string[] {
  return ['--no-pager', ...(gitDir === undefined ? [] : [`--git-dir=${gitDir}`]), ...hardening, ...args];
}

/**
 * Runs one git command to its end, without a shell. Throws {@link GitFailure} when it does not exit with 0, and the
 * signal's reason when aborted. Input never becomes an option: callers put `--end-of-options` or `--` before it.
 */
export async function runGit(args: readonly string[], options: GitOptions): Promise<GitOutput> {
  options.signal?.throwIfAborted();
  const command = args.find((word) => /^[a-z]/.test(word) && !word.includes('=')) ?? '';
  const cwd = options.cwd ?? options.gitDir ?? tmpdir();
  const { promise, resolve, reject } = Promise.withResolvers<GitOutput>();
  // A session of its own: ssh finds no terminal to ask on, Ctrl-C leaves a running push alone, and the whole group can be ended.
  const child = spawn('git', gitArguments(args, options.gitDir), {
    cwd,
    env: { ...gitEnvironment(options.environment, options.config), ...options.variables },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const chunks: Buffer[] = [];
  const messages: Buffer[] = [];
  let size = 0;
  let messageSize = 0;
  let ended: GitFailure['reason'] | 'aborted' | undefined;
  function end(why: NonNullable<typeof ended>): void {
    if (ended !== undefined) return;
    ended = why;
    if (child.pid !== undefined) endGroup(child.pid);
  }
  const timer = setTimeout(() => end('timeout'), options.timeout ?? defaultTimeout);
  const onAbort = () => end('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > (options.maxOutput ?? defaultMaxOutput)) end('too-large');
    else chunks.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (messageSize < maxMessages) messages.push(chunk);
    messageSize += chunk.length;
  });
  // A child that exits before it has read everything says why on stderr; the broken pipe adds nothing.
  child.stdin.on('error', () => {});
  const input = options.input ?? '';
  child.stdin.end(typeof input === 'string' || Buffer.isBuffer(input) ? input : joined(input));
  child.on('error', () => {
    finish();
    reject(new GitFailure(existsSync(cwd) ? 'git-missing' : 'folder-missing', command, ''));
  });
  child.on('close', (code) => {
    finish();
    const stderr = scrub(Buffer.concat(messages).toString('utf8'), options.secrets ?? []);
    const stdout = Buffer.concat(chunks);
    if (ended === 'aborted') reject(options.signal?.reason as Error);
    else if (ended !== undefined) reject(new GitFailure(ended, command, stderr));
    else if (code !== 0)
      reject(
        new GitFailure(
          'exit',
          command,
          stderr,
          scrub(stdout.toString('utf8', 0, maxMessages), options.secrets ?? []),
        ),
      );
    else resolve({ stdout, stderr });
  });
  function finish(): void {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
  return promise;
}

function joined(parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part)));
}

/** The command and what it started (ssh, git-remote-https, index-pack); asked first, so that git removes its lock files. */
function endGroup(pid: number): void {
  signalGroup(pid, 'SIGTERM');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), graceTime).unref();
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}
