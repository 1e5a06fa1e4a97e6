import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { ShownRequest } from '@image-factory/core/ports/proposals.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { describeRequest, markIn, type RequestText } from '@image-factory/core/proposals/describe-request.ts';
import { movePins } from '@image-factory/core/proposals/move-pins.ts';
import { isOpenRequest, sameTargets } from '@image-factory/core/proposals/proposals.ts';
import { requestBranch, type Proposal } from '@image-factory/core/proposals/types.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { SourceRequest } from '@image-factory/core/state/types.ts';
import type { CycleRun } from './cycle-run.ts';
import { platformsFor } from './discover.ts';
import type { Looked, LookedRetired, Outcome, Retiring, Wanted } from './request-steps.ts';

/** What is there of a request that should be, and what it lacks. Undefined: nothing can be done in this cycle. */
export async function lookAtRequest(run: CycleRun, wanted: Wanted): Promise<Looked | undefined> {
  const { image, record, proposal, requests } = wanted;
  const known = record.pullRequest;
  const branch = requestBranch(image.name);
  const words = describeRequest(image, proposal, run.records.state);
  const found = await requests.find(image, branch, run.signal);
  if (found && found.state !== 'open' && isEndOf(found, known, words)) {
    const kind = found.state === 'merged' ? 'merged' : known?.closing ? 'moot' : 'declined';
    return { ...wanted, step: { kind: 'known', outcome: { kind, image: image.name, request: found } } };
  }
  const open = found?.state === 'open' ? found : undefined;
  const mark = open && markIn(open.body);
  const isSaid = open !== undefined && (mark === undefined || mark.text === words.mark.text);
  const madeOn = record.dockerfile;
  const sameSource = madeOn !== undefined && known?.madeOn === madeOn;
  const isKnown = isOpenRequest(known) && !known.closing && sameTargets(known, proposal.moves);
  if (open && isSaid && isKnown && sameSource && known.number === open.number) return undefined;

  if (!(await allServed(run, proposal))) return undefined;
  const source = await run.deps.proposals?.branches.read(image, branch, run.signal);
  if (!source) return undefined;
  if (source.proposed && !source.proposed.isOurs) throw foreign(image, branch, open);
  const moved = movePins(source.text, proposal.moves, {
    buildArgs: new Map(Object.entries(image.source.buildArgs)),
    platforms: platformsFor(image, record),
    ...(image.source.target === undefined ? {} : { target: image.source.target }),
  });
  if (!moved.ok && source.commit !== run.sources.get(image.name)?.commit) {
    run.deps.log.info(`${image.name}: its source has moved since it was read; the next cycle looks again`);
    return undefined;
  }
  if (!moved.ok) throw new FactoryError(impossible(image, moved.error));
  const isThere = source.proposed?.text === moved.value;
  if (open && isSaid && isThere && isKnown) {
    const head = source.proposed?.head;
    const outcome: Outcome = {
      kind: 'kept',
      image: image.name,
      request: open,
      ...(head === undefined ? {} : { head }),
      ...(madeOn === undefined ? {} : { madeOn }),
    };
    return { ...wanted, step: { kind: 'known', outcome } };
  }
  return { ...wanted, step: { kind: 'change', words, text: moved.value, source, open } };
}

/** Is a request that has ended the one that we know of, or one that was made and never recorded? */
function isEndOf(found: ShownRequest, known: SourceRequest | undefined, words: RequestText): boolean {
  if (isOpenRequest(known) && known.number !== undefined) return found.number === known.number;
  const before = isOpenRequest(known) ? known.after : known?.number;
  return found.number !== before && markIn(found.body)?.moves === words.mark.moves;
}

/** What is there of a request that should not be any more. */
export async function lookAtRetired(run: CycleRun, retiring: Retiring): Promise<LookedRetired | undefined> {
  const { image, request, requests } = retiring;
  const found = await requests.find(image, request.branch, run.signal);
  const is = (kind: 'merged' | 'declined' | 'moot'): LookedRetired => ({
    ...retiring,
    step: { kind: 'known', outcome: { kind, image: image.name, ...(found ? { request: found } : {}) } },
  });
  const isOurs = found !== undefined && found.number !== request.after;
  if (!isOurs) return is('moot');
  if (found.state === 'merged') return is('merged');
  if (found.state === 'closed') return is(request.closing ? 'moot' : 'declined');
  const head = await headOf(run, image, request.branch, found);
  return { ...retiring, step: { kind: 'close', number: found.number, head } };
}

/** The branch's head where it is ours; a source that is gone keeps nobody from closing. */
async function headOf(
  run: CycleRun,
  image: ManagedEnrolment,
  branch: string,
  open: ShownRequest,
): Promise<string | undefined> {
  try {
    const source = await run.deps.proposals?.branches.read(image, branch, run.signal);
    if (source?.proposed && !source.proposed.isOurs) throw foreign(image, branch, open);
    return source?.proposed?.head;
  } catch (thrown) {
    const code = thrown instanceof FactoryError ? thrown.problem.code : undefined;
    if (code === 'DOCKERFILE_MISSING' || code === 'REQUEST_IMPOSSIBLE' || code === 'SOURCE_BRANCH_MISSING')
      return undefined;
    throw thrown;
  }
}

/** Are the digests still there (brief 4.3.1)? One that is gone is no candidate in the next cycle. */
async function allServed(run: CycleRun, { moves }: Proposal): Promise<boolean> {
  for (const { base, moved } of moves) {
    const record = run.records.state.bases.get(base);
    const at = moved.indexOf('@');
    const name = `${base}@${moved.slice(at + 1)}`;
    if (!record || at < 0) continue;
    if (!run.asked.has(name)) {
      const reference = { domain: record.registry, path: record.repository };
      const isServed = await run.deps.registry.serves(reference, moved.slice(at + 1) as Digest, run.signal);
      run.asked.add(name);
      if (!isServed) run.gone.add(name);
    }
    if (run.gone.has(name)) return false;
  }
  return true;
}

function foreign(image: ManagedEnrolment, branch: string, open: ShownRequest | undefined): FactoryError {
  return new FactoryError({
    code: 'REQUEST_FOREIGN',
    message: `${open ? `the request ${open.url}` : `the branch ${branch}`} has commits of somebody else, and is left alone`,
    hint: `Merge or close it, or delete the branch ${branch}: the factory then proposes anew.`,
    subject: { kind: 'image', name: image.name },
  });
}

function impossible(image: ManagedEnrolment, why: string): Problem {
  return {
    code: 'REQUEST_IMPOSSIBLE',
    message: `the pins in ${image.source.dockerfile} cannot be moved: ${why}`,
    hint: 'Write the whole digest in the FROM, or in the default of one ARG that it is made of.',
    subject: { kind: 'image', name: image.name },
    place: { file: image.source.dockerfile },
  };
}
