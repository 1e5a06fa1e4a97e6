import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import { isOpenRequest, proposalsOf, sameTargets } from '@image-factory/core/proposals/proposals.ts';
import { requestBranch, targetsOf, type Proposal } from '@image-factory/core/proposals/types.ts';
import type { FactoryState, ImageRecord, SourceRequest } from '@image-factory/core/state/types.ts';
import { day, type Instant } from '@image-factory/core/time.ts';
import { isStopped, noteProblem, type CycleRun } from './cycle-run.ts';
import { enterGone } from './enter-gone.ts';
import { enrolmentOfRecord } from './enrolment-of-record.ts';
import { inParallel } from './pool.ts';
import { lookAtRequest, lookAtRetired } from './request-look.ts';
import { carryOut, closeRequest, eventOf, recordedAs } from './request-act.ts';
import type { Looked, Outcome, Retiring, Wanted } from './request-steps.ts';
import { counted, listed } from './wording.ts';

const atOnce = 4;

/** What images in pull-request mode are to propose, on this state. */
export function proposalsOn(run: CycleRun, state: FactoryState): readonly Proposal[] {
  const { settings, images, sources, gone, proofs, requests, now } = run;
  return proposalsOf({
    settings,
    images,
    state,
    facts: { sources, gone, proofs, provenance: [], requests },
    now,
  });
}

/**
 * Opens, changes and closes requests: looks first, writes down what it is about to do, does it, and records what came of
 * it. Killed in between, the next cycle finds the branch and the request by name and goes on. A forge that fails is a
 * problem of the image and stops nothing.
 */
export async function propose(run: CycleRun): Promise<void> {
  run.now = run.time();
  const proposals = proposalsOn(run, run.records.state);
  const wanted = wantedOf(run, proposals);
  const retiring = retiringOf(run, proposals);
  if (wanted.length + retiring.length === 0) return;

  const gone = run.gone.size;
  const looked = (await each(run, wanted, (item) => lookAtRequest(run, item))).flat();
  if (run.gone.size > gone)
    await run.records.transact('Record digests that are no longer served', (state) =>
      enterGone(state, run.gone, run.now),
    );
  const ending = (await each(run, retiring, (item) => lookAtRetired(run, item))).flat();
  const toDo = looked.filter(({ step }) => step.kind === 'change');
  const toClose = ending.filter(({ step }) => step.kind === 'close');
  if (isStopped(run)) return;
  await writeDown(run, toDo, toClose);

  const settled: Outcome[] = [...looked, ...ending].flatMap(({ step }) =>
    step.kind === 'known' ? [step.outcome] : [],
  );
  const still = (name: string, closing: boolean): boolean => {
    const request = run.records.state.images.get(name)?.pullRequest;
    return isOpenRequest(request) && (request.closing === true) === closing;
  };
  const changed = await each(
    run,
    toDo.filter(({ image, proposal }) => {
      const request = run.records.state.images.get(image.name)?.pullRequest;
      return still(image.name, false) && request !== undefined && sameTargets(request, proposal.moves);
    }),
    (item) => carryOut(run, item),
  );
  const closed = await each(
    run,
    toClose.filter(({ image }) => still(image.name, true)),
    (item) => closeRequest(run, item),
  );
  await record(run, [...settled, ...changed.flat(), ...closed.flat()]);
}

/** One failure is one image's. */
async function each<T extends { readonly image: ManagedEnrolment }, R>(
  run: CycleRun,
  items: readonly T[],
  work: (item: T) => Promise<R | undefined>,
): Promise<readonly R[]> {
  const done = await inParallel(items, atOnce, async (item) => {
    if (isStopped(run)) return [];
    try {
      const answer = await work(item);
      return answer === undefined ? [] : [answer];
    } catch (thrown) {
      noteProblem(run, thrown, { kind: 'image', name: item.image.name });
      return [];
    }
  });
  return done.flat();
}

function wantedOf(run: CycleRun, proposals: readonly Proposal[]): readonly Wanted[] {
  const wanted: Wanted[] = [];
  for (const proposal of proposals) {
    const image = run.managed.get(proposal.image);
    const record = run.records.state.images.get(proposal.image);
    if (proposal.action !== 'propose' || !image || !record) continue;
    const requests = run.deps.proposals?.requestsFor(image.source.provider);
    if (requests) wanted.push({ image, record, proposal, requests });
    else
      run.problems.push({
        code: 'BUILDER_MISSING',
        message: `nothing here can open requests at provider ${image.source.provider}`,
        hint: 'Set source.provider and its settings under providers in factory.yaml, or mode: dispatch.',
        subject: { kind: 'image', name: image.name },
      });
  }
  return wanted;
}

/** Requests of images that propose nothing any more, whether they are enrolled or not. */
function retiringOf(run: CycleRun, proposals: readonly Proposal[]): readonly Retiring[] {
  const stays = new Set(
    proposals.filter(({ action }) => action === 'propose' || action === 'keep').map(({ image }) => image),
  );
  return [...run.records.state.images.values()].flatMap((record): Retiring[] => {
    const { name, pullRequest } = record;
    if (!isOpenRequest(pullRequest) || stays.has(name)) return [];
    const enrolled = run.enrolled.get(name);
    // An image that this cycle does not look at is no image that proposes nothing.
    if (enrolled && !run.managed.has(name)) return [];
    const image = enrolled ?? enrolmentOfRecord(record);
    const requests = image && run.deps.proposals?.requestsFor(image.source.provider);
    if (!image || !requests) return [];
    return [{ image, request: pullRequest, requests, why: whyMoot(enrolled) }];
  });
}

function whyMoot(enrolled: ManagedEnrolment | undefined): string {
  if (!enrolled) return 'The image is enrolled no more, so nobody keeps this up to date.';
  if (enrolled.mode !== 'pull-request')
    return 'The image is rebuilt without requests now (`mode: dispatch`).';
  return 'There is nothing left to propose: the pins have been moved, or what was proposed here may not be used any more.';
}

/** Before anything is done at a forge it is written down, so that a request is known whatever becomes of this process. */
async function writeDown(
  run: CycleRun,
  toDo: readonly Looked[],
  toClose: readonly { readonly image: ManagedEnrolment }[],
): Promise<void> {
  const names = [...toDo, ...toClose].map(({ image }) => image.name);
  if (names.length === 0) return;
  const planned = run.records.state;
  await run.records.transact(`Propose ${counted(toDo.length, 'change')}: ${listed(names)}`, (before) => {
    const now =
      before === planned ? undefined : new Map(proposalsOn(run, before).map((each) => [each.image, each]));
    const images = new Map(before.images);
    for (const { image, proposal } of toDo) {
      const record = images.get(image.name);
      const newest = now ? now.get(image.name) : proposal;
      // On newer records the decision is made again: a hold may have come in between.
      if (!record || newest?.action !== 'propose' || !equalMoves(newest, proposal)) continue;
      images.set(image.name, withRequest(record, proposal, run.now));
    }
    for (const { image } of toClose) {
      const record = images.get(image.name);
      const action = now?.get(image.name)?.action;
      if (!isOpenRequest(record?.pullRequest) || action === 'propose' || action === 'keep') continue;
      if (record)
        images.set(image.name, { ...record, pullRequest: { ...record.pullRequest, closing: true } });
    }
    return { state: { ...before, images }, events: [] };
  });
}

function equalMoves(a: Proposal, b: Proposal): boolean {
  return JSON.stringify(targetsOf(a.moves)) === JSON.stringify(targetsOf(b.moves));
}

function withRequest(record: ImageRecord, { image, moves }: Proposal, now: Instant): ImageRecord {
  const before = record.pullRequest;
  const digests = targetsOf(moves);
  const lately = (before?.changedAt ?? []).filter((at) => at > now - day);
  if (!isOpenRequest(before)) {
    const after = before?.number;
    const fresh: SourceRequest = {
      branch: requestBranch(image),
      digests,
      openedAt: now,
      changedAt: [...lately, now],
      ...(after === undefined ? {} : { after }),
    };
    return { ...record, pullRequest: fresh };
  }
  const { closing, ...open } = before;
  if (closing === undefined && sameTargets(before, moves)) return record;
  return { ...record, pullRequest: { ...open, digests, changedAt: [...lately, now] } };
}

async function record(run: CycleRun, outcomes: readonly Outcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  run.now = run.time();
  const names = outcomes.map(({ image }) => image);
  await run.records.transact(`Record requests of ${listed(names)}`, (before) => {
    const images = new Map(before.images);
    const events = outcomes.flatMap((outcome) => {
      const record = images.get(outcome.image);
      const request = record && recordedAs(record, outcome, run.now);
      if (!record || !request || request === record.pullRequest) return [];
      images.set(outcome.image, { ...record, pullRequest: request });
      return eventOf(outcome, record.pullRequest, request, run.now);
    });
    return { state: { ...before, images }, events };
  });
  for (const { image, kind } of outcomes)
    if (kind !== 'kept') run.deps.log.info(`request of ${image}: ${kind}`);
}
