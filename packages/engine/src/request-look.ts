import type { ProposedSource, ShownRequest } from '@image-factory/core/ports/proposals.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { markIn, type RequestText } from '@image-factory/core/proposals/describe-request.ts';
import { isOpenRequest, sameTargets } from '@image-factory/core/proposals/request-record.ts';
import type { SourceRequest } from '@image-factory/core/state/types.ts';
import type { CycleRun } from './cycle-run.ts';
import type { Edited, Leaving, Looked, Outcome, Part, Unit } from './request-steps.ts';

/** What is there of a request, and what it lacks. Undefined: nothing can or need be done in this cycle. */
export async function lookAtRequest(run: CycleRun, unit: Unit): Promise<Looked | undefined> {
  const { branch, speaker, requests } = unit;
  const found = await requests.find(speaker, branch, run.signal);
  if (unit.parts.length === 0) return lookAtRetired(run, unit, found);
  const words = unit.change.words(unit.parts);
  if (found && found.state !== 'open' && isEndOf(unit, found, words))
    return { unit, step: { kind: 'known', outcomes: endings(unit, found, words) } };
  const open = found?.state === 'open' ? found : undefined;
  if (
    open &&
    isSaid(open, words) &&
    isKnown(unit, open) &&
    unit.parts.every((part) => isMadeOnSame(unit, part))
  )
    return undefined;
  if (!(await unit.change.isServed(run))) return undefined;

  const files = [...new Set(unit.parts.map(({ file }) => file))];
  const source = await run.deps.proposals?.branches.read(speaker, branch, files, run.signal);
  if (!source) return undefined;
  if (source.proposed && !source.proposed.isOurs) throw foreign(unit, open);
  const edited = unit.change.edit(source.files);
  reportRefused(run, unit, edited, source);
  const able = withOnly(unit, edited);
  const done = unit.parts.flatMap(({ image, file }) => {
    const version = edited.done.get(image.name);
    return version === undefined ? [] : [{ image: image.name, path: file, version }];
  });
  if (able.parts.length === 0) return { ...nothingToSay(able, edited, open, source), done };
  const said = able.change.words(able.parts);
  const isThere = isOnBranch(source, edited);
  if (open && isSaid(open, said) && isThere && isKnown(able, open, true)) {
    const outcomes = able.parts.map((part) => outcomeOf(able, part, 'kept', open, source.proposed?.head));
    return { unit: able, step: { kind: 'known', outcomes }, done };
  }
  const step = { kind: 'change', words: said, texts: edited.texts, isThere, source, open } as const;
  return { unit: able, step, done };
}

export function outcomeOf(
  { field }: Unit,
  { image, madeOn }: Part,
  kind: 'open' | 'kept',
  request: ShownRequest,
  head: string | undefined,
): Outcome {
  return {
    kind,
    field,
    image: image.name,
    request,
    ...(head === undefined ? {} : { head }),
    // A source that moved on without touching the file is no news.
    ...(madeOn === undefined || (kind === 'kept' && field === 'versionRequest') ? {} : { madeOn }),
  };
}

/** What the records know of the open request: of parts and of those that are to leave. */
function openOnes({ field, branch, parts, leaving }: Unit): readonly SourceRequest[] {
  const own = parts.flatMap(({ record }) => record[field] ?? []);
  return [...own, ...leaving.map(({ request }) => request)].filter(
    (request) => isOpenRequest(request) && request.branch === branch,
  );
}

function isSaid(open: ShownRequest, words: RequestText): boolean {
  const mark = markIn(open.body);
  return mark === undefined || mark.text === words.mark.text;
}

/** Do the records say of the open request just what it is to be? `numbers`: those may still be unknown. */
function isKnown({ field, branch, parts, leaving }: Unit, open: ShownRequest, numbers = false): boolean {
  return (
    leaving.length === 0 &&
    parts.every(({ record, targets }) => {
      const known = record[field];
      return (
        isOpenRequest(known) &&
        known.branch === branch &&
        !known.closing &&
        sameTargets(known, targets) &&
        (numbers || known.number === open.number)
      );
    })
  );
}

function isMadeOnSame({ field }: Unit, { record, madeOn }: Part): boolean {
  return madeOn !== undefined && record[field]?.madeOn === madeOn;
}

/** Is a request that has ended the one that we know of, or one that was made and never recorded? */
function isEndOf(unit: Unit, found: ShownRequest, words: RequestText): boolean {
  const open = openOnes(unit);
  const numbers = open.flatMap(({ number }) => number ?? []);
  if (numbers.length > 0) return numbers.includes(found.number);
  const before = unit.parts.flatMap(({ record }) => {
    const known = record[unit.field];
    return [known?.after ?? 0, (!isOpenRequest(known) && known?.number) || 0];
  });
  return found.number > Math.max(...before) && markIn(found.body)?.moves === words.mark.moves;
}

/** Each image of a request that has ended: what that means for it. */
function endings(unit: Unit, found: ShownRequest, words: RequestText): readonly Outcome[] {
  const { field, branch, parts, leaving } = unit;
  const known = [
    ...parts.map(({ image, record }) => ({ name: image.name, request: record[field], moves: false })),
    ...leaving,
  ];
  const isWhole = markIn(found.body)?.moves === words.mark.moves;
  return known.map(({ name, request, moves }): Outcome => {
    const isIn = isOpenRequest(request) && request.branch === branch;
    const kind = endOf(isIn ? request : undefined);
    return { kind, field, image: name, request: found };

    function endOf(own: SourceRequest | undefined): Outcome['kind'] {
      if (found.state === 'merged') return 'merged';
      if (own?.closing) return moves ? 'moved' : 'moot';
      // It was to join the request, and nobody has said no to what was never shown.
      return own !== undefined && own.number === undefined && !isWhole ? 'moved' : 'declined';
    }
  });
}

function reportRefused(
  run: CycleRun,
  { parts }: Unit,
  { refused }: Edited,
  { commit }: ProposedSource,
): void {
  for (const [name, problem] of refused) {
    const source = run.sources.get(name)?.commit;
    const part = parts.find(({ image }) => image.name === name);
    if (part && source !== undefined && source !== commit)
      run.deps.log.info(`${name}: its source has moved since it was read; the next cycle looks again`);
    else run.problems.push(problem);
  }
}

/** The request with what can be done; what was in it and cannot stay leaves. */
function withOnly(unit: Unit, { refused, done }: Edited): Unit {
  const isAble = ({ image }: Part): boolean => !refused.has(image.name) && !done.has(image.name);
  const gone = unit.parts.filter((part) => !isAble(part)).flatMap((part) => leavingOf(unit, part));
  return { ...unit, parts: unit.parts.filter(isAble), leaving: [...unit.leaving, ...gone] };
}

function leavingOf({ field, branch }: Unit, { image, record }: Part): Leaving[] {
  const request = record[field];
  return isOpenRequest(request) && request.branch === branch
    ? [{ name: image.name, request, moves: false, byFile: true }]
    : [];
}

/** Nothing is left to change: what is there is closed where all is done, and otherwise left until somebody mends it. */
function nothingToSay(
  unit: Unit,
  { refused }: Edited,
  open: ShownRequest | undefined,
  source: ProposedSource,
): Looked {
  if (refused.size > 0) return { unit, step: { kind: 'known', outcomes: [] } };
  if (open) return { unit, step: { kind: 'close', number: open.number, head: source.proposed?.head } };
  const outcomes = unit.leaving.map(({ name }): Outcome => ({
    kind: 'moot',
    field: unit.field,
    image: name,
  }));
  return { unit, step: { kind: 'known', outcomes } };
}

/** Has the branch just what it should have? A branch of an older commit says not what it changes. */
function isOnBranch({ proposed }: ProposedSource, { texts }: Edited): boolean {
  if (!proposed) return false;
  const { changed, files } = proposed;
  return (
    [...texts].every(([file, text]) => files.get(file) === text) &&
    (changed === undefined || (changed.length === texts.size && changed.every((file) => texts.has(file))))
  );
}

/** What is there of a request that should not be any more. */
async function lookAtRetired(
  run: CycleRun,
  unit: Unit,
  found: ShownRequest | undefined,
): Promise<Looked | undefined> {
  const { field, leaving } = unit;
  const isOurs =
    found !== undefined &&
    leaving.every(({ request }) => found.number === request.number || found.number > (request.after ?? 0));
  const all = (kindOf: (leaving: Leaving) => Outcome['kind']): Looked => {
    const outcomes = leaving.map((each): Outcome => ({
      kind: kindOf(each),
      field,
      image: each.name,
      ...(found && isOurs ? { request: found } : {}),
    }));
    return { unit, step: { kind: 'known', outcomes } };
  };
  const gone = ({ moves }: Leaving): Outcome['kind'] => (moves ? 'moved' : 'moot');
  if (!isOurs) return all(gone);
  if (found.state === 'merged') return all(() => 'merged');
  if (found.state === 'closed') return all((each) => (each.request.closing ? gone(each) : 'declined'));
  const head = await headOf(run, unit, found);
  return { unit, step: { kind: 'close', number: found.number, head } };
}

/** The branch's head where it is ours; a source that is gone keeps nobody from closing. */
async function headOf(run: CycleRun, unit: Unit, open: ShownRequest): Promise<string | undefined> {
  try {
    const source = await run.deps.proposals?.branches.read(unit.speaker, unit.branch, [], run.signal);
    if (source?.proposed && !source.proposed.isOurs) throw foreign(unit, open);
    return source?.proposed?.head;
  } catch (thrown) {
    const code = thrown instanceof FactoryError ? thrown.problem.code : undefined;
    if (code === 'REQUEST_IMPOSSIBLE' || code === 'SOURCE_BRANCH_MISSING') return undefined;
    throw thrown;
  }
}

function foreign({ branch, speaker }: Unit, open: ShownRequest | undefined): FactoryError {
  return new FactoryError({
    code: 'REQUEST_FOREIGN',
    message: `${open ? `the request ${open.url}` : `the branch ${branch}`} has commits of somebody else, and is left alone`,
    hint: `Merge or close it, or delete the branch ${branch}: the factory then proposes anew.`,
    subject: { kind: 'image', name: speaker.name },
  });
}
