import { minute, second, type Duration } from '@image-factory/core/time.ts';
import { isStopped, noteProblem, type CycleRun } from './cycle-run.ts';
import { endOfRun, isOverdue, type OpenRun } from './follow.ts';
import { askOverdue, timedOut } from './overdue.ts';
import { inParallel } from './pool.ts';
import { recordEnds, type EndedRun } from './record-ends.ts';
import { startDue } from './start.ts';
import { counted } from './wording.ts';

/** How often runs are asked how they are. */
const pollEvery = second / 4;
const pollEveryRemote = 10 * second;
const pollsAtOnce = 16;
/** Runs that end so near to each other are committed together. */
const groupedWithin = 2 * second;
/** Time makes things due as well, while a long build is followed. */
const planEvery = minute;

/** Starts what is due, follows it, and starts what becomes startable by it, until nothing more is to be done now. */
export async function act(run: CycleRun, adopted: readonly OpenRun[]): Promise<void> {
  const { clock, log } = run.deps;
  const open = new Map(adopted.map((found) => [found.intent.image, found]));
  let ended: EndedRun[] = [];
  let endedAt = clock.monotonic();
  let plannedAt: number | undefined;
  let cancelled = false;
  for (;;) {
    if (isStopped(run)) {
      if (!cancelled) await cancelOwn(run, open);
      cancelled = true;
    } else if (plannedAt === undefined || clock.monotonic() - plannedAt >= planEvery) {
      await askOverdue(run);
      for (const started of await startDue(run)) open.set(started.intent.image, started);
      plannedAt = clock.monotonic();
    }
    if (ended.length === 0) endedAt = clock.monotonic();
    ended.push(...(await pollAll(run, open)));
    const waiting = [...open.values()].filter((found) => isWaitedFor(run, found));
    if (ended.length > 0 && (waiting.length === 0 || clock.monotonic() - endedAt >= groupedWithin)) {
      await recordEnds(run, ended);
      ended = [];
      plannedAt = undefined;
      continue;
    }
    if (waiting.length === 0) return;
    log.progress(
      `${counted(waiting.length, 'rebuild')} running: ${waiting.map(({ intent }) => intent.image).join(', ')}`,
    );
    await sleep(run, ended.length > 0 || waiting.some(isInProcess) ? pollEvery : pollEveryRemote);
    run.now = run.time();
  }
}

/** Builds that live in this process end with it; others are waited for only where that is asked for. */
function isWaitedFor(run: CycleRun, found: OpenRun): boolean {
  return (found.own && isInProcess(found)) || (run.follow && !isStopped(run));
}

function isInProcess({ builder }: OpenRun): boolean {
  return builder.capabilities().inProcess;
}

/** Takes what has ended out of `open`, and what nobody can ask about now: a later cycle looks at that again. */
async function pollAll(run: CycleRun, open: Map<string, OpenRun>): Promise<EndedRun[]> {
  const ended = await inParallel([...open.values()], pollsAtOnce, async (found): Promise<EndedRun[]> => {
    const { intent, enrolment } = found;
    const end = await endOfRun(run, found);
    if (end === 'running' && !isOverdue(run, found)) return [];
    open.delete(intent.image);
    if (end === 'unclear') return [];
    return [{ intent, enrolment, end: end === 'running' ? timedOut(run, found) : end }];
  });
  return ended.flat();
}

/** A stop was asked for: builds that live in this process end with it, so they end in order. */
async function cancelOwn(run: CycleRun, open: ReadonlyMap<string, OpenRun>): Promise<void> {
  const own = [...open.values()].filter((found) => found.own && isInProcess(found));
  await inParallel(own, own.length, async ({ builder, enrolment, run: { id }, intent }) => {
    await builder
      .cancel(enrolment, id)
      .catch((thrown: unknown) => noteProblem(run, thrown, { kind: 'image', name: intent.image }));
  });
}

async function sleep(run: CycleRun, duration: Duration): Promise<void> {
  // Asked to stop already: what is still waited for is ending.
  const signal = isStopped(run) ? undefined : run.signal;
  await run.deps.clock.sleep(duration, signal).catch((thrown: unknown) => {
    if (!isStopped(run)) throw thrown;
  });
}
