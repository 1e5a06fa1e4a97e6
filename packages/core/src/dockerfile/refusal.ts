/** Why BuildKit refuses a Dockerfile. Rule: research "dockerfile", section 18. */
export const errorClasses = [
  'EMPTY_DOCKERFILE',
  'LINE_TOO_LONG',
  'DUPLICATE_DIRECTIVE',
  'INVALID_ESCAPE_DIRECTIVE',
  'INVALID_CHECK_DIRECTIVE',
  'UNTERMINATED_HEREDOC',
  'INVALID_INSTRUCTION',
  'UNKNOWN_INSTRUCTION',
  'NO_STAGE_CONTEXT',
  'NO_STAGES',
  'FROM_ARGS',
  'INVALID_STAGE_NAME',
  'INVALID_FLAG',
  'INVALID_ONBUILD',
  'MOUNT_FROM_VARIABLE',
  'BAD_SUBSTITUTION',
  'BLANK_BASE_NAME',
  'EMPTY_PLATFORM',
  'INVALID_PLATFORM',
  'TARGET_NOT_FOUND',
  'COPY_FROM_VARIABLE',
  'INVALID_STAGE_INDEX',
  'CIRCULAR_DEPENDENCY',
  'INVALID_REFERENCE',
  'INVALID_CONTEXT',
  'STAGE_NOT_YET_DEFINED',
  'INVALID_MOUNT',
] as const;

export type ErrorClass = (typeof errorClasses)[number];

/** A Dockerfile that BuildKit would refuse: its class of error, and where. */
export interface DockerfileError {
  readonly class: ErrorClass;
  readonly message: string;
  /** From 1; absent where the error has no place in the file (a missing target). */
  readonly line?: number;
  /** From 1, in UTF-16 units of the line as given. */
  readonly column?: number;
}

/** Thrown inside this folder only; `dependenciesOf` turns it into a value. The first one ends the analysis, as in BuildKit. */
export class Refusal extends Error {
  readonly errorClass: ErrorClass;
  line: number | undefined;
  column: number | undefined;

  constructor(errorClass: ErrorClass, message: string, line?: number, column?: number) {
    super(message);
    this.name = 'Refusal';
    this.errorClass = errorClass;
    this.line = line;
    this.column = column;
  }

  toValue(): DockerfileError {
    return {
      class: this.errorClass,
      message: this.message,
      ...(this.line === undefined ? {} : { line: this.line }),
      ...(this.column === undefined ? {} : { column: this.column }),
    };
  }
}

/** Runs `work`, and gives a refusal from inside that has no place yet the given one. */
export function at<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw placed(thrown, line);
  }
}

/** What was thrown, with a line if it is a refusal without one. */
export function placed(thrown: unknown, line: number): unknown {
  if (thrown instanceof Refusal) thrown.line ??= line;
  return thrown;
}
