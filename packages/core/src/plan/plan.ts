import type { ManagedEnrolment } from '../enrolment/types.ts';
import { managedGraph } from '../graph/managed.ts';
import { assessContext } from './assess-context.ts';
import { assess } from './assess.ts';
import { externalDecision } from './external.ts';
import { admit, ownLimits } from './limits.ts';
import { afterParents, type Standing } from './parents.ts';
import type { Decision, Plan, PlanInput, Reason } from './types.ts';

/**
 * What would be done now and why, for every image. A pure function of enrolment, state, observed facts and time: the
 * same input gives the same plan to the byte, and `run` does exactly what `plan` prints.
 */
export function planOf(input: PlanInput): Plan {
  const managed = new Map<string, ManagedEnrolment>();
  for (const enrolment of input.images)
    if (enrolment.kind === 'managed') managed.set(enrolment.name, enrolment);
  const graph = managedGraph([...managed.values()], input.state.images, input.state.bases);
  const context = assessContext(input, graph, managed);
  const assessments = graph.order.flatMap((name) => {
    const enrolment = managed.get(name);
    return enrolment ? [assess(enrolment, context)] : [];
  });
  const limitOf = ownLimits(assessments, input);
  const standing = new Map<string, Standing>();
  for (const assessment of assessments) {
    standing.set(assessment.enrolment.name, afterParents(assessment, graph, standing, limitOf, input.now));
  }
  const admitted = admit([...standing.values()], input, graph);

  const decisions = new Map<string, Decision>();
  for (const [name, each] of standing) {
    const admission = admitted.has(name) ? (admitted.get(name) ?? 'start') : each.limit;
    decisions.set(name, decide(each, admission, input.now));
  }
  for (const enrolment of input.images) {
    if (enrolment.kind === 'external') decisions.set(enrolment.name, externalDecision(enrolment, input));
  }
  const names = [...decisions.keys()].toSorted();
  const starts = [...admitted].flatMap(([name, reason]) => (reason === undefined ? [name] : []));
  return {
    at: input.now,
    decisions: names.flatMap((name) => decisions.get(name) ?? []),
    starts,
    cycles: graph.cycles,
  };
}

/** With one of these nobody can say that an image is up to date. */
const openQuestions: ReadonlySet<Reason['code']> = new Set([
  'contains-withdrawn',
  'evidence-unknown',
  'unobserved',
  'needs-source-change',
]);

function decide(standing: Standing, admission: Reason | 'start' | undefined, now: number): Decision {
  const { assessment, at, going } = standing;
  const { enrolment, due, blockedBy, intent, pins, key, attempt, emergency, record } = assessment;
  const base = {
    image: enrolment.name,
    kind: 'managed' as const,
    due,
    pins,
    ...(key === undefined ? {} : { key, attempt }),
    ...(emergency && due.length > 0 ? { emergency: true as const } : {}),
  };
  const notes = [...assessment.notes, ...standing.notes];
  if (intent) {
    return { ...base, action: 'follow', notes: [{ code: 'running', detail: intent.key }, ...notes] };
  }
  if (due.length === 0) {
    const open = notes.some(({ code }) => openQuestions.has(code));
    const settled: Reason[] =
      blockedBy.length === 0 && record?.content && !open ? [{ code: 'up-to-date' }] : [];
    return {
      ...base,
      action: blockedBy.length > 0 ? 'blocked' : 'none',
      notes: [...settled, ...blockedBy, ...notes],
    };
  }
  if (blockedBy.length > 0) {
    // It will be built as soon as its parents are.
    if (going) return { ...base, action: 'wait', notes: [...blockedBy, ...notes] };
    const ends = blockedBy.map(({ until }) => until);
    const timed = ends.every((until) => until !== undefined) ? Math.max(at, ...ends) : undefined;
    if (timed !== undefined) return { ...base, action: 'wait', at: timed, notes: [...blockedBy, ...notes] };
    return {
      ...base,
      action: isOnlyReported(blockedBy) ? 'report' : 'blocked',
      notes: [...blockedBy, ...notes],
    };
  }
  if (admission === 'start') return { ...base, action: 'start', notes };
  if (admission) {
    const until = admission.until;
    return {
      ...base,
      action: 'wait',
      ...(until === undefined ? {} : { at: until }),
      notes: [admission, ...notes],
    };
  }
  return { ...base, action: 'wait', ...(at > now && Number.isFinite(at) ? { at } : {}), notes };
}

/**
 * `autoRebuild: false` starts nothing (brief 4.3.10), so what only keeps builds from starting is in nobody's way: it is
 * named, and the image is reported as ever. What has to be mended first (a failure, a base without a digest) still blocks,
 * and so does whatever else stands against an image whose requests a hold would stop (`mode: pull-request`).
 */
function isOnlyReported(blockedBy: readonly Reason[]): boolean {
  if (blockedBy.every(({ code }) => reportOnly.has(code))) return true;
  const isOff = blockedBy.some(({ code }) => code === 'auto-rebuild-off');
  return isOff && blockedBy.every(({ code }) => reportOnly.has(code) || keepsFromStarting.has(code));
}

const reportOnly: ReadonlySet<Reason['code']> = new Set(['auto-rebuild-off', 'pull-request-mode']);
const keepsFromStarting: ReadonlySet<Reason['code']> = new Set(['held', 'frozen', 'back-off']);
