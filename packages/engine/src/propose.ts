import { isOpenRequest, sameTargets } from '@image-factory/core/proposals/request-record.ts';
import { targetsOf } from '@image-factory/core/proposals/types.ts';
import type { FactoryState, ImageRecord, SourceRequest } from '@image-factory/core/state/types.ts';
import { day, type Instant } from '@image-factory/core/time.ts';
import { commitVersions, recordFiles } from './commit-versions.ts';
import { isStopped, noteProblem, type CycleRun } from './cycle-run.ts';
import { enterGone } from './enter-gone.ts';
import { inParallel } from './pool.ts';
import { carryOut, closeRequest, eventOf, recordedAs } from './request-act.ts';
import { lookAtRequest } from './request-look.ts';
import { pinUnits, proposalsOn } from './request-pins.ts';
import { versionBatches, versionUnits } from './request-versions.ts';
import type { Looked, Outcome, RequestField, Unit } from './request-steps.ts';
import { counted, listed } from './wording.ts';

const atOnce = 4;

/**
 * Opens, changes and closes requests: looks first, writes down what it is about to do, does it, and records what came of
 * it. Killed in between, the next cycle finds the branch and the request by name and goes on. A forge that fails is a
 * problem of the image and stops nothing.
 */
export async function propose(run: CycleRun): Promise<void> {
  const moved = await proposeOnce(run);
  // An image that has left one request is proposed in the other at once.
  if (moved && !isStopped(run)) await proposeOnce(run);
  if (!isStopped(run)) await commitVersions(run);
}

/** Answers whether an image has left a request to go on in another one. */
async function proposeOnce(run: CycleRun): Promise<boolean> {
  run.now = run.time();
  const units = [...pinUnits(run, proposalsOn(run, run.records.state)), ...versionUnits(run)];
  if (units.length === 0) return false;

  const gone = run.gone.size;
  const looked = await each(run, units, async (unit) => {
    const found = await lookAtRequest(run, unit);
    return found ? [found] : [];
  });
  if (run.gone.size > gone)
    await run.records.transact('Record digests that are no longer served', (state) =>
      enterGone(state, run.gone, run.now),
    );
  const toDo = looked.filter(({ step }) => step.kind === 'change');
  const toClose = looked.filter(({ step }) => step.kind === 'close');
  if (isStopped(run)) return false;
  await writeDown(run, [...toDo, ...toClose]);

  const settled = looked.flatMap(({ step }) => (step.kind === 'known' ? step.outcomes : []));
  const changed = await each(
    run,
    toDo.filter(({ unit }) => isWrittenDown(run, unit)),
    (item) => carryOut(run, item),
  );
  const closed = await each(
    run,
    toClose.filter(({ unit }) => isWrittenDown(run, unit)),
    (item) => closeRequest(run, item),
  );
  const outcomes = [...settled, ...changed, ...closed];
  await record(run, outcomes);
  await recordFiles(
    run,
    looked.flatMap(({ done = [] }) => done),
  );
  return outcomes.some(({ kind }) => kind === 'moved');
}

/** One failure is one request's. */
async function each<T extends Unit | Looked, R>(
  run: CycleRun,
  items: readonly T[],
  work: (item: T) => Promise<readonly R[]>,
): Promise<readonly R[]> {
  const done = await inParallel(items, atOnce, async (item) => {
    if (isStopped(run)) return [];
    try {
      return await work(item);
    } catch (thrown) {
      const { speaker } = 'unit' in item ? item.unit : item;
      noteProblem(run, thrown, { kind: 'image', name: speaker.name });
      return [];
    }
  });
  return done.flat();
}

/** Do the records say that just this is about to be done, and nobody anything else? */
function isWrittenDown(run: CycleRun, { field, branch, parts, leaving }: Unit): boolean {
  const { images } = run.records.state;
  const openAt = (name: string): SourceRequest | undefined => {
    const request = images.get(name)?.[field];
    return isOpenRequest(request) && request.branch === branch ? request : undefined;
  };
  return (
    parts.every(({ image, targets }) => {
      const request = openAt(image.name);
      return request !== undefined && !request.closing && sameTargets(request, targets);
    }) && leaving.every(({ name }) => openAt(name)?.closing === true)
  );
}

/** Before anything is done at a forge it is written down, so that a request is known whatever becomes of this process. */
async function writeDown(run: CycleRun, toDo: readonly Looked[]): Promise<void> {
  if (toDo.length === 0) return;
  const planned = run.records.state;
  const names = toDo.flatMap(({ unit: { parts, leaving } }) => [
    ...parts.map(({ image }) => image.name),
    ...leaving.map(({ name }) => name),
  ]);
  const opening = toDo.filter(({ step }) => step.kind === 'change');
  await run.records.transact(`Propose ${counted(opening.length, 'change')}: ${listed(names)}`, (before) => {
    const wanted = before === planned ? undefined : wantedOn(run, before);
    const images = new Map(before.images);
    for (const { unit } of toDo) {
      // On newer records the decision is made again: a hold may have come in between, or an image joined.
      if (wanted && !isWanted(unit, wanted)) continue;
      for (const { image, targets } of unit.parts) {
        const record = images.get(image.name);
        if (record)
          images.set(image.name, { ...record, [unit.field]: asked(record, unit, targets, run.now) });
      }
      for (const { name } of unit.leaving) {
        const record = images.get(name);
        const request = record?.[unit.field];
        if (record && isOpenRequest(request) && request.branch === unit.branch)
          images.set(name, { ...record, [unit.field]: { ...request, closing: true } });
      }
    }
    return { state: { ...before, images }, events: [] };
  });
}

type WantedParts = ReadonlyMap<string, { readonly branch: string; readonly targets: Part['targets'] }>;
type Part = Unit['parts'][number];

/** What images propose on a state, by field and name. */
function wantedOn(run: CycleRun, state: FactoryState): Readonly<Record<RequestField, WantedParts>> {
  const pins = proposalsOn(run, state).flatMap(({ image, action, branch, moves }) =>
    action === 'propose' || action === 'keep'
      ? [[image, { branch, targets: targetsOf(moves) }] as const]
      : [],
  );
  const versions = [...versionBatches(run, state, 'request').values()].flatMap(({ branch, wishes }) =>
    wishes.map(({ image, file, built }) => {
      return [image.name, { branch, targets: { [file.path]: built.version } }] as const;
    }),
  );
  return { pullRequest: new Map(pins), versionRequest: new Map(versions) };
}

function isWanted({ field, branch, parts, leaving }: Unit, wanted: ReturnType<typeof wantedOn>): boolean {
  const now = wanted[field];
  return (
    parts.every(({ image, targets }) => {
      const part = now.get(image.name);
      return part?.branch === branch && JSON.stringify(part.targets) === JSON.stringify(targets);
    }) && leaving.every(({ name, byFile }) => byFile || now.get(name)?.branch !== branch)
  );
}

/** The image's record of a request that is about to say this of it. */
function asked(record: ImageRecord, unit: Unit, targets: Part['targets'], now: Instant): SourceRequest {
  const before = record[unit.field];
  const lately = (before?.changedAt ?? []).filter((at) => at > now - day);
  if (!isOpenRequest(before)) {
    // Numbers of a repository only grow, whatever branch a request comes from.
    const after = Math.max(before?.number ?? 0, before?.after ?? 0);
    return {
      branch: unit.branch,
      digests: targets,
      openedAt: now,
      changedAt: [...lately, now],
      ...(after === 0 ? {} : { after }),
    };
  }
  const { closing, ...open } = before;
  if (closing === undefined && sameTargets(before, targets)) return before;
  return { ...open, digests: targets, changedAt: [...lately, now] };
}

async function record(run: CycleRun, outcomes: readonly Outcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  run.now = run.time();
  const names = outcomes.map(({ image }) => image);
  await run.records.transact(`Record requests of ${listed(names)}`, (before) => {
    const images = new Map(before.images);
    const events = outcomes.flatMap((outcome) => {
      const known = images.get(outcome.image);
      const request = known && recordedAs(known, outcome, run.now);
      if (!known || !request || request === known[outcome.field]) return [];
      images.set(outcome.image, { ...known, [outcome.field]: request });
      return eventOf(outcome, known[outcome.field], request, run.now);
    });
    return { state: { ...before, images }, events };
  });
  for (const { image, kind } of outcomes)
    if (kind !== 'kept') run.deps.log.info(`request of ${image}: ${kind}`);
}
