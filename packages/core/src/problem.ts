import type { ProblemCode } from './problem-codes.ts';

/** What a problem is about. */
export type Subject =
  | { readonly kind: 'image'; readonly name: string }
  | { readonly kind: 'base'; readonly name: string }
  | { readonly kind: 'factory' };

/** A place in a file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/**
 * Something that went wrong, as a value: what, where, whom it concerns and what to do about it.
 * `message` says expected and got; `hint` is the next step for a person. Neither ever holds a credential.
 */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint: string;
  readonly subject?: Subject;
  readonly place?: Place;
}

/** Thrown by adapters; the engine turns it back into the value it carries. */
export class FactoryError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, options?: { cause?: unknown }) {
    super(problem.message, options);
    this.name = 'FactoryError';
    this.problem = problem;
  }
}

/** Any thrown thing as a problem; what is not a FactoryError is a bug of ours and says so. */
export function problemOf(thrown: unknown, subject?: Subject): Problem {
  if (thrown instanceof FactoryError) {
    return subject && !thrown.problem.subject ? { ...thrown.problem, subject } : thrown.problem;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: 'INTERNAL',
    message: `unexpected failure: ${message}`,
    hint: 'This is a bug in Image Factory: please report it with the log at --log-level debug.',
    ...(subject ? { subject } : {}),
  };
}

/** `file:line:column: message` with what is known of the place. */
export function formatProblem(problem: Problem): string {
  const place = problem.place
    ? [problem.place.file, problem.place.line, problem.place.column]
        .filter((part) => part !== undefined)
        .join(':') + ': '
    : '';
  const subject =
    problem.subject && problem.subject.kind !== 'factory'
      ? `${problem.subject.kind} ${problem.subject.name}: `
      : '';
  return `${place}${subject}${problem.message} [${problem.code}]`;
}
