import type { Enrolment, Settings } from '../enrolment/types.ts';
import type { ProvenanceFact } from '../evidence/contained.ts';
import type { CveProof } from '../ports/proofs.ts';
import type { Digest } from '../reference/types.ts';
import type { FactoryState, Pin } from '../state/types.ts';
import type { Instant } from '../time.ts';

/** A person's wish to rebuild an image now. */
export interface RebuildRequest {
  /** Makes the build key new. */
  readonly id: string;
  readonly reason: string;
  readonly by: string;
  /** Use the newest settled digests although their delay is not over. */
  readonly skipDelay: boolean;
  /** Build on exactly these, whatever the plan would take: a person goes back to an earlier build. */
  readonly pins?: readonly Pin[];
}

/** What was found out in this cycle and is not kept in state. All of it may be empty. */
export interface Facts {
  /** Per image: identifies the Dockerfile and its context, and the commit that they were read at. */
  readonly sources: ReadonlyMap<string, { readonly revision: string; readonly commit: string | undefined }>;
  /** `base@digest` that the registry was asked for and no longer serves. */
  readonly gone: ReadonlySet<string>;
  readonly proofs: ReadonlyMap<string, readonly CveProof[]>;
  readonly provenance: readonly ProvenanceFact[];
  readonly requests: ReadonlyMap<string, RebuildRequest>;
  /** What keeps an image from starting in this cycle, found out by the engine; it takes no place of the limits. */
  readonly notNow?: ReadonlyMap<string, Reason>;
  /** Rebuilds that this cycle has started already. */
  readonly started?: number;
}

export interface PlanInput {
  readonly settings: Settings;
  readonly images: readonly Enrolment[];
  readonly state: FactoryState;
  readonly facts: Facts;
  readonly now: Instant;
}

export type ReasonCode =
  // why something is to be done
  | 'never-built'
  | 'newer-base'
  | 'evidence-unknown'
  | 'contains-withdrawn'
  | 'emergency-cve'
  | 'requested'
  // what is noted about a base
  | 'up-to-date'
  | 'baseline'
  | 'not-matured'
  | 'not-settled'
  | 'platform-missing'
  | 'not-described'
  | 'busy-tag'
  | 'ahead-of-gate'
  | 'evidence-conflict'
  | 'not-provable'
  | 'pinned-in-source'
  | 'unwatchable'
  | 'needs-source-change'
  | 'withdrawn'
  | 'refused'
  | 'held-digest'
  | 'gone'
  | 'short-lived'
  | 'equal-content'
  | 'unobserved'
  | 'syntax-image'
  | 'ignored-stage'
  | 'retagged'
  | 'publishers-word'
  | 'approved'
  // why not now
  | 'waits-for-slot'
  | 'waits-for-digest'
  | 'coordination-window'
  | 'waits-for-parent'
  | 'parent-stuck'
  | 'parent-unobserved'
  | 'running'
  | 'run-overdue'
  | 'held'
  | 'frozen'
  | 'back-off'
  | 'stopped-after-failures'
  | 'base-drift'
  | 'auto-rebuild-off'
  | 'pull-request-mode'
  | 'on-cycle'
  | 'discovery-failed'
  | 'discovery-pending'
  | 'concurrency-limit'
  | 'provider-limit'
  | 'cycle-limit'
  | 'daily-limit'
  | 'unknown-evidence-limit'
  | 'waits-for-canaries'
  | 'wave-halted'
  | 'registry-silent'
  | 'no-builder'
  | 'already-built'
  // of requests to the source
  | 'request-open'
  | 'request-declined';

/** A reason is a value: machine-readable, with what it compares and when it will change. */
export interface Reason {
  readonly code: ReasonCode;
  readonly base?: string;
  /** The image that this is about, where it is another one: a parent, a member of a cycle. */
  readonly image?: string;
  readonly from?: Digest;
  readonly to?: Digest;
  /** When this reason ends, where that is known. */
  readonly until?: Instant;
  readonly detail?: string;
}

/**
 * start: a rebuild starts now. wait: it is due and will start. none: nothing is due. follow: a run is open.
 * blocked: it is due, and a person, a limit of time unknown or a failure is in the way. report: it is due and only reported.
 */
export type Action = 'start' | 'wait' | 'none' | 'follow' | 'blocked' | 'report';

export interface Decision {
  readonly image: string;
  readonly kind: 'managed' | 'external';
  readonly action: Action;
  /** When it will start, for `wait`, where it is known. */
  readonly at?: Instant;
  readonly emergency?: true;
  /** Why it is due: the first is the one that is recorded. Empty where nothing is due. */
  readonly due: readonly Reason[];
  /** What else is to be known, among it why nothing starts. */
  readonly notes: readonly Reason[];
  /** What a build would use. */
  readonly pins: readonly Pin[];
  readonly key?: string;
  readonly attempt?: number;
  /** External images: what is approved beside what is newest. */
  readonly approved?: { readonly tag: string; readonly digest: Digest };
  readonly newest?: { readonly tag: string; readonly digest: Digest };
}

export interface Plan {
  readonly at: Instant;
  /** By name. */
  readonly decisions: readonly Decision[];
  /** Names in the order in which they start. */
  readonly starts: readonly string[];
  /** Cycles among managed images, parent to child. */
  readonly cycles: readonly (readonly string[])[];
}
