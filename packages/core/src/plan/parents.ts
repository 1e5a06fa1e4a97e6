import type { ManagedGraph } from '../graph/managed.ts';
import { hour, type Instant } from '../time.ts';
import type { Assessment } from './assess.ts';
import type { Reason } from './types.ts';

/** A slot of a parent that lies further ahead does not keep its children waiting. */
const longestWaitForParent = 48 * hour;

/** An assessment together with what its parents mean for it. */
export interface Standing {
  readonly assessment: Assessment;
  readonly notes: readonly Reason[];
  /** The limit of its own that it meets, although its time has come. */
  readonly limit: Reason | undefined;
  /** The earliest start, parents considered. */
  readonly at: Instant;
  /** Due, not blocked, its time has come, no parent to wait for. */
  readonly startable: boolean;
  /** It runs, or will start by itself: nothing but time and parents that do the same are in its way. */
  readonly going: boolean;
}

/**
 * Parents before children (brief 4.3.6). A child waits while its parent's run is open or can start now; so that a
 * diamond makes one rebuild, an ordinary child also waits for a parent whose slot is near. Else it goes on with the
 * parent's current digest.
 */
export function afterParents(
  assessment: Assessment,
  graph: ManagedGraph,
  standing: ReadonlyMap<string, Standing>,
  limitOf: (assessment: Assessment) => Reason | undefined,
  now: Instant,
): Standing {
  const { due, blockedBy, intent, enrolment, record, request } = assessment;
  const notes: Reason[] = [];
  let at = assessment.startAt;
  let waits = false;
  if (due.length > 0 && !intent && !request) {
    const patient = record?.content !== undefined && !assessment.emergency;
    const parents = new Set(graph.nodes.get(enrolment.name)?.parents.map(({ image }) => image));
    for (const image of parents) {
      const above = standing.get(image);
      if (
        !above ||
        image === enrolment.name ||
        above.assessment.due.length + (above.assessment.intent ? 1 : 0) === 0
      )
        continue;
      if (above.going && above.at <= now) {
        waits = true;
        notes.push({ code: 'waits-for-parent', image });
      } else if (above.going && patient && above.at < now + longestWaitForParent) {
        at = Math.max(at, above.at);
        notes.push({ code: 'waits-for-parent', image, until: above.at });
      } else {
        notes.push({ code: 'parent-stuck', image });
      }
    }
  }
  const comes = (reason: Reason): boolean =>
    reason.code === 'parent-unobserved' &&
    reason.image !== undefined &&
    standing.get(reason.image)?.going === true;
  const inTime = due.length > 0 && !intent && at <= now && blockedBy.length === 0;
  const limit = inTime ? limitOf(assessment) : undefined;
  return {
    assessment,
    notes,
    limit,
    at: intent ? now : at,
    startable: inTime && !waits && limit === undefined,
    going: intent !== undefined || (due.length > 0 && limit === undefined && blockedBy.every(comes)),
  };
}
