import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type { ProposalBranches, SourceRequests } from '@image-factory/core/ports/proposals.ts';
import type { Notifiers } from '@image-factory/core/ports/notifier.ts';
import type { CveProver, Verifier } from '@image-factory/core/ports/proofs.ts';
import type { Registry } from '@image-factory/core/ports/registry.ts';
import type { SourceTree } from '@image-factory/core/ports/source.ts';
import type { StateStore } from '@image-factory/core/ports/state-store.ts';
import type { Duration, Instant } from '@image-factory/core/time.ts';

/** Progress and decisions for people; never an answer. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  /** What is going on right now; replaced by the next one. */
  progress(message: string): void;
}

/** When this machine first saw an intent that somebody else wrote, by its own clock; kept between processes. */
export interface Sightings {
  /** Remembers `now` on the first call with an id and answers what it remembers. */
  first(id: string, now: Instant): Instant;
  forget(id: string): void;
}

/** Everything that the engine needs from outside; the command line composes it. */
export interface EngineDeps {
  readonly store: StateStore;
  readonly registry: Registry;
  readonly sources: SourceTree;
  readonly builderFor: (provider: Provider) => Builder | undefined;
  /** Could builds of this provider be started here? Absent: where there is a builder. A rehearsal opens none. */
  readonly startable?: (provider: Provider) => boolean;
  /** Absent: no requests are opened. */
  readonly proposals?: {
    readonly branches: ProposalBranches;
    /** Undefined: this provider knows no requests, or they cannot be opened from here. */
    requestsFor(provider: Provider): SourceRequests | undefined;
  };
  readonly verifier?: Verifier;
  readonly prover?: CveProver;
  /** Absent: nobody is told anything, and the state does not say so. */
  readonly notifiers?: Notifiers;
  readonly clock: Clock;
  readonly log: Log;
  readonly sightings: Sightings;
  /** Names this process in the intents that it writes; no two processes share one. */
  readonly writer: string;
  /**
   * Is the writer known to be gone (a process of this machine that no longer runs)? Then nobody waits for builds that
   * lived in it; a run that it created at a provider may still come to light.
   */
  readonly isDead: (writer: string) => Promise<boolean>;
  /** This process is the server that `kargo.server` names: it follows the runs that it starts, and Jobs do not. */
  readonly isServer?: true;
  /** A run is started only so long after its intent was written; default a minute. Tests show what it is for. */
  readonly startWithin?: Duration;
}
