import type { Contained } from '../evidence/contained.ts';
import type { Candidate, Judged, Obstacle } from '../ledger/candidate.ts';
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

/** What stands in the way of each version after a position, and when that ends. */
export function obstacleNotes(
  candidate: Candidate,
  after: number,
  about: (index: number) => Partial<Reason>,
): Reason[] {
  const notes: Reason[] = [];
  for (let index = after + 1; index < candidate.judged.length; index++) {
    const judged = candidate.judged[index];
    if (!judged) continue;
    const to = judged.version.entries.at(-1)?.digest;
    for (const obstacle of judged.obstacles) {
      const until = endOf(obstacle, judged, candidate, index);
      notes.push({
        ...about(index),
        code: obstacleReasons[obstacle],
        ...(to ? { to } : {}),
        ...(until === undefined ? {} : { until }),
        ...(obstacle === 'platform-missing' ? { detail: judged.version.missing.join(', ') } : {}),
        ...(obstacle === 'held' && judged.hold ? { detail: judged.hold.reason } : {}),
      });
    }
  }
  return notes;
}

function endOf(obstacle: Obstacle, judged: Judged, candidate: Candidate, index: number): number | undefined {
  if (obstacle === 'not-matured') return judged.matureAt;
  if (obstacle === 'held') return judged.hold?.until;
  if (obstacle !== 'short-lived' || judged.takenAt === undefined) return undefined;
  const better = candidate.judged
    .slice(index + 1)
    .some(({ obstacles }) => obstacles.every((each) => each === 'not-matured' || each === 'not-settled'));
  return better ? undefined : judged.takenAt;
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
