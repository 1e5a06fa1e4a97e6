import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

export interface ProcessCall {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onOutput: (text: string) => void;
  readonly onStart?: (pid: number) => void;
}

/** Milliseconds between asking a process group to end and ending it. */
const grace = 5000;

/**
 * Runs a program as leader of its own process group and waits for its end. An abort ends the whole group (SIGTERM,
 * five seconds later SIGKILL) and throws the signal's reason once it is gone. Nothing goes through a shell.
 */
export async function runProcess(call: ProcessCall): Promise<number> {
  call.signal.throwIfAborted();
  const child = spawn(call.command, call.args, {
    cwd: call.cwd,
    env: call.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) call.onStart?.(child.pid);
  for (const stream of [child.stdout, child.stderr]) {
    const decoder = new StringDecoder('utf8');
    stream.on('data', (chunk: Buffer) => call.onOutput(decoder.write(chunk)));
  }
  let killer: NodeJS.Timeout | undefined;
  function end(): void {
    signalGroup(child.pid, 'SIGTERM');
    killer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), grace);
  }
  call.signal.addEventListener('abort', end, { once: true });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status) => {
        // What the leader left behind would otherwise hold the pipes, and this call, open.
        const rest = setTimeout(() => {
          signalGroup(child.pid, 'SIGKILL');
          child.stdout.destroy();
          child.stderr.destroy();
        }, 1000);
        child.once('close', () => {
          clearTimeout(rest);
          resolve(status ?? 128);
        });
      });
    });
    call.signal.throwIfAborted();
    return code;
  } finally {
    call.signal.removeEventListener('abort', end);
    if (killer) {
      clearTimeout(killer);
      signalGroup(child.pid, 'SIGKILL');
    }
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
