import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Plan, PlanInput, RebuildRequest } from '@image-factory/core/plan/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { Rebuild } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { EngineDeps } from './deps.ts';
import type { Records } from './records.ts';

/** What the steps of one cycle share. */
export interface CycleRun {
  readonly deps: EngineDeps;
  readonly records: Records;
  readonly managed: ReadonlyMap<string, ManagedEnrolment>;
  readonly input: Omit<PlanInput, 'state' | 'now'>;
  readonly requests: Map<string, RebuildRequest>;
  readonly problems: Problem[];
  readonly started: string[];
  readonly ended: { readonly image: string; readonly rebuild: Rebuild }[];
  /** `base@digest` that the registry says it no longer serves. */
  readonly gone: Set<string>;
  /** `base@digest` whose registry could not be asked: not built with in this cycle. */
  readonly unasked: Set<string>;
  readonly servedAt: Set<string>;
  readonly dry: boolean;
  readonly follow: boolean;
  readonly startOnly: ReadonlySet<string> | undefined;
  readonly signal: AbortSignal | undefined;
  now: Instant;
  plan: Plan | undefined;
  /** Now, by the registries' clocks. */
  time(): Instant;
  missingBuilder(enrolment: ManagedEnrolment): void;
}
