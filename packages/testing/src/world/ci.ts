import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest, Run } from '@image-factory/core/ports/builder.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { minute, second, type Duration, type Instant } from '@image-factory/core/time.ts';
import type { SimulatedProcess } from './scheduler.ts';
import type { WorldOptions } from './options.ts';

/** A run of the simulated CI. */
export interface SimulatedRun {
  readonly id: string;
  readonly image: string;
  readonly key: string;
  readonly attempt: number;
  readonly request: BuildRequest;
  readonly owner: SimulatedProcess;
  readonly startedAt: Instant;
  /** Look-ups find it from this time on. */
  readonly visibleAt: Instant;
  endsAt: Instant;
  /** Counts from 1; a re-run raises it. */
  tries: number;
  /** False: it found its key claimed and left without building. */
  built: boolean;
  /** What it pushed when its time was over. */
  digest: Digest | undefined;
  ended: boolean;
  cancelled: boolean;
  /** The process that it lived in is gone. */
  interrupted: boolean;
  hidden: boolean;
}

/** A create call gives up after this; nothing of it can happen later. */
const callTimeout = minute;

/** What a CI needs of the world around it. */
export interface Surroundings {
  readonly now: Instant;
  readonly options: WorldOptions;
  /** A point at which the process may be stopped. */
  at(process: SimulatedProcess, label: string): Promise<void>;
  pushBuilt(run: SimulatedRun): Digest;
}

/** A CI that starts a new run for every create that it accepts: nothing in it removes duplicates for the engine. */
export class SimulatedCi {
  readonly runs: SimulatedRun[] = [];
  /** Re-runs that it began. */
  readonly retries: { readonly id: string; readonly at: Instant }[] = [];
  readonly #world: Surroundings;
  readonly #claims = new Set<string>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** What has run long enough pushes its image. */
  catchUp(): void {
    const { now, options } = this.#world;
    for (const run of this.runs) {
      if (run.ended) continue;
      const goneAt = options.inProcess ? run.owner.goneAt : undefined;
      if (goneAt !== undefined && goneAt < run.endsAt) {
        run.ended = run.interrupted = true;
        run.built = false;
        continue;
      }
      if (run.endsAt > now) continue;
      run.ended = true;
      if (run.built && options.outcome?.(run.request, run.tries) !== 'failure')
        run.digest = this.#world.pushBuilt(run);
    }
  }

  /** Somebody cancels a run. */
  cancel(id: string): void {
    this.catchUp();
    const run = this.#run(id);
    if (run.ended) return;
    run.ended = run.cancelled = true;
    run.built = false;
  }

  /** From now on nobody is told of it, whether it was deleted or may not be seen any more. */
  hide(id: string): void {
    this.#run(id).hidden = true;
  }

  #run(id: string): SimulatedRun {
    const run = this.runs.find((known) => known.id === id);
    if (!run) throw new Error(`no run ${id}`);
    return run;
  }

  builder(process: SimulatedProcess): Builder {
    const { options } = this.#world;
    const at = (label: string): Promise<void> => this.#world.at(process, label);
    return {
      provider: options.inProcess ? 'local' : 'github',
      capabilities: () => ({ exactlyOnce: options.claims ?? false, inProcess: options.inProcess ?? false }),
      start: async (request) => {
        const calledAt = this.#world.now;
        await at(`start ${request.image.name}`);
        if (this.#world.now - calledAt > callTimeout) throw unanswered();
        const run = this.#create(request, process);
        await at(`started ${request.image.name}`);
        if (options.random() < (options.lostAnswers ?? 0)) throw unanswered();
        return this.#told(run);
      },
      find: async (_image, key, attempt) => {
        await at('find run');
        if (options.blindLookUps) return undefined;
        const found = this.runs.filter(
          (run) =>
            run.key === key && run.attempt === attempt && run.visibleAt <= this.#world.now && !run.hidden,
        );
        const run = found.findLast(({ built }) => built) ?? found.at(-1);
        return run && this.#told(run);
      },
      get: async (_image, id) => {
        await at('get run');
        const run = this.runs.find((known) => known.id === id && !known.hidden);
        return run && this.#told(run);
      },
      ...(options.inProcess ? {} : { retry: (_image, id) => this.#retry(id, at) }),
      cancel: async (_image: ManagedEnrolment, id) => {
        await at('cancel run');
        if (!options.ignoresCancel) this.cancel(id);
      },
    };
  }

  /** Runs what failed again, under the same id. */
  async #retry(id: string, at: (label: string) => Promise<void>): Promise<void> {
    const { options } = this.#world;
    const calledAt = this.#world.now;
    await at('retry run');
    if (this.#world.now - calledAt > callTimeout) throw unanswered();
    this.catchUp();
    const run = this.#run(id);
    if (!run.ended || run.digest) throw refused(id);
    run.tries += 1;
    run.ended = run.cancelled = false;
    run.built = true;
    run.endsAt = this.#world.now + buildTime(run.request, options.buildTime);
    this.retries.push({ id, at: this.#world.now });
    await at('run retried');
    if (options.random() < (options.lostAnswers ?? 0)) throw unanswered();
  }

  #create(request: BuildRequest, owner: SimulatedProcess): SimulatedRun {
    const { now, options } = this.#world;
    const claim = `${request.image.name}/${request.key}/${request.attempt}`;
    const first = !this.#claims.has(claim);
    this.#claims.add(claim);
    const built = first || !options.claims;
    const run: SimulatedRun = {
      id: `run-${this.runs.length + 1}`,
      image: request.image.name,
      key: request.key,
      attempt: request.attempt,
      request,
      owner,
      startedAt: now,
      visibleAt: now + options.random() * (options.visibilityDelay ?? 0),
      endsAt: now + (built ? buildTime(request, options.buildTime) : 5 * second),
      tries: 1,
      built,
      digest: undefined,
      ended: false,
      cancelled: false,
      interrupted: false,
      hidden: false,
    };
    this.runs.push(run);
    return run;
  }

  #told(run: SimulatedRun): Run {
    const { options } = this.#world;
    this.catchUp();
    const { id, key, attempt } = run;
    if (!run.ended) return { id, key, attempt, status: 'running' };
    const ended = { id, key, attempt, tried: String(run.tries) };
    if (run.interrupted) return { ...ended, status: 'failure', error: 'interrupted' };
    if (run.cancelled) return { ...ended, status: 'cancelled' };
    if (!run.built) return { ...ended, status: 'superseded' };
    if (!run.digest) return { ...ended, status: 'failure', error: 'it broke' };
    return { ...ended, status: 'success', ...(options.silentRuns ? {} : { digest: run.digest }) };
  }
}

function buildTime(request: BuildRequest, time: WorldOptions['buildTime'] = 30 * second): Duration {
  return typeof time === 'number' ? time : time(request);
}

function refused(id: string): FactoryError {
  return new FactoryError({
    code: 'CI_REFUSED',
    message: `run ${id} cannot be retried`,
    hint: 'Look at it.',
  });
}

function unanswered(): FactoryError {
  return new FactoryError({
    code: 'BUILD_TIMEOUT',
    message: 'the call took too long',
    hint: 'Look for the run.',
  });
}
