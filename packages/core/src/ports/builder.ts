import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ProblemCode } from '../problem-codes.ts';
import type { Digest, PlatformName } from '../reference/types.ts';
import type { Dependency, Pin } from '../state/types.ts';
import type { Instant } from '../time.ts';

export interface BuildRequest {
  readonly key: string;
  readonly attempt: number;
  readonly image: ManagedEnrolment;
  /** Approved digests. */
  readonly pins: readonly Pin[];
  /** How the Dockerfile names its bases: builders need the written words as well. */
  readonly dependencies: readonly Dependency[];
  /** Empty: the builder's own platform. */
  readonly platforms: readonly PlatformName[];
  readonly commit: string | undefined;
  readonly reason: string;
}

export interface Run {
  /** The provider's own id. */
  readonly id: string;
  readonly key: string;
  readonly attempt: number;
  readonly url?: string;
  readonly log?: string;
  readonly status: 'running' | 'success' | 'failure' | 'cancelled' | 'superseded';
  /**
   * Of an ended run, where the provider can run it again: names this end of it, and is another one after each time that
   * it was run again. It is the provider's own count or time, to be compared with itself and never with `attempt`.
   */
  readonly tried?: string;
  /** The digest that the run itself says it pushed. */
  readonly digest?: Digest;
  readonly error?: string;
  /** Why it failed, where the provider can tell: an unsupported Dockerfile is no broken build. */
  readonly code?: ProblemCode;
}

export interface BuilderCapabilities {
  /** Does the run claim its key before it builds, so that a doubled start builds once? */
  readonly exactlyOnce: boolean;
  /** The run lives only as long as this process. */
  readonly inProcess: boolean;
}

/** Starts builds and follows them. A create is never retried blindly: look with `find` first. */
export interface Builder {
  readonly provider: string;
  capabilities(): BuilderCapabilities;
  /**
   * Throws FactoryError. CI_REFUSED, CI_DENIED, CI_THROTTLED and CREDENTIALS say that no run was created; after any other
   * it is unknown whether one exists.
   */
  start(request: BuildRequest, signal?: AbortSignal): Promise<Run>;
  /**
   * The run of this key and attempt, if one is known to the provider. `since`: when its intent was written; runs from
   * before it need not be looked through.
   */
  find(
    image: ManagedEnrolment,
    key: string,
    attempt: number,
    signal?: AbortSignal,
    since?: Instant,
  ): Promise<Run | undefined>;
  get(image: ManagedEnrolment, id: string, signal?: AbortSignal): Promise<Run | undefined>;
  cancel(image: ManagedEnrolment, id: string): Promise<void>;
  /**
   * Runs again what failed of an ended run: it keeps its id, and so its key and attempt, and is `running` again. Of a run
   * that goes on, or that has succeeded, it is refused, or nothing happens: asked twice, it builds once. Absent where the
   * provider has no such thing. Throws as `start` does.
   */
  retry?(image: ManagedEnrolment, id: string, signal?: AbortSignal): Promise<void>;
}
