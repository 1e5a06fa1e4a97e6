import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Duration } from '@image-factory/core/time.ts';

/** How the simulated outside behaves. */
export interface WorldOptions {
  readonly random: () => number;
  /** The run's first step claims its key and attempt; who loses builds nothing. */
  readonly claims?: boolean;
  /** Runs live in the process that started them and end with it. */
  readonly inProcess?: boolean;
  /** Look-ups for runs find nothing: to show that they are needed. */
  readonly blindLookUps?: boolean;
  /** Intents are not kept beyond the life of the process: to show that they are needed. */
  readonly forgetIntents?: boolean;
  /** A commit is written over whatever others wrote since: to show that its condition is needed. */
  readonly blindCommits?: boolean;
  /** Look-ups find a run after this at the latest. */
  readonly visibilityDelay?: Duration;
  readonly buildTime?: Duration | ((request: BuildRequest) => Duration);
  /** How a build ends. */
  readonly outcome?: (request: BuildRequest, tries: number) => 'success' | 'failure';
  /** Nobody can cancel a run. */
  readonly ignoresCancel?: boolean;
  /** Chance that the answer to a create call is lost although the run exists. */
  readonly lostAnswers?: number;
  /** Runs do not say which digest they pushed. */
  readonly silentRuns?: boolean;
  /** Chance that a push of the state is refused because somebody else was faster. */
  readonly refusals?: number;
  /** Tags are asked at most once in this time; default 0. */
  readonly minInterval?: (tag: string) => Duration;
  /** Every process has a look memory of its own, which dies with it; otherwise all share that of their machine. */
  readonly ownLooks?: boolean;
}
