import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { dispatchBody } from '@image-factory/core/rebuild/dispatch.ts';
import { runInputs } from '@image-factory/core/rebuild/run-inputs.ts';
import { reasonText } from '@image-factory/core/plan/reason-text.ts';
import type { Decision, Plan } from '@image-factory/core/plan/types.ts';
import type { Run } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import { intentOf, isOpen, mayOpen, openAttempt, withIntents } from '@image-factory/core/rebuild/intents.ts';
import type { Event, FactoryState, Intent } from '@image-factory/core/state/types.ts';
import { minute, type Duration } from '@image-factory/core/time.ts';
import { isStopped, type CycleRun } from './cycle-run.ts';
import { recordEnds, type EndedRun } from './record-ends.ts';
import type { OpenRun } from './follow.ts';
import { refusals } from './refusals.ts';
import { runAgain } from './run-again.ts';
import { planNow, planOn } from './plan-now.ts';
import { inParallel } from './pool.ts';
import { counted, listed } from './wording.ts';

/** Only the writer of an intent may start its run, and only so long after writing it (brief 4.4). */
const startWithin = minute;
const startsAtOnce = 16;

/** Writes the intents of what is due now, and starts their runs; with the kargo engine Kargo starts them. */
export async function startDue(run: CycleRun): Promise<readonly OpenRun[]> {
  // Every transaction has a time of its own: the audit log is ordered by it.
  run.now = run.time();
  const plan = await planNow(run, 'starts');
  const planned = run.records.state;
  const wanted = intentsOf(run, plan);
  if (wanted.length === 0 || isStopped(run)) return [];

  const names = wanted.map(({ image }) => image);
  let watch = stopwatch(run.deps.clock);
  await run.records.transact(`Start ${counted(names.length, 'rebuild')}: ${listed(names)}`, (before) => {
    // The push comes after this, however long it takes to be told so.
    watch = stopwatch(run.deps.clock);
    // On newer records the decision is made again: a hold or another process's start may have come in between.
    const still = sameRecords(before, planned) ? wanted : stillWanted(wanted, planOn(run, before, 'starts'));
    const written = still.filter((intent) => mayOpen(before, intent));
    return {
      state: withIntents(before, written),
      events: written.map((intent) => decided(intent, plan, run.now)),
    };
  });
  const ours = wanted.filter((intent) => isOpen(run.records.state, intent));
  for (const intent of ours) run.requests.delete(intent.image);
  if (run.settings.engine === 'kargo') {
    run.started.push(...ours.map(({ image }) => image));
    return [];
  }
  return startAll(run, ours, watch);
}

function intentsOf(run: CycleRun, { starts, decisions }: Plan): Intent[] {
  const byName = new Map<string, Decision>(decisions.map((decision) => [decision.image, decision]));
  return starts.flatMap((name) => {
    const decision = byName.get(name);
    const enrolment = run.managed.get(name);
    if (!decision || !enrolment || run.throttled.has(enrolment.source.provider)) return [];
    const intent = intentOf(decision, enrolment, {
      now: run.now,
      writer: run.deps.writer,
      epoch: run.records.state.engine?.epoch ?? 1,
      commit: run.sources.get(name)?.commit,
      revision: run.sources.get(name)?.revision,
      requestedBy: run.requests.get(name)?.by,
    });
    return intent ? [run.settings.engine === 'kargo' ? withRequest(run, intent, enrolment) : intent] : [];
  });
}

/** What Kargo is to send, written down in the intent: it can read a file, and compute next to nothing. */
function withRequest(run: CycleRun, intent: Intent, image: ManagedEnrolment): Intent {
  // A server that Kargo asks knows what to send.
  if (run.settings.kargo.server !== undefined) return intent;
  const { key, attempt, reason, commit, pins } = intent;
  const dependencies = run.records.state.images.get(image.name)?.dependencies ?? [];
  const inputs = runInputs({ key, attempt, image, reason, commit, pins, dependencies });
  return { ...intent, request: dispatchBody(image, run.settings, inputs) };
}

/** With the reason in words: those of a person's request are found nowhere else afterwards. */
function decided({ image, key, attempt, reason, emergency }: Intent, { decisions }: Plan, at: number): Event {
  const cause = decisions.find((decision) => decision.image === image)?.due[0];
  const text = `rebuild of ${image} decided: ${cause ? reasonText(cause) : reason}`;
  return { at, type: 'intent', image, text, data: { key, attempt, ...(emergency && { emergency }) } };
}

/** Records that are the same are the same objects, because they are decoded once. */
function sameRecords(a: FactoryState, b: FactoryState): boolean {
  const same = <T>(left: ReadonlyMap<string, T>, right: ReadonlyMap<string, T>): boolean =>
    left.size === right.size && left.entries().every(([name, record]) => right.get(name) === record);
  return (
    a.engine === b.engine && same(a.images, b.images) && same(a.bases, b.bases) && same(a.intents, b.intents)
  );
}

function stillWanted(wanted: readonly Intent[], plan: Plan): readonly Intent[] {
  const starts = new Set(plan.starts);
  const keys = new Map(plan.decisions.map(({ image, key, attempt }) => [image, `${key}/${attempt}`]));
  return wanted.filter(
    ({ image, key, attempt }) => starts.has(image) && keys.get(image) === `${key}/${attempt}`,
  );
}

/** Time since a moment, by whichever clock says more: a machine that slept may not have counted it on the monotonic one. */
export function stopwatch(clock: Clock): () => Duration {
  const monotonic = clock.monotonic();
  const wall = clock.now();
  return () => Math.max(clock.monotonic() - monotonic, clock.now() - wall);
}

/** Starts the runs of intents that are committed under our name, and commits the run ids. */
export async function startAll(
  run: CycleRun,
  intents: readonly Intent[],
  sinceWritten: () => Duration,
): Promise<readonly OpenRun[]> {
  const begun = await inParallel(intents, startsAtOnce, (intent) => start(run, intent, sinceWritten));
  const open = begun.flatMap((each) => (each && 'run' in each ? [each] : []));
  const unstarted = begun.flatMap((each) => (each && 'end' in each ? [each] : []));
  if (open.length > 0) await recordRuns(run, open);
  if (unstarted.length > 0) await recordEnds(run, unstarted);
  return open;
}

/** Undefined: it is not known whether a run exists, or nobody may start it now; the intent stays open and is recovered. */
async function start(
  run: CycleRun,
  intent: Intent,
  sinceWritten: () => Duration,
): Promise<OpenRun | EndedRun | undefined> {
  const enrolment = run.managed.get(intent.image);
  const builder = enrolment && run.deps.builderFor(enrolment.source.provider);
  const record = run.records.state.images.get(intent.image);
  if (!enrolment || !builder || !record) return undefined;
  // Of what was taken over nobody knows whether its first writer's request is still on its way: the attempt stays open.
  const untouched = intent.takenOverAt === undefined;
  // Nothing was started, and nobody else may: the attempt ends here.
  if (isStopped(run) && !untouched) return undefined;
  if (isStopped(run))
    return {
      intent,
      enrolment,
      unstarted: true,
      end: { outcome: 'cancelled', error: 'stopped before it was started' },
    };
  if (sinceWritten() > (run.deps.startWithin ?? startWithin)) {
    run.deps.log.warn(`${intent.image} was not started: its intent is older than a minute by now`);
    return undefined;
  }
  if (intent.retry) return runAgain(run, intent, enrolment, builder);
  const { key, attempt, pins, platforms, commit, reason } = intent;
  const { dependencies } = record;
  const { inProcess } = builder.capabilities();
  run.deps.log.info(`starting the rebuild of ${intent.image} (${reason})`);
  try {
    // Without the stop signal: a create that is cut off leaves nobody knowing whether there is a run.
    const started = await builder.start({
      key,
      attempt,
      image: enrolment,
      pins,
      dependencies,
      platforms,
      commit,
      reason,
    });
    run.started.push(intent.image);
    return { intent, enrolment, builder, run: started, own: true };
  } catch (thrown) {
    const problem = problemOf(thrown, { kind: 'image', name: intent.image });
    const refused = refusals[problem.code];
    // A refusal created no run: looking for it would only cost a request.
    const found = refused
      ? undefined
      : await builder.find(enrolment, key, attempt, undefined, intent.createdAt).catch(() => undefined);
    if (found) {
      run.started.push(intent.image);
      return { intent, enrolment, builder, run: found, own: true };
    }
    run.problems.push(problem);
    if (problem.code === 'CI_THROTTLED') {
      run.throttled.add(enrolment.source.provider);
      if (!untouched) return undefined;
    }
    // A refusal of our own process cannot have left a run behind; anything else is looked for again later.
    const outcome = refused ?? (inProcess || problem.code.startsWith('BUILDER_') ? 'failure' : undefined);
    const putOff = problem.code === 'CI_THROTTLED' ? { putOff: true as const } : {};
    return (
      outcome && { intent, enrolment, unstarted: true, ...putOff, end: { outcome, error: problem.message } }
    );
  }
}

/** Commits which runs belong to which intents. */
export async function recordRuns(run: CycleRun, open: readonly OpenRun[]): Promise<void> {
  run.now = run.time();
  const names = open.map(({ intent }) => intent.image);
  await run.records.transact(
    `Record the ${names.length === 1 ? 'run' : 'runs'} of ${listed(names)}`,
    (before) => {
      const known: Intent[] = [];
      const events: Event[] = [];
      for (const { intent, run: started } of open) {
        const current = openAttempt(before, intent);
        if (!current || current.run) continue;
        known.push({ ...current, run: runOf(started, run.now) });
        const text = `run ${started.id} of ${intent.image} started`;
        events.push({
          at: run.now,
          type: 'run-started',
          image: intent.image,
          text,
          data: { run: started.id, key: intent.key },
        });
      }
      return { state: withIntents(before, known), events };
    },
  );
}

function runOf(started: Run, now: number): NonNullable<Intent['run']> {
  return { id: started.id, startedAt: now, ...(started.url === undefined ? {} : { url: started.url }) };
}
