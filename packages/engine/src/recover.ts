import { providers } from '@image-factory/core/enrolment/schema-parts.ts';
import type { ManagedEnrolment, Provider } from '@image-factory/core/enrolment/types.ts';
import type { Builder, Run } from '@image-factory/core/ports/builder.ts';
import { isEndBefore } from '@image-factory/core/rebuild/retry.ts';
import { holdOn, takenOver, withIntents } from '@image-factory/core/rebuild/intents.ts';
import type { Intent } from '@image-factory/core/state/types.ts';
import { hour } from '@image-factory/core/time.ts';
import { isStopped, noteProblem, type CycleRun } from './cycle-run.ts';
import { enrolmentOfRecord } from './enrolment-of-record.ts';
import { visibleWithin, type OpenRun } from './follow.ts';
import { inParallel } from './pool.ts';
import { recordEnds, type EndedRun } from './record-ends.ts';
import { sightingOf } from './sighting.ts';
import { recordRuns, startAll, stopwatch } from './start.ts';

/** Another process may take over an intent without a run so long after it first saw it (brief 4.4). */
const takeOverAfter = visibleWithin;
/** Kargo finds an intent within its polling interval, and a promotion is ended sooner than this. */
export const handedOverWithin = hour;
const looksAtOnce = 16;

/** What is to be done about an open intent. */
export type Found =
  | { readonly kind: 'known' | 'found'; readonly open: OpenRun }
  | { readonly kind: 'orphan'; readonly intent: Intent; readonly enrolment: ManagedEnrolment }
  | { readonly kind: 'over'; readonly ended: EndedRun }
  | undefined;

/** An open intent that has no run, as far as anybody can see. */
export interface Unstarted {
  readonly intent: Intent;
  readonly enrolment: ManagedEnrolment;
  readonly builder: Builder;
  /** Looks once more for its run. */
  lookAgain(): Promise<OpenRun | undefined>;
}

/**
 * Takes up every open intent, by what is committed and never by a recomputed key: follows its run, finds a run whose id
 * was not recorded, or takes the intent over when its writer is gone and two look-ups find nothing.
 */
export async function recover(run: CycleRun): Promise<readonly OpenRun[]> {
  if (leavesRuns(run)) return leftToServer(run);
  const intents = [...run.records.state.intents.values()];
  return takeUp(run, intents, run.settings.engine === 'kargo' ? neverStarted : leftByItsWriter);
}

/** A server starts and follows all runs, with credentials that Jobs do not have. */
export function leavesRuns({ settings: { engine, kargo }, deps }: CycleRun): boolean {
  return engine === 'kargo' && kargo.server !== undefined && !deps.isServer;
}

/** Says so where the server does nothing about an intent, not even end it. */
function leftToServer(run: CycleRun): readonly OpenRun[] {
  for (const { image, run: started, createdAt } of run.records.state.intents.values()) {
    if (started || run.time() - createdAt < 2 * handedOverWithin) continue;
    run.problems.push({
      code: 'CI_UNREACHABLE',
      message: `the rebuild of ${image} was decided two hours ago, and nothing has become of it`,
      hint: `Look whether the Image Factory at ${run.settings.kargo.server} runs (image-factory serve), and at the Stage rebuild-* of the image.`,
      subject: { kind: 'image', name: image },
    });
  }
  return [];
}

/** Takes up these intents; `unstarted` says what is to be done about one that has no run. */
export async function takeUp(
  run: CycleRun,
  intents: readonly Intent[],
  unstarted: (run: CycleRun, found: Unstarted) => Promise<Found>,
): Promise<readonly OpenRun[]> {
  const looked = await inParallel(intents, looksAtOnce, async (intent): Promise<Found> => {
    try {
      return await lookUp(run, intent, unstarted);
    } catch (thrown) {
      noteProblem(run, thrown, { kind: 'image', name: intent.image });
      return undefined;
    }
  });
  const known = looked.flatMap((each) => (each?.kind === 'known' ? [each.open] : []));
  const found = looked.flatMap((each) => (each?.kind === 'found' ? [each.open] : []));
  const orphans = looked.flatMap((each) => (each?.kind === 'orphan' ? [each] : []));
  const over = looked.flatMap((each) => (each?.kind === 'over' ? [each.ended] : []));
  if (found.length > 0) await recordRuns(run, found);
  const unwanted = orphans.flatMap(({ intent, enrolment }) => withdrawn(run, intent, enrolment) ?? []);
  if (over.length + unwanted.length > 0) await recordEnds(run, [...over, ...unwanted]);
  const wanted = orphans
    .map(({ intent }) => intent)
    .filter((intent) => !unwanted.some((ended) => ended.intent === intent));
  return [...known, ...found, ...(await takeOver(run, wanted))];
}

async function lookUp(
  run: CycleRun,
  intent: Intent,
  unstarted: (run: CycleRun, found: Unstarted) => Promise<Found>,
): Promise<Found> {
  const record = run.records.state.images.get(intent.image);
  // Its file cannot be read: nothing could be recorded, so it waits until that is mended.
  if (!record) return undefined;
  const enrolment = run.enrolled.get(intent.image) ?? enrolmentOfRecord(record);
  if (!enrolment) return withoutEnrolment(run, intent);
  const builder = builderOf(run, intent, enrolment);
  if (!builder) return undefined;
  const own = intent.writer === run.deps.writer;
  const open = (found: Run): OpenRun => ({ intent, enrolment, builder, run: found, own });
  if (intent.run) {
    const { id } = intent.run;
    if (intent.retry && (await isStillToAsk(run, intent, enrolment, builder)))
      return (await mayTakeOver(run, intent, builder)) &&
        (await isStillToAsk(run, intent, enrolment, builder))
        ? { kind: 'orphan', intent, enrolment }
        : undefined;
    return { kind: 'known', open: open({ id, key: intent.key, attempt: intent.attempt, status: 'running' }) };
  }
  // It told how it ended before anybody wrote down that it had begun.
  if (intent.reported) {
    const { run: id, status } = intent.reported;
    return { kind: 'found', open: open({ id, key: intent.key, attempt: intent.attempt, status }) };
  }
  const lookAgain = async (): Promise<OpenRun | undefined> => {
    const seen = await builder.find(enrolment, intent.key, intent.attempt, run.signal, intent.createdAt);
    return seen && open(seen);
  };
  const lost = await lookAgain();
  return lost ? { kind: 'found', open: lost } : unstarted(run, { intent, enrolment, builder, lookAgain });
}

/** Its writer may still start it, until its time is over and a second look-up finds nothing either. */
export async function leftByItsWriter(run: CycleRun, found: Unstarted): Promise<Found> {
  const { intent, enrolment, builder, lookAgain } = found;
  if (!(await mayTakeOver(run, intent, builder))) return undefined;
  const again = await lookAgain();
  return again ? { kind: 'found', open: again } : { kind: 'orphan', intent, enrolment };
}

/** Its run was to be run again, and its provider still shows the end that it had before. */
async function isStillToAsk(
  run: CycleRun,
  intent: Intent,
  enrolment: ManagedEnrolment,
  builder: Builder,
): Promise<boolean> {
  const seen = await builder.get(enrolment, intent.run?.id ?? '', run.signal);
  return seen !== undefined && isEndBefore(intent, seen);
}

/**
 * Kargo starts the run, or a server that it asks, so no cycle takes the intent over. Closing it is what ends it: the
 * promotion looks whether the intent is still there before it sends the request, and the server before it starts the run.
 */
async function neverStarted(run: CycleRun, { intent, enrolment }: Unstarted): Promise<Found> {
  if (run.time() - (intent.takenOverAt ?? intent.createdAt) < handedOverWithin) return undefined;
  const error =
    intent.takenOverAt === undefined
      ? 'Kargo started no run within an hour: look at the Stage rebuild-* of the image and its Promotions'
      : `${intent.writer} took it up for Kargo an hour ago, and no run of it is to be seen`;
  return { kind: 'over', ended: { intent, enrolment, unstarted: true, end: { outcome: 'failure', error } } };
}

/** Runs are at the provider that the intent names, whatever the enrolment says by now. */
export function providerOf(intent: Intent, { source }: ManagedEnrolment): Provider {
  return providers.find((known) => known === intent.provider) ?? source.provider;
}

function builderOf(run: CycleRun, intent: Intent, enrolment: ManagedEnrolment): Builder | undefined {
  const provider = providerOf(intent, enrolment);
  const builder = run.deps.builderFor(provider);
  if (!builder) {
    run.problems.push({
      code: 'BUILDER_MISSING',
      message: `the open run of ${intent.image} cannot be followed: nothing here can ask provider ${provider}`,
      hint: 'Run image-factory doctor; its key stays taken until the run can be followed.',
      subject: { kind: 'image', name: intent.image },
    });
  }
  return builder;
}

/** Nobody can say where its run would be: its key stays taken for as long as a run may take. */
function withoutEnrolment(run: CycleRun, intent: Intent): Found {
  const { buildTimeout, runTimeout } = run.settings.limits;
  if (run.time() - intent.createdAt < Math.max(buildTimeout, runTimeout) + takeOverAfter) return undefined;
  const end = {
    outcome: 'superseded' as const,
    error: 'it is enrolled no more, so that its run could not be followed',
  };
  return { kind: 'over', ended: { intent, enrolment: undefined, end } };
}

/**
 * Ten minutes after this machine first saw the intent in these hands, a run that its writer started would be visible and
 * a writer that is slow may start none any more. Of builds that live in their writer, nothing is left once it is dead.
 */
async function mayTakeOver(run: CycleRun, intent: Intent, builder: Builder): Promise<boolean> {
  if (builder.capabilities().inProcess && (await run.deps.isDead(intent.writer))) return true;
  const local = run.deps.clock.now();
  return local - run.deps.sightings.first(sightingOf(intent), local) >= takeOverAfter;
}

/** An intent that was never started and is not wanted any more ends without a run. */
function withdrawn(run: CycleRun, intent: Intent, enrolment: ManagedEnrolment): EndedRun | undefined {
  const why = whyWithdrawn(run, intent);
  return why === undefined
    ? undefined
    : { intent, enrolment, unstarted: true, end: { outcome: 'cancelled', error: why } };
}

function whyWithdrawn(run: CycleRun, intent: Intent): string | undefined {
  const { state } = run.records;
  if (!run.enrolled.has(intent.image)) return 'it is enrolled no more';
  if (state.engine && state.engine.epoch !== intent.epoch)
    return `decided in epoch ${intent.epoch}, now it is ${state.engine.epoch}`;
  const hold = holdOn(state, intent, run.now);
  return hold && `put on hold before it was started: ${hold.reason}`;
}

/** Writes our name into the intents; the commit decides who may start them. */
async function takeOver(run: CycleRun, orphans: readonly Intent[]): Promise<readonly OpenRun[]> {
  if (orphans.length === 0 || isStopped(run)) return [];
  const names = orphans.map(({ image }) => image).join(', ');
  const { writer, clock } = run.deps;
  run.now = run.time();
  let watch = stopwatch(clock);
  let ours: readonly Intent[] = [];
  await run.records.transact(`Take over the open intents of ${names}`, (before) => {
    watch = stopwatch(clock);
    ours = orphans.flatMap((orphan) =>
      holdOn(before, orphan, run.now) ? [] : (takenOver(before, orphan, writer, run.now) ?? []),
    );
    const events = ours.map(({ image }) => {
      const left = orphans.find((orphan) => orphan.image === image)?.writer ?? '';
      const text = `the intent for ${image}, written by ${left}, was taken up by ${writer}`;
      return { at: run.now, type: 'taken-over', image, text };
    });
    return { state: withIntents(before, ours), events };
  });
  return startAll(run, ours, watch);
}
