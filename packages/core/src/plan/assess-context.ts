import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ProvenanceFact } from '../evidence/contained.ts';
import type { ManagedGraph } from '../graph/managed.ts';
import type { Candidate } from '../ledger/candidate.ts';
import { versionsOf } from '../ledger/versions.ts';
import type { BaseRecord, Dependency } from '../state/types.ts';
import type { Duration } from '../time.ts';
import { judgeCandidate, platformsOf } from './bases.ts';
import type { PlanInput } from './types.ts';

/** What the assessments of one plan share. */
export interface AssessContext {
  readonly input: PlanInput;
  readonly graph: ManagedGraph;
  readonly managed: ReadonlyMap<string, ManagedEnrolment>;
  readonly provenance: ReadonlyMap<string, readonly ProvenanceFact[]>;
  /** Per base, then per platforms and delay: a thousand images share a few bases. */
  readonly candidates: Map<string, Map<string, Candidate>>;
}

export function assessContext(
  input: PlanInput,
  graph: ManagedGraph,
  managed: AssessContext['managed'],
): AssessContext {
  const provenance = Map.groupBy(input.facts.provenance, (fact) => fact.image);
  return { input, graph, managed, provenance, candidates: new Map() };
}

/** The candidate of a base for these uses, judged once for all images that use it alike. */
export function sharedCandidate(
  { input, candidates }: AssessContext,
  base: BaseRecord,
  uses: readonly Dependency[],
  delay: Duration,
  ownBuild: boolean,
): Candidate {
  let key = `${delay} ${ownBuild ? 'own' : 'upstream'}`;
  for (const { platform } of uses) key += ` ${platform}`;
  let ofBase = candidates.get(base.name);
  if (!ofBase) candidates.set(base.name, (ofBase = new Map<string, Candidate>()));
  let candidate = ofBase.get(key);
  if (!candidate) {
    candidate = judgeCandidate(input, base, versionsOf(base.ledger, platformsOf(uses)), delay, ownBuild);
    ofBase.set(key, candidate);
  }
  return candidate;
}
