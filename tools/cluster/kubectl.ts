import { spawn } from 'node:child_process';

/** Runs kubectl with a text on its stdin; answers stdout, or throws with what it said. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

const longest = 2 * 60_000;

export function kubectlOf(program: string, env: NodeJS.ProcessEnv): Kubectl {
  return (args, input = '') =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [...args], { env, timeout: longest });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => {
        if (code === 0) resolve(out);
        else reject(new Error(`kubectl ${args.join(' ')}: ${err.trim() || `exit code ${code ?? 'none'}`}`));
      });
      // It may end before it has read everything.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
}
