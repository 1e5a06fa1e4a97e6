import type { ManagedGraph } from '../graph/managed.ts';
import { hour, type Instant } from '../time.ts';
import type { Assessment } from './assess.ts';
import type { Reason } from './types.ts';

/** So long after its own start an image waits for no slot of a parent any more, or a busy family would starve it. */
const longestWaitForSlots = 48 * hour;

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
  /** When a build of it can be expected to start: it is going, or a parent is, whose push will make it due. */
  readonly comesAt: Instant | undefined;
}

/**
 * Parents before children (brief 4.3.6). A child waits while its parent's run is open or can start now; so that a
 * diamond makes one rebuild, an ordinary child also waits for a parent whose slot is near or that is about to get a
 * push itself. Else it goes on with the parent's current digest.
 */
export function afterParents(
  assessment: Assessment,
  graph: ManagedGraph,
  standing: ReadonlyMap<string, Standing>,
  limitOf: (assessment: Assessment) => Reason | undefined,
  now: Instant,
): Standing {
  const { due, blockedBy, intent, enrolment, request } = assessment;
  const edges = graph.nodes.get(enrolment.name)?.parents ?? [];
  const above = edges.flatMap(({ image }, index) => {
    const parent = standing.get(image);
    const isFirst = edges.findIndex((edge) => edge.image === image) === index;
    return parent && isFirst && image !== enrolment.name ? [parent] : [];
  });
  const notes: Reason[] = [];
  let at = assessment.startAt;
  let waits = false;
  if (due.length > 0 && !intent && !request) {
    for (const parent of above) {
      const wait = waitFor(parent, assessment, now);
      if (!wait) continue;
      notes.push(wait);
      if (wait.code !== 'waits-for-parent') continue;
      if (wait.until === undefined) waits = true;
      else at = Math.max(at, wait.until);
    }
  }
  const comes = (reason: Reason): boolean =>
    reason.code === 'parent-unobserved' &&
    reason.image !== undefined &&
    standing.get(reason.image)?.going === true;
  const inTime = due.length > 0 && !intent && at <= now && blockedBy.length === 0;
  const limit = inTime ? limitOf(assessment) : undefined;
  const going = intent !== undefined || (due.length > 0 && limit === undefined && blockedBy.every(comes));
  return {
    assessment,
    notes,
    limit,
    at: intent ? now : at,
    startable: inTime && !waits && limit === undefined,
    going,
    comesAt: going ? (intent ? now : at) : followsAt(assessment, above),
  };
}

/** What a parent means for a due child: a wait with or without a known end, that it is stuck, or nothing. */
function waitFor(parent: Standing, child: Assessment, now: Instant): Reason | undefined {
  const { enrolment, intent, due } = parent.assessment;
  const image = enrolment.name;
  if (parent.going && parent.at <= now) return { code: 'waits-for-parent', image };
  const { comesAt } = parent;
  const isPatient = child.record?.content !== undefined && !child.emergency;
  if (isPatient && comesAt !== undefined && comesAt <= now) return { code: 'waits-for-parent', image };
  if (isPatient && comesAt !== undefined && comesAt < child.startAt + longestWaitForSlots) {
    return { code: 'waits-for-parent', image, until: comesAt };
  }
  return due.length > 0 || intent ? { code: 'parent-stuck', image } : undefined;
}

/** An image that is not due yet, and will be when a parent has been built. */
function followsAt(
  { due, enrolment, record, blockedBy }: Assessment,
  above: readonly Standing[],
): Instant | undefined {
  if (due.length > 0 || blockedBy.length > 0 || record?.content === undefined || record.hold)
    return undefined;
  if (!enrolment.autoRebuild || enrolment.mode !== 'dispatch') return undefined;
  const times = above.flatMap(({ comesAt, assessment }) =>
    comesAt === undefined || (assessment.enrolment.ownDelay ?? 0) > 0 ? [] : [comesAt],
  );
  return times.length === 0 ? undefined : Math.max(...times);
}
