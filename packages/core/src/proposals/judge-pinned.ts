import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { Contained } from '../evidence/contained.ts';
import { baselinePin, type Candidate } from '../ledger/candidate.ts';
import { positionOf } from '../ledger/versions.ts';
import { obstacleNotes } from '../plan/base-notes.ts';
import { emptyVerdict, type BaseVerdict } from '../plan/bases.ts';
import { dueBecauseOf, maturingAfter } from '../plan/due.ts';
import type { PlanInput } from '../plan/types.ts';
import type { Digest } from '../reference/types.ts';
import type { BaseRecord, Dependency, ImageRecord } from '../state/types.ts';

export interface PinnedQuestion {
  readonly input: PlanInput;
  readonly enrolment: ManagedEnrolment;
  readonly record: ImageRecord;
  readonly base: BaseRecord;
  /** With a digest; at least one. */
  readonly uses: readonly Dependency[];
  readonly parent: string | undefined;
  readonly candidate: Candidate;
}

/**
 * Should a pinned digest move, and to what? Judged as a built image is that contains it (brief 4.3.2): the same delay,
 * standing, withdrawals and equal contents. A digest that the ledger does not know is older than what was first seen
 * after the Dockerfile was read with it.
 */
export function judgePinned(question: PinnedQuestion, digest: Digest): BaseVerdict {
  const { enrolment, record, base, uses, parent, candidate } = question;
  const provable = uses.some(({ final }) => final);
  const contained: Contained = {
    claims: [],
    best: { digest, evidence: 'record' },
    conflict: undefined,
    provable,
  };
  const proofs = provable ? emergencyProofs(question, digest) : [];
  const approved = candidate.judged[proofs.length > 0 ? candidate.newestAcceptable : candidate.chosen];
  const readAt = record.lastDiscovery ?? record.enrolledAt;
  const answer = dueBecauseOf({
    base: base.name,
    content: { digest, firstSeen: readAt - 1, platforms: {} },
    contained,
    candidate,
    approved,
    fallback: baselinePin(candidate),
  });
  let { due, note } = answer;
  // The tag showed something else when it was first looked at, and the Dockerfile had been read by then.
  const first = approved?.version;
  if (note?.code === 'evidence-unknown' && first?.baseline && first.firstSeen >= readAt && approved?.digest) {
    due = {
      reason: { code: 'newer-base', base: base.name, from: digest, to: approved.digest },
      since: approved.matureAt,
    };
    note = undefined;
  }
  const counts = enrolment.rebuildOn === 'all' || provable;
  const emergency = proofs.length > 0 && due !== undefined && counts;
  const to = due?.reason.to;
  return {
    ...emptyVerdict(base.name, parent, [
      ...(counts ? [] : [{ code: 'ignored-stage' as const, base: base.name }]),
      ...obstacleNotes(candidate, approved ? candidate.judged.indexOf(approved) : -1, () => ({
        base: base.name,
      })),
      ...(note ? [note] : []),
    ]),
    pin:
      to && counts
        ? { base: base.name, reference: untagged(uses[0]?.reference ?? ''), digest: to }
        : undefined,
    due: !counts
      ? undefined
      : due && emergency
        ? { ...due.reason, code: 'emergency-cve', detail: proofs.map(({ id }) => id).join(', ') }
        : due?.reason,
    dueSince: due?.since,
    emergency,
    batched: !provable,
    maturing: counts ? maturingAfter(candidate, contained) : [],
  };
}

/** May a request go on proposing this digest? What is only young or short-lived was proposed for a reason. */
export function isStillGood(candidate: Candidate, digest: Digest): boolean {
  const at = positionOf(
    candidate.judged.map(({ version }) => version),
    digest,
  );
  const judged = candidate.judged[at];
  return judged !== undefined && judged.obstacles.every((obstacle) => harmless.has(obstacle));
}

const harmless: ReadonlySet<string> = new Set(['not-matured', 'short-lived', 'not-settled', 'not-described']);

function emergencyProofs(
  { input, base, candidate }: PinnedQuestion,
  pinned: Digest,
): readonly { readonly id: string }[] {
  const newest = candidate.judged[candidate.newestAcceptable];
  if (!newest) return [];
  return (input.facts.proofs.get(base.name) ?? []).filter(
    (proof) =>
      proof.presentIn === pinned && newest.version.entries.some(({ digest }) => digest === proof.absentFrom),
  );
}

export function untagged(reference: string): string {
  const at = reference.indexOf('@');
  return at < 0 ? reference : reference.slice(0, at);
}
