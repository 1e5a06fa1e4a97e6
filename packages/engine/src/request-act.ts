import { markIn } from '@image-factory/core/proposals/describe-request.ts';
import { isOpenRequest } from '@image-factory/core/proposals/request-record.ts';
import type { Event, ImageRecord, SourceRequest } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import { noteProblem, type CycleRun } from './cycle-run.ts';
import { outcomeOf } from './request-look.ts';
import type { Looked, Outcome } from './request-steps.ts';

/** Pushes what the branch lacks, then opens the request or corrects its words. */
export async function carryOut(run: CycleRun, { unit, step }: Looked): Promise<readonly Outcome[]> {
  const branches = run.deps.proposals?.branches;
  if (step.kind !== 'change' || !branches) return [];
  const { branch, speaker, requests, field } = unit;
  const { words, texts, source, open } = step;
  const { proposed } = source;
  let head = proposed?.head;
  if (!step.isThere) {
    head = await branches.push(speaker, {
      branch,
      files: texts,
      parent: source.commit,
      expected: proposed?.head,
      ...words.commit,
    });
    // Somebody else moved the branch or the source: the next cycle looks again.
    if (head === undefined) return [];
  }
  let request = open;
  if (open) {
    // Words without our mark, or with the same, are a person's to keep.
    const said = markIn(open.body)?.text;
    if (said !== undefined && said !== words.mark.text) await requests.update(speaker, open.number, words);
  } else {
    // The forge makes no second one of a branch: then somebody else was faster.
    request =
      (await requests.create(speaker, branch, source.into, words)) ??
      (await requests.find(speaker, branch, run.signal));
  }
  if (request?.state !== 'open') return [];
  const shown = request;
  return [
    ...unit.parts.map((part) => outcomeOf(unit, part, 'open', shown, head)),
    ...unit.leaving.map(({ name, moves }): Outcome => {
      return { kind: moves ? 'moved' : 'left', field, image: name, request: shown };
    }),
  ];
}

/** Closes a request that has become moot, and takes its branch away. */
export async function closeRequest(run: CycleRun, { unit, step }: Looked): Promise<readonly Outcome[]> {
  if (step.kind !== 'close') return [];
  const { speaker, requests, branch, field } = unit;
  await requests.close(speaker, step.number, unit.why);
  if (step.head !== undefined) {
    await run.deps.proposals?.branches
      .remove(speaker, branch, step.head)
      .catch((thrown: unknown) => noteProblem(run, thrown, { kind: 'image', name: speaker.name }));
  }
  return unit.leaving.map(({ name, moves }): Outcome => ({
    kind: moves ? 'moved' : 'moot',
    field,
    image: name,
  }));
}

/** The record's request with an outcome; the very same where it says nothing new. */
export function recordedAs(
  record: ImageRecord,
  { kind, field, request, head, madeOn }: Outcome,
  now: Instant,
): SourceRequest | undefined {
  const before = record[field];
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
  const ended =
    kind === 'moved'
      ? { at: now, outcome: 'moot' as const, moved: true as const }
      : { at: now, outcome: kind === 'left' ? ('moot' as const) : kind };
  return { ...rest, ...shown, ended };
}

const verbs = { pullRequest: 'proposes', versionRequest: 'proposes in its files' } as const;

export function eventOf(
  { kind, image, field }: Outcome,
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
        return event('proposal-opened', `${image} ${verbs[field]} ${targets.join(', ')}: ${where}`);
      return before?.head === after.head
        ? []
        : event('proposal-updated', `${image} ${verbs[field]} ${targets.join(', ')} now: ${where}`);
    case 'merged':
      return event('proposal-merged', `the request of ${image} was merged: ${where}`);
    case 'declined':
      return event('proposal-closed', `the request of ${image} was closed by a person: ${where}`);
    case 'moot':
      return event('proposal-closed', `the request of ${image} is moot and was closed: ${where}`);
    case 'left':
      return event('proposal-closed', `${image} is no longer in the request that it shared: ${where}`);
    case 'moved':
      return event('proposal-closed', `${image} goes on in another request than ${where}`);
  }
}
