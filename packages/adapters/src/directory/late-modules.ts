// A command that only looks at the state needs none of these, and to load them would be a sixth of its time. So they are
// loaded when they are first used.

/** The hex digest. */
export function hash(algorithm: 'sha1' | 'sha256', content: string | Uint8Array): string {
  return process.getBuiltinModule('node:crypto').hash(algorithm, content);
}

/** Runs a program without input and output, and answers its exit code; null where it did not run to its end. */
export function run(program: string, args: readonly string[]): number | null {
  return process.getBuiltinModule('node:child_process').spawnSync(program, args, { stdio: 'ignore' }).status;
}
