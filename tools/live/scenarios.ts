import { createHash } from 'node:crypto';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, Run } from '@image-factory/core/ports/builder.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import { minute, second, type Duration } from '@image-factory/core/time.ts';
import { dependency } from '@image-factory/testing/records.ts';
import { acts } from './workflows.ts';

/** What scenarios act on. */
export interface Stage {
  readonly builder: Builder;
  /** The same with a token that the server does not know. */
  readonly stranger: Builder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long a run may take until it is seen, or has ended. */
  readonly patience: Duration;
  /** Branch, and the beginning of every key. */
  readonly name: string;
  /** An image of this name, built on this branch. */
  image(name: string, branch: string): ManagedEnrolment;
  /** Every start that was asked for, with the run where the answer named one. */
  readonly asked: {
    readonly image: ManagedEnrolment;
    readonly key: string;
    readonly attempt: number;
    id: string | undefined;
  }[];
}

/** Thrown where a server has no such thing: neither passed nor failed. */
export class Skipped extends Error {}

export interface Scenario {
  readonly name: string;
  readonly play: (stage: Stage) => Promise<void>;
}

const pause = 5 * second;

/** The scenarios of the builder contract that a real service can be brought to. They start six runs. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'starts a run, finds it by key and attempt, follows it and reads its digest',
    async play(stage) {
      const image = stage.image(acts.build, stage.name);
      const key = `${stage.name}-digest`;
      const started = await start(stage, image, key);
      equal('status after the start', started.status, 'running');
      equal('run by key and attempt', (await seen(stage, image, key)).id, started.id);
      for (const [otherKey, attempt] of [
        [key, 2],
        [key, 11],
        [`${key}-2`, 1],
      ] as const)
        equal(
          `run of ${otherKey}/${attempt}`,
          (await stage.builder.find(image, otherKey, attempt, stage.signal))?.id,
          undefined,
        );
      const run = await ended(stage, image, started.id);
      equal('status at the end', run.status, 'success');
      equal('key/attempt of the run', `${run.key}/${run.attempt}`, `${key}/1`);
      equal('digest', run.digest, digestOf(key));
    },
  },
  {
    name: 'tells attempts of one key apart',
    async play(stage) {
      const image = stage.image(acts.build, stage.name);
      const key = `${stage.name}-attempts`;
      const second = await start(stage, image, key, 2);
      equal('run of attempt 2', (await seen(stage, image, key, 2)).id, second.id);
      equal('run of attempt 1', (await stage.builder.find(image, key, 1, stage.signal))?.id, undefined);
      equal('status at the end', (await ended(stage, image, second.id)).status, 'success');
    },
  },
  {
    name: 'tells a failure, with what to look at',
    async play(stage) {
      const image = stage.image(acts.fail, stage.name);
      const { id } = await start(stage, image, `${stage.name}-failure`);
      const run = await ended(stage, image, id);
      equal('status at the end', run.status, 'failure');
      equal('it says what failed', /\w/.test(run.error ?? ''), true);
      equal('it links a log', /^https?:\/\//.test(run.log ?? run.url ?? ''), true);
      equal('digest', run.digest, undefined);
    },
  },
  {
    name: 'of two starts with one key one builds, and the other leaves',
    async play(stage) {
      const image = stage.image(acts.build, stage.name);
      const key = `${stage.name}-doubled`;
      const one = await start(stage, image, key);
      const two = await start(stage, image, key);
      const ends = [await ended(stage, image, one.id), await ended(stage, image, two.id)];
      // A server that names no run in its answer shows the same one twice.
      if (one.id !== two.id)
        equal(
          'statuses',
          ends
            .map(({ status }) => status)
            .toSorted()
            .join(', '),
          'success, superseded',
        );
      const found = await stage.builder.find(image, key, 1, stage.signal);
      equal('status of what is found', found?.status, 'success');
      equal('digest of what is found', found?.digest, digestOf(key));
    },
  },
  {
    name: 'cancels a run',
    async play(stage) {
      const image = stage.image(acts.slow, stage.name);
      const { id } = await start(stage, image, `${stage.name}-cancelled`);
      await stage.clock.sleep(2 * pause, stage.signal);
      try {
        await stage.builder.cancel(image, id);
      } catch (thrown) {
        const { message } = problemOf(thrown);
        throw message.includes('no way to cancel') ? new Skipped(message) : thrown;
      }
      const { status } = await ended(stage, image, id);
      equal('it was stopped', status === 'cancelled' || status === 'failure' ? 'stopped' : status, 'stopped');
    },
  },
  {
    name: 'says that a start is refused, and nothing was made',
    async play(stage) {
      const image = stage.image(acts.build, `${stage.name}-gone`);
      const key = `${stage.name}-refused`;
      const code = await codeOf(start(stage, image, key));
      // Some servers do not tell a branch that is not there from one that may not be seen.
      equal('code', code === 'CI_DENIED' ? 'CI_REFUSED' : code, 'CI_REFUSED');
      await stage.clock.sleep(pause, stage.signal);
      const there = stage.image(acts.build, stage.name);
      equal('run', (await stage.builder.find(there, key, 1, stage.signal))?.id, undefined);
    },
  },
  {
    name: 'says that a token is not taken',
    async play(stage) {
      const image = stage.image(acts.build, stage.name);
      equal('code', await codeOf(stage.stranger.find(image, `${stage.name}-denied`, 1)), 'CI_DENIED');
    },
  },
];

/** As the workflow makes it up. */
function digestOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

async function start(stage: Stage, image: ManagedEnrolment, key: string, attempt = 1): Promise<Run> {
  stage.signal.throwIfAborted();
  const digest = digestOf('base') as NonNullable<Run['digest']>;
  const asked: Stage['asked'][number] = { image, key, attempt, id: undefined };
  stage.asked.push(asked);
  const run = await stage.builder.start({
    key,
    attempt,
    image,
    pins: [{ base: 'node-22', reference: 'docker.io/library/node:22', digest }],
    dependencies: [dependency()],
    platforms: [],
    commit: undefined,
    reason: 'live-test',
  });
  asked.id = run.id;
  return run;
}

async function patiently<T>(
  { clock, patience, signal }: Stage,
  what: string,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const until = clock.monotonic() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (clock.monotonic() > until) throw new Error(`${what} after ${Math.round(patience / minute)} minutes`);
    await clock.sleep(pause, signal);
  }
}

function seen(stage: Stage, image: ManagedEnrolment, key: string, attempt = 1): Promise<Run> {
  return patiently(stage, `no run of ${key}/${attempt} is to be seen`, () =>
    stage.builder.find(image, key, attempt, stage.signal),
  );
}

export function ended(stage: Stage, image: ManagedEnrolment, id: string): Promise<Run> {
  return patiently(stage, `run ${id} has not ended (is there a runner?)`, async () => {
    const run = await stage.builder.get(image, id, stage.signal);
    return run?.status === 'running' ? undefined : run;
  });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (thrown: unknown) => problemOf(thrown).code,
  );
}

function equal(what: string, got: unknown, expected: unknown): void {
  if (got !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(got)}`);
}
