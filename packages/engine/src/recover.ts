import { problemOf } from '@image-factory/core/problem.ts';
import { withIntent } from '@image-factory/core/rebuild/transitions.ts';
import type { Intent } from '@image-factory/core/state/types.ts';
import { minute } from '@image-factory/core/time.ts';
import { recordRuns, startAll } from './act.ts';
import type { CycleRun } from './cycle-run.ts';
import type { OpenRun } from './follow.ts';

/** Another process may take over an intent without a run so long after it first saw it (brief 4.4). */
const takeOverAfter = 10 * minute;

/**
 * Takes up every open intent, by what is committed and never by a recomputed key: follows its run, finds a run whose id
 * was not recorded, or takes the intent over when its writer is gone and two look-ups find nothing.
 */
export async function recover(run: CycleRun): Promise<readonly OpenRun[]> {
  const open: OpenRun[] = [];
  const found: OpenRun[] = [];
  const orphans: Intent[] = [];
  for (const intent of run.records.state.intents.values()) {
    const enrolment = run.managed.get(intent.image);
    if (!enrolment) {
      await closeUnenrolled(run, intent);
      continue;
    }
    const builder = run.deps.builderFor(enrolment.source.provider);
    if (!builder) {
      run.missingBuilder(enrolment);
      continue;
    }
    try {
      if (intent.run) {
        const known = { id: intent.run.id, key: intent.key, attempt: intent.attempt, status: 'running' as const };
        open.push({ intent, enrolment, builder, run: known });
        continue;
      }
      const lost = await builder.find(enrolment, intent.key, intent.attempt, run.signal);
      if (lost) found.push({ intent, enrolment, builder, run: lost });
      else if (await mayTakeOver(run, intent)) {
        const again = await builder.find(enrolment, intent.key, intent.attempt, run.signal);
        if (again) found.push({ intent, enrolment, builder, run: again });
        else orphans.push(intent);
      }
    } catch (thrown) {
      run.problems.push(problemOf(thrown, { kind: 'image', name: intent.image }));
    }
  }
  if (found.length > 0) await recordRuns(run, found);
  return [...open, ...found, ...(await takeOver(run, orphans))];
}

async function mayTakeOver(run: CycleRun, intent: Intent): Promise<boolean> {
  if (await run.deps.isDead(intent.writer)) return true;
  const local = run.deps.clock.now();
  return local - run.deps.sightings.first(`${intent.key}/${intent.attempt}`, local) >= takeOverAfter;
}

/** Writes our name into the intents; the commit decides who may start them. */
async function takeOver(run: CycleRun, orphans: readonly Intent[]): Promise<readonly OpenRun[]> {
  if (orphans.length === 0) return [];
  const names = orphans.map(({ image }) => image).join(', ');
  await run.records.transact(`Take over the open intents of ${names}`, (before) => {
    let state = before;
    for (const orphan of orphans) {
      const current = state.intents.get(orphan.image);
      const same = current?.key === orphan.key && current.attempt === orphan.attempt && current.writer === orphan.writer;
      if (same && !current.run) state = withIntent(state, { ...current, writer: run.deps.writer });
    }
    const events = orphans.map((orphan) => ({
      at: run.now,
      type: 'taken-over',
      image: orphan.image,
      text: `the intent for ${orphan.image} was left by ${orphan.writer}`,
    }));
    return { state, events: state === before ? [] : events };
  });
  const writtenAt = run.deps.clock.monotonic();
  const ours = orphans.flatMap((orphan) => {
    const current = run.records.state.intents.get(orphan.image);
    const taken = current?.key === orphan.key && current.attempt === orphan.attempt && !current.run;
    return taken && current.writer === run.deps.writer ? [current] : [];
  });
  return startAll(run, ours, writtenAt);
}

async function closeUnenrolled(run: CycleRun, intent: Intent): Promise<void> {
  await run.records.transact(`Close the intent of ${intent.image}, which is no longer enrolled`, (before) => {
    const intents = new Map(before.intents);
    if (!intents.delete(intent.image)) return { state: before, events: [] };
    const text = `the open intent of ${intent.image} was closed: it is no longer enrolled`;
    return { state: { ...before, intents }, events: [{ at: run.now, type: 'intent-closed', image: intent.image, text }] };
  });
}
