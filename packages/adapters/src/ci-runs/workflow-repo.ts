import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest } from '@image-factory/core/ports/builder.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { workflowSource } from '@image-factory/core/rebuild/workflow-source.ts';

interface Checking {
  check?(image: ManagedEnrolment): Promise<void>;
}

/**
 * The builder, to which each image's source is the repository that has its workflow. `own`: address of the factory
 * directory's repository.
 */
export function inWorkflowRepo<B extends Builder & Checking>(builder: B, own: string | undefined): B {
  const { check, retry } = builder;
  async function ask<T>(
    image: ManagedEnrolment,
    question: (seen: ManagedEnrolment) => Promise<T>,
  ): Promise<T> {
    const source = workflowSource(image.source, own);
    try {
      return await question({ ...image, source });
    } catch (error) {
      if (image.source.workflowRepo === undefined || !(error instanceof FactoryError)) throw error;
      throw new FactoryError(
        {
          ...error.problem,
          message: keysOf(error.problem.message),
          hint: keysOf(error.problem.hint),
        },
        { cause: error },
      );
    }
  }
  return {
    ...builder,
    start: (request: BuildRequest, signal?: AbortSignal) =>
      ask(request.image, (image) => builder.start({ ...request, image }, signal)),
    find: (image: ManagedEnrolment, key: string, attempt: number, signal?: AbortSignal, since?: Instant) =>
      ask(image, (seen) => builder.find(seen, key, attempt, signal, since)),
    get: (image: ManagedEnrolment, id: string, signal?: AbortSignal) =>
      ask(image, (seen) => builder.get(seen, id, signal)),
    cancel: (image: ManagedEnrolment, id: string) => ask(image, (seen) => builder.cancel(seen, id)),
    ...(retry === undefined
      ? {}
      : {
          retry: (image: ManagedEnrolment, id: string, signal?: AbortSignal) =>
            ask(image, (seen) => retry.call(builder, seen, id, signal)),
        }),
    ...(check === undefined
      ? {}
      : { check: (image: ManagedEnrolment) => ask(image, (seen) => check.call(builder, seen)) }),
  };
}

/** The keys that the repository and branch were really taken from. */
function keysOf(words: string): string {
  return words
    .replaceAll(/\bsource\.repo\b/g, 'source.workflowRepo')
    .replaceAll(/\bsource\.branch\b/g, 'source.workflowBranch');
}
