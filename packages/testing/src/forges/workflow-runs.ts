import type { Digest } from '@image-factory/core/reference/types.ts';
import { second, type Duration, type Instant } from '@image-factory/core/time.ts';
import type { CallBackSetup } from './call-back-post.ts';

/** A run of a ready-made workflow in a fake forge. */
export interface WorkflowRun {
  /** The forge's id. */
  readonly id: string;
  /** Where its workflow lives: `owner/name`, a project's path or id. */
  readonly repo: string;
  /** By the names of RunInputs. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly image: string;
  readonly key: string;
  readonly attempt: number;
  readonly createdAt: Instant;
  /** Lists show it from this time on. */
  readonly visibleAt: Instant;
  /** Counts from 1; a re-run raises it. */
  tries: number;
  state: 'queued' | 'running' | 'ended';
  /** Leaves the queue, claims its key, and builds from then on. */
  startsAt: Instant;
  endsAt: Instant;
  /** False: it has not begun to build, or it found its key claimed and left without building. */
  built: boolean;
  outcome: 'success' | 'failure' | 'cancelled' | 'superseded' | undefined;
  /** What it pushed. */
  digest: Digest | undefined;
}

export interface WorkflowOptions {
  now(): Instant;
  readonly random: () => number;
  /** The claim step: create-only, true if this run now holds the key. Undefined: the workflow has none. */
  readonly claim: ((run: WorkflowRun) => boolean) | undefined;
  /** Called when a build is through: pushes the image. */
  readonly push: (run: WorkflowRun) => Digest;
  readonly outcome?: ((run: WorkflowRun) => 'success' | 'failure') | undefined;
  /** @default 30 s */
  readonly buildTime?: Duration | undefined;
  /** Longest wait for a runner; the shortest is 1 s. @default 5 s */
  readonly queueTime?: Duration | undefined;
  /** Lists show a run after this at the latest. @default 0 */
  readonly visibilityDelay?: Duration | undefined;
  /** How long a create stands in a queue on its way before anything of it exists. @default none does */
  readonly lateness?: (() => Duration) | undefined;
  /** Tells by itself what happens to its runs. @default it has to be asked */
  readonly callBacks?: CallBackSetup | undefined;
}

export type RunChange = 'created' | 'begun' | 'ended';

const claimTime = 3 * second;

/** Runs the factory's workflow, in small: claim, build, push, say the digest. One run for every create. */
export class WorkflowRuns {
  readonly runs: WorkflowRun[] = [];
  readonly #options: WorkflowOptions;
  readonly #tell: (run: WorkflowRun, change: RunChange, at: Instant) => void;

  constructor(
    options: WorkflowOptions,
    tell: (run: WorkflowRun, change: RunChange, at: Instant) => void = () => undefined,
  ) {
    this.#options = options;
    this.#tell = tell;
  }

  create(id: string, repo: string, inputs: Readonly<Record<string, string>>): WorkflowRun {
    const { now, random, visibilityDelay = 0, lateness } = this.#options;
    const createdAt = now() + (lateness?.() ?? 0);
    const run: WorkflowRun = {
      id,
      repo,
      inputs,
      image: inputs['factory_image'] ?? '',
      key: inputs['factory_key'] ?? '',
      attempt: Number(inputs['factory_attempt'] ?? 1),
      createdAt,
      visibleAt: createdAt + random() * visibilityDelay,
      tries: 1,
      state: 'queued',
      startsAt: this.#startAfter(createdAt),
      endsAt: Number.POSITIVE_INFINITY,
      built: false,
      outcome: undefined,
      digest: undefined,
    };
    this.runs.push(run);
    this.#tell(run, 'created', createdAt);
    return run;
  }

  /** What was to happen until now happens, in the order of its times. */
  catchUp(): void {
    const now = this.#options.now();
    for (;;) {
      const next = this.runs
        .filter((run) => run.state !== 'ended' && dueAt(run) <= now)
        .reduce<WorkflowRun | undefined>(
          (first, run) => (first && dueAt(first) <= dueAt(run) ? first : run),
          undefined,
        );
      if (!next) break;
      if (next.state === 'queued') this.#begin(next);
      else this.#end(next);
    }
    this.#options.callBacks?.post.deliver();
  }

  cancel(run: WorkflowRun): boolean {
    this.catchUp();
    if (run.state === 'ended') return false;
    run.state = 'ended';
    run.outcome = 'cancelled';
    run.endsAt = this.#options.now();
    this.#tell(run, 'ended', run.endsAt);
    return true;
  }

  /** Runs what failed of it again, under the same id. */
  rerun(run: WorkflowRun): boolean {
    this.catchUp();
    if (run.state !== 'ended') return false;
    run.tries += 1;
    run.state = 'queued';
    run.outcome = undefined;
    run.startsAt = this.#startAfter(this.#options.now());
    run.endsAt = Number.POSITIVE_INFINITY;
    return true;
  }

  #startAfter(at: Instant): Instant {
    const { random, queueTime = 5 * second } = this.#options;
    return at + second + Math.round(random() * queueTime);
  }

  #begin(run: WorkflowRun): void {
    const { claim, buildTime = 30 * second } = this.#options;
    run.state = 'running';
    // A claim that this run already holds is still its own when it is run again.
    if (!claim || claim(run)) {
      run.built = true;
      run.endsAt = run.startsAt + buildTime;
    } else {
      run.outcome = 'superseded';
      run.endsAt = run.startsAt + claimTime;
    }
    this.#tell(run, 'begun', run.startsAt);
  }

  #end(run: WorkflowRun): void {
    run.state = 'ended';
    if (run.outcome !== 'superseded') run.outcome = this.#options.outcome?.(run) ?? 'success';
    if (run.outcome === 'success') run.digest = this.#options.push(run);
    this.#tell(run, 'ended', run.endsAt);
  }
}

function dueAt(run: WorkflowRun): Instant {
  return run.state === 'queued' ? run.startsAt : run.endsAt;
}

/** Attempts of a key that more than one run built, whatever came of them. */
export function doubledBuilds(runs: readonly WorkflowRun[]): string[] {
  const counts = new Map<string, number>();
  for (const { built, image, key, attempt } of runs) {
    const id = `${image} ${key}/${attempt}`;
    if (built) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([id]) => id);
}

/** Keys that more than one run built to the end. */
export function doubledKeys(runs: readonly WorkflowRun[]): string[] {
  const counts = new Map<string, number>();
  for (const { digest, state, built, outcome, image, key } of runs) {
    const counted = digest !== undefined || (built && state === 'running' && outcome === undefined);
    if (counted) counts.set(`${image} ${key}`, (counts.get(`${image} ${key}`) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([id]) => id);
}
