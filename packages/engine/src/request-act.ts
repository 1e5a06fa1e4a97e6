import { markIn } from '@image-factory/core/proposals/describe-request.ts';
import { requestBranch } from '@image-factory/core/proposals/types.ts';
import { isOpenRequest } from '@image-factory/core/proposals/proposals.ts';
import type { Event, ImageRecord, SourceRequest } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { noteProblem, type CycleRun } from './cycle-run.ts';
import type { Looked, LookedRetired, Outcome } from './request-steps.ts';

/** Pushes what the branch lacks, then opens the request or corrects its words. */
export async function carryOut(
  run: CycleRun,
  { image, record, requests, step }: Looked,
): Promise<Outcome | undefined> {
  const branches = run.deps.proposals?.branches;
  if (step.kind !== 'change' || !branches) return undefined;
  const { words, text, source, open } = step;
  const branch = requestBranch(image.name);
  const { proposed } = source;
  let head = proposed?.head;
  if (proposed?.text !== text) {
    head = await branches.push(image, {
      branch,
      file: image.source.dockerfile,
      text,
      parent: source.commit,
      expected: proposed?.head,
      ...words.commit,
    });
    // Somebody else moved the branch or the source: the next cycle looks again.
    if (head === undefined) return undefined;
  }
  let request = open;
  if (open) {
    // Words without our mark, or with the same, are a person's to keep.
    const said = markIn(open.body)?.text;
    if (said !== undefined && said !== words.mark.text) await requests.update(image, open.number, words);
  } else {
    // The forge makes no second one of a branch: then somebody else was faster.
    request =
      (await requests.create(image, branch, source.into, words)) ??
      (await requests.find(image, branch, run.signal));
  }
  if (request?.state !== 'open') return undefined;
  const madeOn = record.dockerfile;
  return {
    kind: 'open',
    image: image.name,
    request,
    ...(head === undefined ? {} : { head }),
    ...(madeOn === undefined ? {} : { madeOn }),
  };
}

/** Closes a request that has become moot, and takes its branch away. */
export async function closeRequest(
  run: CycleRun,
  { image, request, requests, step, why }: LookedRetired,
): Promise<Outcome | undefined> {
  if (step.kind !== 'close') return undefined;
  await requests.close(image, step.number, why);
  if (step.head !== undefined) {
    await run.deps.proposals?.branches
      .remove(image, request.branch, step.head)
      .catch((thrown: unknown) => noteProblem(run, thrown, { kind: 'image', name: image.name }));
  }
  return { kind: 'moot', image: image.name };
}

/** The record's request with an outcome; the very same where it says nothing new. */
export function recordedAs(
  { pullRequest: before }: ImageRecord,
  { kind, request, head, madeOn }: Outcome,
  now: Instant,
): SourceRequest | undefined {
  if (!isOpenRequest(before)) {
    // It was made and never recorded, and has ended: remembered, so that what was declined is not proposed again.
    return before;
  }
  const shown = request ? { number: request.number, url: request.url } : {};
  if (kind === 'open' || kind === 'kept') {
    const after = {
      ...before,
      ...shown,
      ...(head === undefined ? {} : { head }),
      ...(madeOn === undefined ? {} : { madeOn }),
    };
    return JSON.stringify(after) === JSON.stringify(before) ? before : after;
  }
  const { closing: _, ...rest } = before;
  return { ...rest, ...shown, ended: { at: now, outcome: kind } };
}

export function eventOf(
  { kind, image }: Outcome,
  before: SourceRequest | undefined,
  after: SourceRequest,
  at: Instant,
): Event[] {
  const where = after.url ?? after.branch;
  const targets = Object.entries(after.digests).map(([base, target]) => `${base} ${target}`);
  const data = { url: after.url, number: after.number, digests: after.digests };
  const event = (type: string, text: string): Event[] => [{ at, type, image, text, data }];
  switch (kind) {
    case 'open':
    case 'kept':
      if (before?.number !== after.number)
        return event('proposal-opened', `${image} proposes ${targets.join(', ')}: ${where}`);
      return before?.head === after.head
        ? []
        : event('proposal-updated', `${image} proposes ${targets.join(', ')} now: ${where}`);
    case 'merged':
      return event('proposal-merged', `the request of ${image} was merged: ${where}`);
    case 'declined':
      return event('proposal-closed', `the request of ${image} was closed by a person: ${where}`);
    case 'moot':
      return event('proposal-closed', `the request of ${image} is moot and was closed: ${where}`);
  }
}
