import { formatProblem, type Problem } from '@image-factory/core/problem.ts';
import type { Style } from './render/style.ts';

/** 0 all well; 1 some images failed, the rest was done; 2 configuration or command line wrong; 3 nothing could be done. */
export type ExitCode = 0 | 1 | 2 | 3;

/** What a command has to say: the same value as JSON and as text. Only the answer goes to stdout. */
export interface Answer {
  readonly value: unknown;
  readonly text: (style: Style) => string;
  readonly problems?: readonly Problem[];
  /** The value tells of the problems itself: as JSON it stands alone. */
  readonly selfContained?: boolean;
  readonly exit?: ExitCode;
}

/** The exit code that a problem stands for when it ends the command. */
export function exitOf(problem: Problem): ExitCode {
  if (problem.code.startsWith('CONFIG_') || problem.code === 'USAGE' || problem.code === 'NOT_FOUND')
    return 2;
  if (problem.code.startsWith('STATE_') || problem.code === 'CLOCK_SKEW' || problem.code === 'INTERNAL')
    return 3;
  // What concerns no single image keeps the command from everything.
  if (problem.subject?.kind === 'factory') return 3;
  return 1;
}

/** Problems for people: what, where, and what to do. */
export function problemsText(problems: readonly Problem[], style: Style): string {
  return problems
    .map((problem) => `${style.bad('error')} ${formatProblem(problem)}\n      ${style.dim(problem.hint)}\n`)
    .join('');
}
