import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { closeOverdue, reopened, type RunEnd } from '@image-factory/core/rebuild/ends.ts';
import type { Event, Intent } from '@image-factory/core/state/types.ts';
import { formatDuration } from '@image-factory/core/time.ts';
import { noteProblem, type CycleRun } from './cycle-run.ts';
import { endOfRun, type OpenRun } from './follow.ts';
import { inParallel } from './pool.ts';
import { leavesRuns } from './recover.ts';
import { listed } from './wording.ts';

const asksAtOnce = 16;

/**
 * What is recorded of a run that still says `running` when `limits.runTimeout` is over: a failure like any other, which
 * counts for back-off and for the three strikes. It is marked as overdue, because the run itself may still go on:
 *
 * - Only after that is committed its provider is asked to cancel it ({@link askOverdue}): a process that is killed in
 *   between leaves nothing undone.
 * - Until the run has ended, or as much time has passed again, no other attempt of its image starts, nor a person's.
 * - Where it succeeds in that time, the attempt counts as successful: its key is built, and the next attempt is not
 *   needed any more. So a key has one successful attempt although the first answer came too late.
 * - After that time its provider is no longer believed that it goes on: it is cancelled once more and given up. A
 *   success that comes even later is entered as what stands under the tag, proved by its layers, and no reason to build.
 */
export function timedOut(run: CycleRun, { run: { id } }: OpenRun): RunEnd {
  const limit = formatDuration(run.settings.limits.runTimeout);
  return {
    outcome: 'failure',
    run: id,
    error: `timeout: run ${id} had not ended after ${limit} (limits.runTimeout)`,
    overdue: true,
  };
}

/** Asks how overdue runs are: records those that have ended, and has those cancelled that still go on. */
export async function askOverdue(run: CycleRun): Promise<void> {
  if (leavesRuns(run)) return;
  const asked = await inParallel(overdueOf(run), asksAtOnce, async (found) => {
    const end = await endOfRun(run, found);
    if (end === 'running') await cancel(run, found);
    if (end === 'unclear' || (end === 'running' && !found.givenUp)) return [];
    return [{ ...found, end: end === 'running' ? timedOut(run, found) : end }];
  });
  const ended = asked.flat();
  if (ended.length === 0) return;
  run.now = run.time();
  const names = ended.map(({ intent }) => intent.image);
  await run.records.transact(`Record the late end of ${listed(names)}`, (before) => {
    let state = before;
    const events: Event[] = [];
    for (const { intent, enrolment, end } of ended) {
      const after = closeOverdue(state, enrolment, intent, end, run.now, run.settings.timing.settle);
      if (after === state) continue;
      state = after;
      events.push(told(intent, end, run.now));
    }
    return { state, events };
  });
}

interface OverdueRun extends OpenRun {
  /** Its second time is over as well. */
  readonly givenUp: boolean;
}

/** Also those whose second time passed while nobody was there to ask. */
function overdueOf(run: CycleRun): readonly OverdueRun[] {
  const { state } = run.records;
  return [...run.enrolled].flatMap(([name, enrolment]) => {
    const late = state.images.get(name)?.rebuilds.findLast(({ overdue }) => overdue);
    if (!late || state.intents.has(name)) return [];
    const givenUp = late.endedAt + run.settings.limits.runTimeout <= run.time();
    const open = openRun(run, enrolment, reopened(name, late, enrolment.source.provider));
    return open ? [{ ...open, givenUp }] : [];
  });
}

function openRun(run: CycleRun, enrolment: ManagedEnrolment, intent: Intent): OpenRun | undefined {
  const builder = run.deps.builderFor(enrolment.source.provider);
  if (!builder || !intent.run) return undefined;
  const { key, attempt } = intent;
  const status = 'running' as const;
  return { intent, enrolment, builder, run: { id: intent.run.id, key, attempt, status }, own: false };
}

async function cancel(run: CycleRun, { builder, enrolment, intent, run: { id } }: OpenRun): Promise<void> {
  try {
    await builder.cancel(enrolment, id);
  } catch (thrown) {
    noteProblem(run, thrown, { kind: 'image', name: intent.image });
  }
}

function told({ image, key, attempt }: Intent, { run, outcome, overdue }: RunEnd, at: number): Event {
  const text = overdue
    ? `run ${run} of ${image} is given up: its provider still calls it running`
    : `run ${run} of ${image} ended after its time was over: ${outcome}`;
  return { at, type: 'overdue-ended', image, text, data: { key, attempt, outcome } };
}
