import type { Enrolment, ManagedEnrolment, Provider, Settings } from '@image-factory/core/enrolment/types.ts';
import type { Facts, Reason, RebuildRequest } from '@image-factory/core/plan/types.ts';
import type { CveProof } from '@image-factory/core/ports/proofs.ts';
import type { Problem, Subject } from '@image-factory/core/problem.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import type { Rebuild } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { EngineDeps } from './deps.ts';
import type { Records } from './records.ts';

/** What the steps of one cycle share. */
export interface CycleRun {
  readonly deps: EngineDeps;
  readonly records: Records;
  readonly settings: Settings;
  /** Images that are looked at, planned and started in this cycle. */
  readonly images: readonly Enrolment[];
  readonly managed: ReadonlyMap<string, ManagedEnrolment>;
  /** Every managed image of the configuration: their open runs are followed in any case. */
  readonly enrolled: ReadonlyMap<string, ManagedEnrolment>;
  readonly sources: Facts['sources'];
  readonly proofs: Map<string, readonly CveProof[]>;
  readonly requests: Map<string, RebuildRequest>;
  readonly problems: Problem[];
  readonly started: string[];
  readonly ended: { readonly image: string; readonly rebuild: Rebuild }[];
  /** `base@digest` whose registry was asked in this cycle whether it still serves it. */
  readonly asked: Set<string>;
  /** Those that it no longer serves... */
  readonly gone: Set<string>;
  /** ...and those whose registry could not be asked: nothing is built with them in this cycle. */
  readonly silent: Set<string>;
  /** What keeps images from starting in this cycle. */
  readonly notNow: Map<string, Reason>;
  /** Providers that asked to be left alone: nothing more is started there in this cycle. */
  readonly throttled: Set<Provider>;
  readonly dry: boolean;
  readonly follow: boolean;
  readonly startOnly: ReadonlySet<string> | undefined;
  readonly signal: AbortSignal | undefined;
  now: Instant;
  /** Now, by the registries' clocks. */
  time(): Instant;
}

export function isStopped(run: Pick<CycleRun, 'signal'>): boolean {
  return run.signal?.aborted === true;
}

/** Notes what went wrong; what only ended because a stop was asked for did not go wrong. */
export function noteProblem(
  run: Pick<CycleRun, 'signal' | 'problems'>,
  thrown: unknown,
  subject?: Subject,
): void {
  if (!isStopped(run)) run.problems.push(problemOf(thrown, subject));
}
