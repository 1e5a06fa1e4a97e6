import type { ManagedEnrolment } from '../enrolment/types.ts';
import { managedGraph, type ManagedGraph } from '../graph/managed.ts';
import { assess, type Assessment } from './assess.ts';
import { externalDecision } from './external.ts';
import { admit } from './limits.ts';
import type { Decision, Plan, PlanInput, Reason } from './types.ts';

/** A start that only time holds back for longer than this does not keep children waiting. */
const longestWaitForParent = 48 * 60 * 60 * 1000;

/**
 * What would be done now and why, for every image. A pure function of enrolment, state, observed facts and time: the
 * same input gives the same plan to the byte, and `run` does exactly what `plan` prints.
 */
export function planOf(input: PlanInput): Plan {
  const managed = new Map<string, ManagedEnrolment>();
  for (const enrolment of input.images) if (enrolment.kind === 'managed') managed.set(enrolment.name, enrolment);
  const graph = managedGraph([...managed.values()], input.state.images, input.state.bases);
  const context = { input, graph, managed, versions: new Map() };

  const standing = new Map<string, Standing>();
  for (const name of graph.order) {
    const enrolment = managed.get(name);
    if (enrolment) standing.set(name, afterParents(assess(enrolment, context), graph, standing, input.now));
  }
  const admitted = admit([...standing.values()], input, graph);

  const admissionOf = (name: string): Reason | 'start' | undefined =>
    admitted.has(name) ? (admitted.get(name) ?? 'start') : undefined;
  const decisions: Decision[] = [];
  for (const { assessment, notes, at } of standing.values()) {
    decisions.push(decide(assessment, notes, at, admissionOf(assessment.enrolment.name), input.now));
  }
  for (const enrolment of input.images) {
    if (enrolment.kind === 'external') decisions.push(externalDecision(enrolment, input));
  }
  const starts = [...admitted].flatMap(([name, reason]) => (reason === undefined ? [name] : []));
  return {
    at: input.now,
    decisions: decisions.toSorted((a, b) => (a.image < b.image ? -1 : a.image > b.image ? 1 : 0)),
    starts,
    cycles: graph.cycles,
  };
}

/** An assessment together with what its parents mean for it. */
export interface Standing {
  readonly assessment: Assessment;
  readonly notes: readonly Reason[];
  /** The earliest start, parents considered. */
  readonly at: number;
  /** Due, not blocked, its time has come, no parent to wait for. */
  readonly startable: boolean;
}

/** Parents before children (brief 4.3.6): a child waits while its parent's run is open or will start by itself. */
function afterParents(
  assessment: Assessment,
  graph: ManagedGraph,
  standing: ReadonlyMap<string, Standing>,
  now: number,
): Standing {
  const { due, blockedBy, intent, enrolment } = assessment;
  const notes: Reason[] = [];
  let at = assessment.startAt;
  let waits = false;
  if (due.length > 0 && !intent && !assessment.request) {
    for (const parent of graph.nodes.get(enrolment.name)?.parents ?? []) {
      const above = standing.get(parent.image);
      if (!above || parent.image === enrolment.name) continue;
      const parentDue = above.assessment.due.length > 0;
      if (above.assessment.intent || above.startable) {
        waits = true;
        notes.push({ code: 'waits-for-parent', image: parent.image });
      } else if (parentDue && above.assessment.blockedBy.length === 0 && above.at < now + longestWaitForParent) {
        at = Math.max(at, above.at);
        notes.push({ code: 'waits-for-parent', image: parent.image, until: above.at });
        waits ||= above.at <= now;
      } else if (parentDue) {
        notes.push({ code: 'parent-stuck', image: parent.image });
      }
    }
  }
  const startable = due.length > 0 && blockedBy.length === 0 && !intent && !waits && at <= now;
  return { assessment, notes, at, startable };
}

function decide(
  assessment: Assessment,
  parentNotes: readonly Reason[],
  at: number,
  admission: Reason | 'start' | undefined,
  now: number,
): Decision {
  const { enrolment, due, blockedBy, intent, pins, key, attempt, emergency, record } = assessment;
  const base = {
    image: enrolment.name,
    kind: 'managed' as const,
    due,
    pins,
    ...(key === undefined ? {} : { key, attempt }),
    ...(emergency && due.length > 0 ? { emergency: true as const } : {}),
  };
  const notes = [...assessment.notes, ...parentNotes];
  if (intent) {
    return { ...base, action: 'follow', notes: [{ code: 'running', detail: intent.key }, ...notes] };
  }
  if (due.length === 0) {
    const settled: Reason[] = blockedBy.length === 0 && record?.content ? [{ code: 'up-to-date' }] : [];
    return { ...base, action: blockedBy.length > 0 ? 'blocked' : 'none', notes: [...settled, ...blockedBy, ...notes] };
  }
  if (blockedBy.length > 0) {
    const onlyReport = blockedBy.every(({ code }) => code === 'auto-rebuild-off' || code === 'pull-request-mode');
    const ends = blockedBy.map(({ until }) => until);
    const timed = ends.every((until) => until !== undefined) ? Math.max(at, ...(ends as number[])) : undefined;
    if (timed !== undefined) return { ...base, action: 'wait', at: timed, notes: [...blockedBy, ...notes] };
    return { ...base, action: onlyReport ? 'report' : 'blocked', notes: [...blockedBy, ...notes] };
  }
  if (admission === 'start') return { ...base, action: 'start', notes };
  if (admission) {
    const until = admission.until;
    return { ...base, action: 'wait', ...(until === undefined ? {} : { at: until }), notes: [admission, ...notes] };
  }
  return { ...base, action: 'wait', ...(at > now && Number.isFinite(at) ? { at } : {}), notes };
}
