import type { ManagedEnrolment } from '../enrolment/types.ts';
import { containedBase, type Contained, type ProvenanceFact } from '../evidence/contained.ts';
import { baselinePin, candidateOf, firstPin, type Candidate, type Judged } from '../ledger/candidate.ts';
import { positionOf, type Version } from '../ledger/versions.ts';
import type { Digest, PlatformName } from '../reference/types.ts';
import type { BaseRecord, Dependency, Hold, ImageRecord, Pin } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';
import { evidenceNotes, obstacleNotes } from './base-notes.ts';
import { dueBecauseOf, isBad, maturingAfter, type Maturing } from './due.ts';
import type { PlanInput, Reason, RebuildRequest } from './types.ts';

/** One image's relation to one base, judged (brief 4.3, rules 1 to 4). */
export interface BaseVerdict {
  /** Empty for references that no base record stands for. */
  readonly base: string;
  /** A managed image of ours moves this tag. */
  readonly parent: string | undefined;
  /** What a build would use now. */
  readonly pin: Pin | undefined;
  /** Why there has to be a pin and is none. */
  readonly pinless: Reason | undefined;
  /** Why the image is due because of this base. */
  readonly due: Reason | undefined;
  /** Since when. */
  readonly dueSince: Instant | undefined;
  readonly emergency: boolean;
  /** Only signed provenance could prove it: never urgent, started with the daily slot (brief 4.3.3). */
  readonly batched: boolean;
  /** Digests newer than what the image contains. */
  readonly maturing: readonly Maturing[];
  readonly notes: readonly Reason[];
}

export interface BaseQuestion {
  readonly input: PlanInput;
  readonly enrolment: ManagedEnrolment;
  readonly image: ImageRecord;
  readonly base: BaseRecord;
  /** At least one; frontends are not among them. */
  readonly uses: readonly Dependency[];
  readonly parent: string | undefined;
  /** Judged for the platforms of the uses and the delay of the image. */
  readonly candidate: Candidate;
  readonly provenance: readonly ProvenanceFact[];
  readonly request: RebuildRequest | undefined;
}

export function emptyVerdict(
  base: string,
  parent: string | undefined,
  notes: readonly Reason[],
): BaseVerdict {
  return {
    base,
    parent,
    pin: undefined,
    pinless: undefined,
    due: undefined,
    dueSince: undefined,
    emergency: false,
    batched: true,
    maturing: [],
    notes,
  };
}

export function judgeBase(question: BaseQuestion): BaseVerdict {
  const { input, enrolment, image, base, uses, parent, candidate, request } = question;
  if (uses.every((use) => use.reference.includes('@')))
    return emptyVerdict(base.name, parent, pinnedNotes(base, uses));

  const notes: Reason[] = [];
  const contained = containedBase(image, base, uses, question.provenance);
  const counts = enrolment.rebuildOn === 'all' || contained.provable;
  if (!counts) notes.push({ code: 'ignored-stage', base: base.name });
  if (base.ledger.length === 0) {
    const unseen: Reason = {
      code: parent === undefined ? 'unobserved' : 'parent-unobserved',
      base: base.name,
      ...(parent === undefined ? {} : { image: parent }),
    };
    notes.push({ code: 'unobserved', base: base.name });
    return { ...emptyVerdict(base.name, parent, notes), pinless: unseen };
  }
  if (candidate.busyTag) notes.push({ code: 'busy-tag', base: base.name });
  if (image.content) notes.push(...evidenceNotes(base.name, contained));

  // Only the chain that the final image stands on has layers in which a CVE can be found.
  const proofs = contained.best && contained.provable ? emergencyProofs(question, contained.best.digest) : [];
  const skipDelay = proofs.length > 0 || request?.skipDelay === true;
  const approved = candidate.judged[skipDelay ? candidate.newestAcceptable : candidate.chosen];
  const fallback = image.content && !request ? baselinePin(candidate) : firstPin(candidate);
  const start = approved ?? fallback;
  if (start?.version.baseline)
    notes.push({ code: 'baseline', base: base.name, ...(start.digest ? { to: start.digest } : {}) });
  notes.push(
    ...obstacleNotes(candidate, start ? candidate.judged.indexOf(start) : -1, () => ({ base: base.name })),
  );

  const answer = image.content
    ? dueBecauseOf({ base: base.name, content: image.content, contained, candidate, approved, fallback })
    : { due: undefined, note: undefined };
  if (answer.note) notes.push(answer.note);
  const due = counts ? answer.due : undefined;
  const emergency = proofs.length > 0 && due !== undefined;
  const used = answer.due ? start : (keptInside(candidate, contained, approved) ?? start);
  const digest = used?.digest;
  return {
    base: base.name,
    parent,
    pin: digest ? { base: base.name, reference: untagged(uses[0]?.reference ?? ''), digest } : undefined,
    pinless: digest ? undefined : whyPinless(base, candidate, input.now),
    due:
      due && emergency
        ? { ...due.reason, code: 'emergency-cve', detail: proofs.map(({ id }) => id).join(', ') }
        : due?.reason,
    dueSince: due?.since,
    emergency,
    batched: !contained.provable && contained.best?.evidence !== 'signed-provenance',
    maturing: counts ? maturingAfter(candidate, contained) : [],
    notes,
  };
}

/**
 * What a base offers a build now, for these platforms and this delay. It does not depend on the image, so images that
 * share a base share the answer.
 */
export function judgeCandidate(
  input: PlanInput,
  base: BaseRecord,
  versions: readonly Version[],
  delay: Duration,
  ownBuild: boolean,
): Candidate {
  const held = new Map<Digest, Hold>();
  for (const hold of base.holds) {
    if (!isInForce(hold, input.now)) continue;
    if (hold.digest) held.set(hold.digest, hold);
    else for (const entry of base.ledger) held.set(entry.digest, hold);
  }
  const gone = new Set<Digest>();
  if (input.facts.gone.size > 0) {
    for (const { digest } of base.ledger)
      if (input.facts.gone.has(`${base.name}@${digest}`)) gone.add(digest);
  }
  const minStanding = ownBuild ? 0 : input.settings.timing.minStanding;
  return candidateOf(versions, { now: input.now, delay, minStanding, held, gone });
}

export function isInForce(hold: Hold, now: Instant): boolean {
  return hold.until === undefined || hold.until > now;
}

/** The platforms that a build reads a base for. */
export function platformsOf(uses: readonly Dependency[]): PlatformName[] {
  return [...new Set(uses.map((use) => use.platform))].toSorted();
}

/** A dispatch never overrides a digest in the source: the tag is watched and told about (brief 4.3.4). */
function pinnedNotes(base: BaseRecord, uses: readonly Dependency[]): Reason[] {
  const reference = uses[0]?.reference ?? '';
  const digest = reference.slice(reference.indexOf('@') + 1) as Digest;
  if (base.tag === undefined) return [{ code: 'unwatchable', base: base.name, from: digest }];
  const newest = base.ledger.findLast((entry) => entry.replacedAt === undefined);
  const to = newest && newest.digest !== digest ? { to: newest.digest } : {};
  const notes: Reason[] = [{ code: 'pinned-in-source', base: base.name, from: digest, ...to }];
  const entry = base.ledger.find((known) => known.digest === digest);
  if (entry?.withdrawnAt !== undefined || entry?.refused !== undefined) {
    const detail = entry.withdrawnAt === undefined ? 'refused' : 'withdrawn';
    notes.push({ code: 'contains-withdrawn', base: base.name, from: digest, detail });
  }
  return notes;
}

/** A rebuild for another reason never builds this base back: what is inside and ahead of the gate stays inside. */
function keptInside(
  candidate: Candidate,
  contained: Contained,
  approved: Judged | undefined,
): Judged | undefined {
  if (!contained.best) return undefined;
  const versions = candidate.judged.map(({ version }) => version);
  const at = positionOf(versions, contained.best.digest);
  const inside = candidate.judged[at];
  if (!inside?.digest || isBad(inside.version)) return undefined;
  return approved === undefined || at > candidate.judged.indexOf(approved) ? inside : undefined;
}

function whyPinless(base: BaseRecord, candidate: Candidate, now: Instant): Reason {
  const hold = base.holds.find((each) => each.digest === undefined && isInForce(each, now));
  if (hold) {
    return {
      code: 'held',
      base: base.name,
      detail: hold.reason,
      ...(hold.until === undefined ? {} : { until: hold.until }),
    };
  }
  return (
    obstacleNotes(candidate, -1, () => ({ base: base.name })).at(-1) ?? {
      code: 'unobserved',
      base: base.name,
    }
  );
}

function emergencyProofs(
  { input, base, candidate }: BaseQuestion,
  running: Digest,
): readonly { readonly id: string }[] {
  const newest = candidate.judged[candidate.newestAcceptable];
  if (!newest) return [];
  const proofs = input.facts.proofs.get(base.name) ?? [];
  return proofs.filter(
    (proof) =>
      proof.presentIn === running && newest.version.entries.some(({ digest }) => digest === proof.absentFrom),
  );
}

function untagged(reference: string): string {
  const at = reference.indexOf('@');
  return at < 0 ? reference : reference.slice(0, at);
}
