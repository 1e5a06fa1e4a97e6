import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import { isEndBefore } from '@image-factory/core/rebuild/retry.ts';
import type { Intent } from '@image-factory/core/state/types.ts';
import type { CycleRun } from './cycle-run.ts';
import type { OpenRun } from './follow.ts';
import type { EndedRun } from './record-ends.ts';
import { refusals } from './refusals.ts';

/**
 * Has the run of an attempt that is open again run again. Undefined: it is not known whether it is; the intent stays
 * open, and is asked for again by whoever takes it over. Asked twice, the provider builds once.
 */
export async function runAgain(
  run: CycleRun,
  intent: Intent,
  enrolment: ManagedEnrolment,
  builder: Builder,
): Promise<OpenRun | EndedRun | undefined> {
  const { key, attempt, retry } = intent;
  const id = intent.run?.id ?? '';
  const open: OpenRun = {
    intent,
    enrolment,
    builder,
    run: { id, key, attempt, status: 'running' },
    own: true,
  };
  if (retry?.after === undefined) return open;
  run.deps.log.info(`run ${id} of ${intent.image} is run again`);
  try {
    // Without the stop signal: a request that is cut off leaves nobody knowing what came of it.
    await builder.retry?.(enrolment, id);
    return open;
  } catch (thrown) {
    const problem = problemOf(thrown, { kind: 'image', name: intent.image });
    // Somebody else may have been faster, at the provider or before us.
    const seen = await builder.get(enrolment, id).catch(() => undefined);
    if (seen && !isEndBefore(intent, seen)) return open;
    run.problems.push(problem);
    if (problem.code === 'CI_THROTTLED') run.throttled.add(enrolment.source.provider);
    // Of what was taken over, the first writer's request may still be on its way.
    if (problem.code === 'CI_THROTTLED' && intent.takenOverAt !== undefined) return undefined;
    const outcome = refusals[problem.code];
    return outcome && { intent, enrolment, unstarted: true, end: { outcome, error: problem.message } };
  }
}
