import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ManagedGraph } from '../graph/managed.ts';
import { versionsOf } from '../ledger/versions.ts';
import { emptyVerdict, isInForce, judgeCandidate, platformsOf, type BaseVerdict } from '../plan/bases.ts';
import type { PlanInput, Reason } from '../plan/types.ts';
import type { Digest } from '../reference/types.ts';
import type { BaseRecord, Dependency, ImageRecord } from '../state/types.ts';
import { isStillGood, judgePinned, untagged } from './judge-pinned.ts';
import { newestInRange } from './newest-in-range.ts';
import type { PinMove } from './types.ts';

/** What one base asks of the Dockerfile. */
export interface BaseMoves {
  /** What is new and has to wait for its time: a verdict as rebuilds have it, and the moves that it would make. */
  readonly fresh: { readonly verdict: BaseVerdict; readonly moves: readonly PinMove[] } | undefined;
  /** What an open request proposes already, and is still good. */
  readonly standing: readonly PinMove[];
  readonly due: readonly Reason[];
  readonly notes: readonly Reason[];
}

export interface MovesQuestion {
  readonly input: PlanInput;
  readonly enrolment: ManagedEnrolment;
  readonly record: ImageRecord;
  readonly graph: ManagedGraph;
  readonly managed: ReadonlyMap<string, ManagedEnrolment>;
}

const nothing: BaseMoves = { fresh: undefined, standing: [], due: [], notes: [] };

/** What should move in one Dockerfile, base by base. */
export function imageMoves(question: MovesQuestion): readonly BaseMoves[] {
  const { input, record, graph } = question;
  const usesOf = Map.groupBy(
    record.dependencies.filter(({ kind, base }) => kind !== 'syntax' && base !== undefined),
    ({ base }) => base ?? '',
  );
  return [...usesOf].flatMap(([name, uses]) => {
    const base = input.state.bases.get(name);
    if (!base) return [];
    const owner = graph.unmovedTags.get(name);
    if (owner !== undefined) return [versionMoves(question, base, uses, owner)];
    const pinned = uses.filter(({ reference }) => reference.includes('@'));
    return pinned.length === 0 || base.tag === undefined ? [] : [digestMoves(question, base, pinned)];
  });
}

function digestMoves(question: MovesQuestion, base: BaseRecord, uses: readonly Dependency[]): BaseMoves {
  const { input, enrolment, record, graph, managed } = question;
  const parent = graph.nodes.get(enrolment.name)?.parents.find((edge) => edge.base === base.name)?.image;
  const delay = parent === undefined ? enrolment.rebuildDelay : (managed.get(parent)?.ownDelay ?? 0);
  const versions = versionsOf(base.ledger, platformsOf(uses));
  const candidate = judgeCandidate(input, base, versions, delay, parent !== undefined);
  const asked = { input, enrolment, record, base, uses, parent, candidate };
  const verdicts = [...new Set(uses.map(({ reference }) => reference))].map((written) => {
    const digest = written.slice(written.indexOf('@') + 1) as Digest;
    return { written, verdict: judgePinned(asked, digest) };
  });
  const notes = unique(verdicts.flatMap(({ verdict }) => verdict.notes));
  const dueNow = verdicts.filter(({ verdict }) => verdict.due);
  const proposed = openTarget(record, base.name) as Digest | undefined;
  const held = base.holds.find((hold) => hold.digest === undefined && isInForce(hold, input.now));
  if (held) {
    // A stop is no withdrawal: what is proposed stays as it is.
    const note: Reason = { code: 'held', base: base.name, detail: held.reason };
    const standing = proposed === undefined ? [] : movesTo(base.name, verdicts, proposed);
    return { ...nothing, standing, notes: [note, ...notes] };
  }
  const due = dueNow.flatMap(({ verdict }) => verdict.due ?? []);
  if (due.length === 0) return { ...nothing, notes };
  const [first] = dueNow.toSorted((a, b) => (a.verdict.dueSince ?? 0) - (b.verdict.dueSince ?? 0));
  if (proposed !== undefined && isStillGood(candidate, proposed)) {
    const standing = movesTo(base.name, dueNow, proposed);
    const newer = judgePinned(asked, proposed);
    if (!newer.due?.to) return { fresh: undefined, standing, due, notes };
    return {
      fresh: { verdict: newer, moves: movesTo(base.name, dueNow, newer.due.to) },
      standing,
      due: [newer.due, ...due.slice(1)],
      notes,
    };
  }
  const to = first?.verdict.due?.to;
  if (!first || to === undefined) return { ...nothing, due, notes };
  return {
    fresh: { verdict: first.verdict, moves: movesTo(base.name, dueNow, to) },
    standing: [],
    due,
    notes,
  };
}

/** A written version of one of our own images that no build of ours moves (brief 4.3.6). */
function versionMoves(
  { input, enrolment, record, managed }: MovesQuestion,
  base: BaseRecord,
  uses: readonly Dependency[],
  owner: string,
): BaseMoves {
  const parent = input.state.images.get(owner);
  const newest =
    parent &&
    base.tag !== undefined &&
    newestInRange(base.tag, parent, managed.get(owner)?.ownDelay ?? 0, input.now);
  const note: Reason = { code: 'needs-source-change', base: base.name, image: owner };
  if (!newest || (enrolment.rebuildOn === 'final' && !uses.some(({ final }) => final)))
    return { ...nothing, notes: [note] };
  const moves = [...new Set(uses.map(({ reference }) => reference))].map((written): PinMove => {
    const name = untagged(written);
    const moved = `${name.slice(0, name.lastIndexOf(':'))}:${newest.version}`;
    return { base: base.name, written, moved: written.includes('@') ? `${moved}@${newest.digest}` : moved };
  });
  const due: Reason = { ...note, to: newest.digest, detail: `${owner} ${newest.version}` };
  const proposed = openTarget(record, base.name);
  if (proposed !== undefined && proposed.split('@')[0] === newest.version)
    return { ...nothing, standing: moves, due: [due] };
  const verdict: BaseVerdict = {
    ...emptyVerdict(base.name, owner, []),
    due,
    dueSince: newest.builtAt,
    batched: !uses.some(({ final }) => final),
  };
  // What an open request proposes of it is older and still good: it goes on until this one's time has come.
  const standing = proposed === undefined ? [] : movesToVersion(uses, proposed, base.name);
  return { fresh: { verdict, moves }, standing, due: [due], notes: [] };
}

function movesTo(base: string, pinned: readonly { readonly written: string }[], digest: Digest): PinMove[] {
  return pinned.flatMap(({ written }) => {
    const moved = `${untagged(written)}@${digest}`;
    return moved === written ? [] : [{ base, written, moved }];
  });
}

function movesToVersion(uses: readonly Dependency[], target: string, base: string): PinMove[] {
  return [...new Set(uses.map(({ reference }) => reference))].map((written) => {
    const name = untagged(written);
    return { base, written, moved: `${name.slice(0, name.lastIndexOf(':'))}:${target}` };
  });
}

/** What the open request of the image says of a base, or the one that it left to go on in another. */
function openTarget({ pullRequest }: ImageRecord, base: string): string | undefined {
  if (!pullRequest || (pullRequest.ended && !pullRequest.ended.moved)) return undefined;
  return Object.hasOwn(pullRequest.digests, base) ? pullRequest.digests[base] : undefined;
}

function unique(reasons: readonly Reason[]): readonly Reason[] {
  return [...new Map(reasons.map((reason) => [JSON.stringify(reason), reason])).values()];
}
