import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { closeIntent, type RunEnd } from '@image-factory/core/rebuild/ends.ts';
import { isOpen, openAttempt, withoutIntent } from '@image-factory/core/rebuild/intents.ts';
import type { Event, FactoryState, Intent, Rebuild } from '@image-factory/core/state/types.ts';
import type { CycleRun } from './cycle-run.ts';
import { sightingOf } from './sighting.ts';
import { listed } from './wording.ts';

export interface EndedRun {
  readonly intent: Intent;
  /** Undefined: it is not enrolled any more, and nothing was pushed. */
  readonly enrolment: ManagedEnrolment | undefined;
  readonly end: RunEnd;
  /** No run was ever started for it: ends only what nobody else has taken over. */
  readonly unstarted?: true;
  /** Its provider only wants to be left alone for a while: the decision is taken back, and the record keeps no trace. */
  readonly putOff?: true;
}

/** Commits what came out of runs, together. */
export async function recordEnds(run: CycleRun, ended: readonly EndedRun[]): Promise<void> {
  run.now = run.time();
  const { settle } = run.settings.timing;
  await run.records.transact(
    `Record the outcome of ${listed(ended.map(({ intent }) => intent.image))}`,
    (before) => {
      let state = before;
      const events: Event[] = [];
      for (const each of ended) {
        const { intent, enrolment, end, unstarted } = each;
        if (unstarted && !isOpen(state, intent)) continue;
        if (isTakenBack(each)) {
          state = withoutIntent(state, intent);
          events.push(takenBack(intent, end, run.now));
          continue;
        }
        const after = closeIntent(state, enrolment, intent, end, run.now, settle);
        if (after === state) continue;
        state = after;
        const rebuild = rebuildOf(state, intent);
        const text = `rebuild of ${intent.image} ended: ${rebuild?.outcome}${rebuild?.error ? ` (${firstLine(rebuild.error)})` : ''}`;
        events.push({
          at: run.now,
          type: 'rebuild-ended',
          image: intent.image,
          text,
          data: { key: intent.key, attempt: intent.attempt, outcome: rebuild?.outcome },
        });
      }
      return { state, events };
    },
  );
  for (const each of ended) {
    const { intent } = each;
    if (isTakenBack(each)) run.deps.sightings.forget(sightingOf(intent));
    // Another process may have recorded it before, or holds it now.
    const rebuild = openAttempt(run.records.state, intent) ? undefined : rebuildOf(run.records.state, intent);
    if (!rebuild || isTakenBack(each)) continue;
    run.ended.push({ image: intent.image, rebuild });
    run.deps.log.info(
      `rebuild of ${intent.image}: ${rebuild.outcome}${rebuild.digest ? ` ${rebuild.digest}` : ''}`,
    );
    run.deps.sightings.forget(sightingOf(intent));
  }
}

/** Then the record says what it said before. */
function isTakenBack({ intent, unstarted, putOff }: EndedRun): boolean {
  return unstarted === true && (putOff === true || intent.retry !== undefined);
}

function takenBack({ image, key, attempt, retry }: Intent, { error = '' }: RunEnd, at: number): Event {
  const what = retry ? `the run of ${image} was not run again` : `rebuild of ${image} was not started`;
  const text = `${what} (${firstLine(error)})`;
  return { at, type: 'not-started', image, text, data: { key, attempt } };
}

function rebuildOf(state: FactoryState, { image, key, attempt }: Intent): Rebuild | undefined {
  return state.images
    .get(image)
    ?.rebuilds.findLast((rebuild) => rebuild.key === key && rebuild.attempt === attempt);
}

/** A log of several lines stays with the rebuild; the audit log has one line per event. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
