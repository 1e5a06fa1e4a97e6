import type { ExternalEnrolment } from '../enrolment/types.ts';
import { candidateOf, type Judged } from '../ledger/candidate.ts';
import { rankingOf } from '../ledger/selection.ts';
import { versionsOf, type Version } from '../ledger/versions.ts';
import type { Digest } from '../reference/types.ts';
import type { ImageRecord } from '../state/types.ts';
import type { Decision, PlanInput, Reason } from './types.ts';

interface TaggedDigest {
  readonly tag: string;
  readonly digest: Digest;
}

/** What is approved beside what is newest, for an image that others build (brief 4.2.5). Nothing is ever started. */
export function externalDecision(enrolment: ExternalEnrolment, input: PlanInput): Decision {
  const record = input.state.images.get(enrolment.name);
  const decision = { image: enrolment.name, kind: 'external' as const, action: 'none' as const, due: [], pins: [] };
  if (!record || record.ledger.length === 0) return { ...decision, notes: [{ code: 'unobserved' }] };

  const tagged = versionsByRank(enrolment, record);
  const held = new Map<Digest, string>();
  const hold = record.hold;
  const holding = hold && (hold.until === undefined || hold.until > input.now);
  if (holding && hold.digest) held.set(hold.digest, hold.reason);
  const gone = new Set<Digest>();
  for (const { digest } of record.ledger) if (input.facts.gone.has(`${enrolment.name}@${digest}`)) gone.add(digest);
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
  const bad = candidate.judged[before]?.obstacles.some((obstacle) => obstacle === 'withdrawn' || obstacle === 'refused');
  const chosen = candidate.chosen > before || bad ? candidate.chosen : before;
  let approved: TaggedDigest | undefined;
  if (!approvedBefore) approved = newest;
  else if (holding && !hold.digest) approved = approvedBefore;
  else approved = named(tagged[chosen]?.tag, candidate.judged[chosen]) ?? approvedBefore;

  const notes: Reason[] = approved ? [{ code: 'approved', to: approved.digest, detail: approved.tag }] : [];
  if (bad && approvedBefore) notes.push({ code: 'contains-withdrawn', from: approvedBefore.digest });
  if (holding) notes.push({ code: hold.digest ? 'held-digest' : 'held', detail: hold.reason });
  if (candidate.busyTag) notes.push({ code: 'busy-tag' });
  if (enrolment.imageSelectionStrategy === 'NewestBuild') notes.push({ code: 'publishers-word' });
  for (const [index, { version, obstacles, matureAt }] of candidate.judged.entries()) {
    if (index <= chosen) continue;
    const to = version.entries.at(-1)?.digest;
    for (const obstacle of obstacles) {
      if (obstacle !== 'not-matured' && obstacle !== 'not-settled' && obstacle !== 'withdrawn') continue;
      notes.push({
        code: obstacle,
        ...(to ? { to } : {}),
        detail: tagged[index]?.tag ?? '',
        ...(obstacle === 'not-matured' ? { until: matureAt } : {}),
      });
    }
  }
  if (enrolment.imageSelectionStrategy === 'SemVer') {
    for (const entry of record.ledger) {
      if (entry.retagged) notes.push({ code: 'retagged', to: entry.digest, ...(entry.tag ? { detail: entry.tag } : {}) });
    }
  }
  return { ...decision, notes, ...(approved ? { approved } : {}), ...(newest ? { newest } : {}) };
}

function versionsByRank(enrolment: ExternalEnrolment, record: ImageRecord): { tag: string; version: Version }[] {
  const byTag = Map.groupBy(record.ledger, (entry) => entry.tag ?? '');
  const ranking = rankingOf(enrolment.imageSelectionStrategy, enrolment.allowTags);
  const versions = [...byTag].flatMap(([tag, entries]) =>
    versionsOf(entries, enrolment.platforms).map((version) => ({ tag, version })),
  );
  if (enrolment.imageSelectionStrategy === 'NewestBuild') {
    return versions.toSorted(
      (a, b) => (a.version.publishedAt ?? a.version.firstSeen) - (b.version.publishedAt ?? b.version.firstSeen),
    );
  }
  if (enrolment.imageSelectionStrategy === 'Digest') {
    return versions.toSorted((a, b) => a.version.appeared - b.version.appeared);
  }
  return versions.toSorted((a, b) => ranking.compare(a.tag, b.tag) || a.version.appeared - b.version.appeared);
}

function named(tag: string | undefined, judged: Judged | undefined): TaggedDigest | undefined {
  const digest = judged?.digest ?? judged?.version.entries.at(-1)?.digest;
  return tag === undefined || digest === undefined ? undefined : { tag, digest };
}
