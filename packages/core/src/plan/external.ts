import type { ExternalEnrolment } from '../enrolment/types.ts';
import { candidateOf, type Judged, type Obstacle } from '../ledger/candidate.ts';
import { rankingOf, selectTags } from '../ledger/selection.ts';
import { versionsOf, type Version } from '../ledger/versions.ts';
import type { Digest } from '../reference/types.ts';
import type { Hold, ImageRecord } from '../state/types.ts';
import { obstacleNotes } from './base-notes.ts';
import { isInForce } from './bases.ts';
import type { Decision, PlanInput, Reason } from './types.ts';

interface TaggedDigest {
  readonly tag: string;
  readonly digest: Digest;
}

/** What is approved beside what is newest, for an image that others build (brief 4.2.5). Nothing is ever started. */
export function externalDecision(enrolment: ExternalEnrolment, input: PlanInput): Decision {
  const record = input.state.images.get(enrolment.name);
  const decision = {
    image: enrolment.name,
    kind: 'external' as const,
    action: 'none' as const,
    due: [],
    pins: [],
  };
  if (!record || record.ledger.length === 0) return { ...decision, notes: [{ code: 'unobserved' }] };

  const tagged = versionsByRank(enrolment, record);
  const held = new Map<Digest, Hold>();
  const hold = record.hold;
  const holding = hold && isInForce(hold, input.now);
  if (holding && hold.digest) held.set(hold.digest, hold);
  const gone = new Set<Digest>();
  for (const { digest } of record.ledger)
    if (input.facts.gone.has(`${enrolment.name}@${digest}`)) gone.add(digest);
  const candidate = candidateOf(
    tagged.map(({ version }) => version),
    {
      now: input.now,
      delay: enrolment.rebuildDelay,
      minStanding: input.settings.timing.minStanding,
      held,
      gone,
    },
  );

  const newest = named(tagged.at(-1)?.tag, candidate.judged.at(-1));
  const approvedBefore = record.approved;
  const before = candidate.judged.findLastIndex(
    ({ version }, index) =>
      tagged[index]?.tag === approvedBefore?.tag &&
      version.entries.some(({ digest }) => digest === approvedBefore?.digest),
  );
  // At enrolment the highest is approved as it stands; later only forwards, except away from what was withdrawn.
  const bad = candidate.judged[before]?.obstacles.find(
    (obstacle) => obstacle === 'withdrawn' || obstacle === 'refused',
  );
  let chosen = candidate.chosen > before || bad ? candidate.chosen : before;
  let approved: TaggedDigest | undefined;
  if (!approvedBefore) {
    chosen = startingPoint(candidate.judged);
    approved = named(tagged[chosen]?.tag, candidate.judged[chosen]);
  } else if (holding && !hold.digest) approved = approvedBefore;
  else approved = named(tagged[chosen]?.tag, candidate.judged[chosen]) ?? approvedBefore;

  const notes: Reason[] = approved ? [{ code: 'approved', to: approved.digest, detail: approved.tag }] : [];
  if (bad && approvedBefore)
    notes.push({ code: 'contains-withdrawn', from: approvedBefore.digest, detail: bad });
  if (holding) {
    const ends = hold.until === undefined ? {} : { until: hold.until };
    notes.push({ code: hold.digest ? 'held-digest' : 'held', detail: hold.reason, ...ends });
  }
  if (candidate.busyTag) notes.push({ code: 'busy-tag' });
  if (enrolment.imageSelectionStrategy === 'NewestBuild') notes.push({ code: 'publishers-word' });
  for (const note of obstacleNotes(candidate, chosen, (index) => ({ detail: tagged[index]?.tag ?? '' })))
    notes.push(note);
  if (enrolment.imageSelectionStrategy === 'SemVer') {
    for (const entry of record.ledger) {
      if (entry.retagged)
        notes.push({ code: 'retagged', to: entry.digest, ...(entry.tag ? { detail: entry.tag } : {}) });
    }
  }
  if (notes.length === 0) notes.push({ code: 'unobserved' });
  return { ...decision, notes, ...(approved ? { approved } : {}), ...(newest ? { newest } : {}) };
}

/** The highest of what was there at the first look and may be used, else the highest that may be used. */
function startingPoint(judged: readonly Judged[]): number {
  const young: readonly Obstacle[] = ['not-settled', 'not-matured', 'short-lived', 'not-described'];
  const usable = ({ obstacles }: Judged): boolean => obstacles.every((obstacle) => young.includes(obstacle));
  const baseline = judged.findLastIndex((each) => each.version.baseline && usable(each));
  return baseline >= 0 ? baseline : judged.findLastIndex(usable);
}

function versionsByRank(
  enrolment: ExternalEnrolment,
  record: ImageRecord,
): { tag: string; version: Version }[] {
  const byTag = Map.groupBy(record.ledger, (entry) => entry.tag ?? '');
  const ranking = rankingOf(enrolment.imageSelectionStrategy, enrolment.allowTags);
  // The ledger remembers tags that a later selection does not cover any more.
  const allowed = selectTags([...byTag.keys()], enrolment.allowTags, ranking);
  const versions = allowed.flatMap((tag) =>
    versionsOf(byTag.get(tag) ?? [], enrolment.platforms).map((version) => ({ tag, version })),
  );
  if (enrolment.imageSelectionStrategy === 'NewestBuild') {
    return versions.toSorted(
      (a, b) =>
        (a.version.publishedAt ?? a.version.firstSeen) - (b.version.publishedAt ?? b.version.firstSeen),
    );
  }
  if (enrolment.imageSelectionStrategy === 'Digest') {
    return versions.toSorted((a, b) => a.version.appeared - b.version.appeared);
  }
  return versions.toSorted(
    (a, b) => ranking.compare(a.tag, b.tag) || a.version.appeared - b.version.appeared,
  );
}

function named(tag: string | undefined, judged: Judged | undefined): TaggedDigest | undefined {
  const digest = judged?.digest ?? judged?.version.entries.at(-1)?.digest;
  return tag === undefined || digest === undefined ? undefined : { tag, digest };
}
