import type { Instant } from '@image-factory/core/time.ts';

/** The outside of the command line; tests bring their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly width: number;
  out(text: string): void;
  err(text: string): void;
  now(): Instant;
  /** Standard input; empty where there is none. */
  readonly input?: () => AsyncIterable<Uint8Array>;
}

export function processIo(): Io {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdoutIsTerminal: process.stdout.isTTY,
    stderrIsTerminal: process.stderr.isTTY,
    width: process.stdout.columns ?? 100,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    now: () => Date.now(),
    input: () => process.stdin,
  };
}
