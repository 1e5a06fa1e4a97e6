import type { Contained } from '../evidence/contained.ts';
import type { Candidate, Judged, Obstacle } from '../ledger/candidate.ts';
import type { Instant } from '../time.ts';
import type { Reason, ReasonCode } from './types.ts';

const obstacleReasons: Record<Obstacle, ReasonCode> = {
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

/** A busy tag can have hundreds of versions in its delay; so many of them are told of. */
const mostVersions = 10;

/**
 * What stands in the way of each version after a position, and when that ends. Of very many only the newest are told
 * of, and the one of which the obstacles end first: that is when the plan can change.
 */
export function obstacleNotes(
  candidate: Candidate,
  after: number,
  about: (index: number) => Partial<Reason>,
): Reason[] {
  const { judged } = candidate;
  const told: { readonly notes: readonly Reason[]; readonly until: Instant }[] = [];
  let nextProven = Number.POSITIVE_INFINITY;
  for (let index = judged.length - 1; index > after; index--) {
    const each = judged[index];
    if (!each) continue;
    const notes = each.obstacles.map((obstacle) => ({
      ...about(index),
      ...reasonOf(obstacle, each, nextProven),
    }));
    const ends = notes.map(({ until }) => until ?? Number.POSITIVE_INFINITY);
    if (each.obstacles.every((obstacle) => obstacle === 'not-matured' || obstacle === 'not-settled')) {
      nextProven = Math.min(nextProven, each.matureAt);
    }
    const until = Math.min(...ends);
    if (told.length < mostVersions) told.push({ notes, until });
    else if (until < (told.at(-1)?.until ?? 0)) told[told.length - 1] = { notes, until };
  }
  return told.toReversed().flatMap(({ notes }) => notes);
}

/** `nextProven`: when the first of the newer versions will have proved itself, if nothing replaces it. */
function reasonOf(obstacle: Obstacle, judged: Judged, nextProven: Instant): Reason {
  const to = judged.version.entries.at(-1)?.digest;
  const until = endOf(obstacle, judged, nextProven);
  return {
    code: obstacleReasons[obstacle],
    ...(to ? { to } : {}),
    ...(until === undefined ? {} : { until }),
    ...(obstacle === 'platform-missing' ? { detail: judged.version.missing.join(', ') } : {}),
    ...(obstacle === 'held' && judged.hold ? { detail: judged.hold.reason } : {}),
  };
}

function endOf(
  obstacle: Obstacle,
  { matureAt, hold, takenAt }: Judged,
  nextProven: Instant,
): Instant | undefined {
  if (obstacle === 'not-matured') return matureAt;
  if (obstacle === 'held') return hold?.until;
  return obstacle === 'short-lived' && takenAt !== undefined && takenAt < nextProven ? takenAt : undefined;
}

export function evidenceNotes(base: string, contained: Contained): Reason[] {
  const notes: Reason[] = [];
  if (!contained.provable && contained.best?.evidence !== 'signed-provenance')
    notes.push({ code: 'not-provable', base });
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
