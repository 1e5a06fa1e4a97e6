import { FactoryError, type Problem } from '@image-factory/core/problem.ts';

/** Several problems that end a command together: a configuration with mistakes. */
export class ProblemsError extends FactoryError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const [first] = problems;
    if (!first) throw new Error('no problem to report');
    super(first);
    this.problems = problems;
  }
}
