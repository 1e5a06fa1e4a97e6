import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ProblemCode } from '../problem-codes.ts';
import type { Digest, PlatformName } from '../reference/types.ts';
import type { Dependency, Pin } from '../state/types.ts';

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
  /** Throws FactoryError; after a throw it is unknown whether a run exists. */
  start(request: BuildRequest, signal?: AbortSignal): Promise<Run>;
  /** The run of this key and attempt, if one is known to the provider. */
  find(image: ManagedEnrolment, key: string, attempt: number, signal?: AbortSignal): Promise<Run | undefined>;
  get(image: ManagedEnrolment, id: string, signal?: AbortSignal): Promise<Run | undefined>;
  cancel(image: ManagedEnrolment, id: string): Promise<void>;
}
