import type { LogLevel } from './log.ts';

/** Options that every command has. */
export interface GlobalOptions {
  readonly dir: string;
  readonly output: 'text' | 'json';
  readonly logLevel: LogLevel;
}
