import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import { lastToRetry, reopenedFor, type RetryRequest } from '@image-factory/core/rebuild/retry.ts';
import { isOpen, withIntent } from '@image-factory/core/rebuild/intents.ts';
import type { Event, Intent } from '@image-factory/core/state/types.ts';
import type { Result } from '@image-factory/core/result.ts';
import { isStopped, type CycleRun } from './cycle-run.ts';
import type { OpenRun } from './follow.ts';
import { startAll, stopwatch } from './start.ts';

/**
 * Opens the last attempt of an image again and has its run run again. The intent is committed before the provider is
 * asked, so that nobody begins another attempt meanwhile, and nobody else asks.
 */
export async function reopen(
  run: CycleRun,
  name: string,
  request: RetryRequest,
): Promise<readonly OpenRun[]> {
  run.now = run.time();
  try {
    const { enrolment, builder } = whereOf(run, name);
    const context = {
      settings: run.settings,
      now: run.now,
      writer: run.deps.writer,
      by: request.by,
      revision: run.sources.get(name)?.revision,
    };
    const last = lastToRetry(run.records.state, name, context);
    if (!last.ok) throw refused(name, last.error);
    const seen = await builder.get(enrolment, last.value.run, run.signal);
    if (!seen) throw refused(name, `${builder.provider} does not know run ${last.value.run} any more`);
    if (isStopped(run)) return [];
    let watch = stopwatch(run.deps.clock);
    let made: Result<Intent, string> = reopenedFor(run.records.state, enrolment, seen, context);
    await run.records.transact(`Run ${name} again: ${request.reason}`, (before) => {
      watch = stopwatch(run.deps.clock);
      // On newer records it is decided again: a hold, or another attempt, may have come in between.
      made = reopenedFor(before, enrolment, seen, context);
      return made.ok
        ? { state: withIntent(before, made.value), events: [told(made.value, request)] }
        : { state: before, events: [] };
    });
    if (!made.ok) throw refused(name, made.error);
    return isOpen(run.records.state, made.value) ? await startAll(run, [made.value], watch) : [];
  } catch (thrown) {
    if (!isStopped(run)) run.problems.push(problemOf(thrown, { kind: 'image', name }));
    return [];
  }
}

function whereOf(run: CycleRun, name: string): { enrolment: ManagedEnrolment; builder: Builder } {
  const enrolment = run.managed.get(name);
  if (!enrolment) throw refused(name, 'it cannot be read');
  if (run.settings.engine === 'kargo')
    throw refused(name, 'with engine: kargo a run belongs to the Promotion that started it');
  const { provider } = enrolment.source;
  const builder = run.deps.builderFor(provider);
  if (!builder) throw refused(name, `nothing here can ask provider ${provider}`);
  if (!builder.retry) throw refused(name, `provider ${provider} cannot run an ended run again`);
  return { enrolment, builder };
}

function refused(name: string, why: string): FactoryError {
  return new FactoryError({
    code: 'RETRY_REFUSED',
    message: `${name} is not run again: ${why}`,
    hint: `image-factory explain ${name} shows where it stands; image-factory rebuild ${name} --reason TEXT begins a build of its own.`,
    subject: { kind: 'image', name },
  });
}

function told({ image, key, attempt, run, createdAt, retry }: Intent, { by, reason }: RetryRequest): Event {
  const text = `run ${run?.id ?? ''} of ${image} is run again by ${by}: ${reason}`;
  return {
    at: createdAt,
    type: 'retry',
    image,
    text,
    data: { key, attempt, run: run?.id, tries: retry?.tries },
  };
}
