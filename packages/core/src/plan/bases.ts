import type { ManagedEnrolment } from '../enrolment/types.ts';
import { containedBase, type Contained } from '../evidence/contained.ts';
import { candidateOf, firstPin, type Candidate, type Judged, type Obstacle } from '../ledger/candidate.ts';
import { equalContent, positionOf, type Version } from '../ledger/versions.ts';
import type { Digest, PlatformName } from '../reference/types.ts';
import type { BaseRecord, Dependency, ImageRecord, Pin } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';
import type { PlanInput, Reason, RebuildRequest } from './types.ts';

/** One image's relation to one base, judged (brief 4.3, rules 1 to 4). */
export interface BaseVerdict {
  readonly base: string;
  /** A managed image of ours moves this tag. */
  readonly parent: string | undefined;
  /** What a build would use now. */
  readonly pin: Pin | undefined;
  /** Why the image is due because of this base. */
  readonly due: Reason | undefined;
  /** Since when. */
  readonly dueSince: Instant | undefined;
  readonly emergency: boolean;
  /** Maturities that lie ahead, for digests newer than what the image contains. */
  readonly maturing: readonly Instant[];
  readonly notes: readonly Reason[];
}

export interface BaseQuestion {
  readonly input: PlanInput;
  readonly enrolment: ManagedEnrolment;
  readonly image: ImageRecord;
  readonly base: BaseRecord;
  readonly uses: readonly Dependency[];
  readonly parent: string | undefined;
  /** How long a new digest of this base has to prove itself for this image. */
  readonly delay: Duration;
  readonly versions: readonly Version[];
  readonly request: RebuildRequest | undefined;
}

const obstacleReasons: Record<Obstacle, Reason['code']> = {
  'not-settled': 'not-settled',
  'not-matured': 'not-matured',
  'platform-missing': 'platform-missing',
  'not-described': 'not-described',
  withdrawn: 'withdrawn',
  held: 'held-digest',
  refused: 'refused',
  gone: 'gone',
  'short-lived': 'short-lived',
};

export function judgeBase(question: BaseQuestion): BaseVerdict {
  const { enrolment, image, base, uses, parent, request } = question;
  const notes: Reason[] = [];
  const verdict = (rest: Partial<BaseVerdict>): BaseVerdict => ({
    base: base.name,
    parent,
    pin: undefined,
    due: undefined,
    dueSince: undefined,
    emergency: false,
    maturing: [],
    notes,
    ...rest,
  });

  if (uses.every((use) => use.kind === 'syntax')) {
    notes.push({ code: 'syntax-image', base: base.name });
    return verdict({});
  }
  const real = uses.filter((use) => use.kind !== 'syntax');
  const reference = real[0]?.reference ?? '';
  if (real.every((use) => use.reference.includes('@'))) return judgePinned(question, verdict, notes);

  const provable = real.some((use) => use.final && use.kind === 'from');
  if (enrolment.rebuildOn === 'final' && !provable) {
    notes.push({ code: 'ignored-stage', base: base.name });
  }
  if (base.ledger.length === 0) {
    notes.push({ code: 'unobserved', base: base.name });
    return verdict({});
  }

  const candidate = judgeCandidate(question);
  const contained = containedBase(image, base, real, question.input.facts.provenance);
  if (candidate.busyTag) notes.push({ code: 'busy-tag', base: base.name });
  notes.push(...evidenceNotes(base.name, contained, image.content !== undefined));

  const proofs = contained.best ? emergencyProofs(question, candidate, contained.best.digest) : [];
  const emergency = proofs.length > 0 && provable;
  const skipDelay = emergency || (request?.skipDelay ?? false);
  const chosen = skipDelay
    ? (candidate.judged[Math.max(candidate.newestAcceptable, candidate.chosen)] ?? firstPin(candidate))
    : firstPin(candidate);
  const pin = chosen?.digest ? { base: base.name, reference: untagged(reference), digest: chosen.digest } : undefined;
  notes.push(...newerNotes(base.name, candidate, chosen));

  const due = dueBecauseOf(question, candidate, contained, chosen, notes);
  if (due && emergency) due.reason = { ...due.reason, code: 'emergency-cve', detail: proofs.map(({ id }) => id).join(', ') };
  const counts = enrolment.rebuildOn === 'all' || provable;
  return verdict({
    pin,
    due: due && counts ? due.reason : undefined,
    dueSince: due && counts ? due.since : undefined,
    emergency: emergency && due !== undefined,
    maturing: maturingOf(candidate, contained, question.input.now),
  });
}

function judgePinned(
  { base, uses }: BaseQuestion,
  verdict: (rest: Partial<BaseVerdict>) => BaseVerdict,
  notes: Reason[],
): BaseVerdict {
  const reference = uses[0]?.reference ?? '';
  const digest = reference.slice(reference.indexOf('@') + 1) as Digest;
  if (base.tag === undefined) {
    notes.push({ code: 'unwatchable', base: base.name, from: digest });
    return verdict({});
  }
  const newest = base.ledger.findLast((entry) => entry.replacedAt === undefined);
  notes.push({
    code: 'pinned-in-source',
    base: base.name,
    from: digest,
    ...(newest && newest.digest !== digest ? { to: newest.digest } : {}),
  });
  return verdict({});
}

function judgeCandidate(question: BaseQuestion): Candidate {
  const { input, base, parent, delay, versions } = question;
  const held = new Map<Digest, string>();
  for (const hold of base.holds) {
    if (hold.until !== undefined && hold.until <= input.now) continue;
    if (hold.digest) held.set(hold.digest, hold.reason);
    else for (const entry of base.ledger) held.set(entry.digest, hold.reason);
  }
  const gone = new Set<Digest>();
  for (const { digest } of base.ledger) if (input.facts.gone.has(`${base.name}@${digest}`)) gone.add(digest);
  return candidateOf(versions, {
    now: input.now,
    delay,
    minStanding: parent === undefined ? input.settings.timing.minStanding : 0,
    held,
    gone,
  });
}

function dueBecauseOf(
  { image, base }: BaseQuestion,
  candidate: Candidate,
  contained: Contained,
  chosen: Judged | undefined,
  notes: Reason[],
): { reason: Reason; since: Instant } | undefined {
  const content = image.content;
  if (!content) return undefined;
  const versions = candidate.judged.map(({ version }) => version);
  const to = chosen?.digest;
  const chosenAt = chosen ? candidate.judged.indexOf(chosen) : -1;

  if (!contained.best) {
    if (!chosen || !to) return undefined;
    const before = chosen.version.previousLastSeenAt;
    if (chosen.version.baseline || before === undefined || content.firstSeen >= before) return undefined;
    return { reason: { code: 'evidence-unknown', base: base.name, to }, since: chosen.matureAt };
  }

  const from = contained.best.digest;
  const at = positionOf(versions, from);
  const inside = versions[at];
  if (inside) {
    const bad = inside.withdrawnAt !== undefined || inside.entries.every((entry) => entry.refused !== undefined);
    if (bad) {
      const alarm: Reason = {
        code: 'contains-withdrawn',
        base: base.name,
        from,
        detail: inside.withdrawnAt === undefined ? 'refused' : 'withdrawn',
      };
      if (!chosen || !to || chosen.version === inside || equalContent(inside, chosen.version)) {
        notes.push(alarm);
        return undefined;
      }
      return { reason: { ...alarm, to }, since: inside.withdrawnAt ?? chosen.matureAt };
    }
    if (!chosen || !to) return undefined;
    if (at > chosenAt) {
      notes.push({ code: 'ahead-of-gate', base: base.name, from, to });
      return undefined;
    }
    if (at === chosenAt) return undefined;
    if (equalContent(inside, chosen.version)) {
      notes.push({ code: 'equal-content', base: base.name, from, to });
      return undefined;
    }
    return { reason: { code: 'newer-base', base: base.name, from, to }, since: dueSince(candidate, at, chosenAt) };
  }

  if (!chosen || !to || chosen.version.baseline || chosen.version.appeared <= content.firstSeen) return undefined;
  const firstLater = versions.findIndex((version) => version.appeared > content.firstSeen);
  return {
    reason: { code: 'newer-base', base: base.name, from, to },
    since: dueSince(candidate, firstLater - 1, chosenAt),
  };
}

/** When the image became due: as soon as the first version after what it contains could have been used. */
function dueSince(candidate: Candidate, after: number, upTo: number): Instant {
  let since = Number.POSITIVE_INFINITY;
  for (const { version, obstacles, matureAt } of candidate.judged.slice(after + 1, upTo + 1)) {
    if (obstacles.length > 0 && !candidate.busyTag) continue;
    since = Math.min(since, Math.max(matureAt, version.settledAt ?? matureAt));
  }
  return Number.isFinite(since) ? since : (candidate.judged[upTo]?.matureAt ?? 0);
}

function maturingOf(candidate: Candidate, contained: Contained, now: Instant): Instant[] {
  const at = contained.best ? positionOf(candidate.judged.map(({ version }) => version), contained.best.digest) : -1;
  return candidate.judged
    .slice(at + 1)
    .filter(({ obstacles, matureAt, version }) => {
      const onlyTime = obstacles.length > 0 && obstacles.every((obstacle) => obstacle === 'not-matured');
      return onlyTime && matureAt > now && !version.baseline;
    })
    .map(({ matureAt }) => matureAt);
}

function emergencyProofs({ input, base }: BaseQuestion, candidate: Candidate, running: Digest): { id: string }[] {
  const newest = candidate.judged[candidate.newestAcceptable];
  if (!newest) return [];
  const proofs = input.facts.proofs.get(base.name) ?? [];
  return proofs.filter(
    (proof) =>
      proof.presentIn === running && newest.version.entries.some((entry) => entry.digest === proof.absentFrom),
  );
}

function evidenceNotes(base: string, contained: Contained, built: boolean): Reason[] {
  if (!built) return [];
  const notes: Reason[] = [];
  if (!contained.provable && contained.best?.evidence !== 'signed-provenance') notes.push({ code: 'not-provable', base });
  if (contained.best && contained.conflict) {
    notes.push({
      code: 'evidence-conflict',
      base,
      from: contained.best.digest,
      to: contained.conflict.digest,
      detail: `${contained.best.evidence} against ${contained.conflict.evidence}`,
    });
  }
  if (!contained.best) notes.push({ code: 'evidence-unknown', base });
  return notes;
}

/** What stands in the way of every version newer than the chosen one. */
function newerNotes(base: string, candidate: Candidate, chosen: Judged | undefined): Reason[] {
  const at = chosen ? candidate.judged.indexOf(chosen) : -1;
  const notes: Reason[] = [];
  if (chosen?.version.baseline) notes.push({ code: 'baseline', base, ...(chosen.digest ? { to: chosen.digest } : {}) });
  for (const { version, obstacles, matureAt } of candidate.judged.slice(at + 1)) {
    const to = version.entries.at(-1)?.digest;
    for (const obstacle of obstacles) {
      notes.push({
        code: obstacleReasons[obstacle],
        base,
        ...(to ? { to } : {}),
        ...(obstacle === 'not-matured' ? { until: matureAt } : {}),
        ...(obstacle === 'platform-missing' ? { detail: version.missing.join(', ') } : {}),
      });
    }
  }
  return notes;
}

/** The platforms that a build reads a base for. */
export function platformsOf(uses: readonly Dependency[]): PlatformName[] {
  return [...new Set(uses.map((use) => use.platform))].toSorted();
}

function untagged(reference: string): string {
  const at = reference.indexOf('@');
  return at < 0 ? reference : reference.slice(0, at);
}
