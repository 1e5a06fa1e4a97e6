import { execFileSync } from 'node:child_process';
import { findCommand } from '../bootstrap/commands.mjs';

export interface Kustomize {
  /** Builds the folder that is its last argument. */
  readonly command?: readonly string[];
  /** What would have to be installed. */
  readonly missing: string;
}

const missing = 'kubectl 1.27 or newer, or kustomize 5';

/** kustomize as this machine has it: of its own, or in kubectl; older ones read some fields otherwise. */
export function findKustomize(env: NodeJS.ProcessEnv): Kustomize {
  const candidates = [
    { program: 'kustomize', version: ['version'], build: ['build'], oldest: 5 },
    { program: 'kubectl', version: ['version', '--client', '-o', 'json'], build: ['kustomize'], oldest: 5 },
  ];
  for (const { program, version, build, oldest } of candidates) {
    const path = findCommand(program, env);
    if (path === undefined) continue;
    const major = majorOf(path, version);
    if (major !== undefined && major >= oldest) return { command: [path, ...build], missing };
  }
  return { missing };
}

function majorOf(program: string, args: readonly string[]): number | undefined {
  try {
    const said = execFileSync(program, args, { encoding: 'utf8', timeout: 20_000 });
    // kubectl names its own version first.
    const found = /"kustomizeVersion":\s*"v(\d+)/.exec(said) ?? /^v(\d+)\./m.exec(said);
    return found?.[1] === undefined ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}
