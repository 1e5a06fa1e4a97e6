import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The command as a process of its own, which can be killed; it does not outlive the demo. */
export interface OwnProcess {
  readonly pid: number | undefined;
  kill(): void;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly err: string;
  }>;
}

const main = join(import.meta.dirname, '../main.ts');

export function startProcess(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): OwnProcess {
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'close').then(() => {
    process.off('exit', kill);
    return { code: child.exitCode, signal: child.signalCode, err };
  });
  return { pid: child.pid, kill, ended };
}
