import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, BuildRequest, Run } from '@image-factory/core/ports/builder.ts';
import { FactoryError, problemOf } from '@image-factory/core/problem.ts';
import { day, minute } from '@image-factory/core/time.ts';
import { chooseTool } from './choose-tool.ts';
import { executeRun } from './execute-run.ts';
import type { LocalBuilderOptions } from './local-builder-options.ts';
import { endOrphans, isAlive, ownIdentity } from './process-identity.ts';
import { findPushed } from './pushed.ts';
import { openRunRecords, type RunRecord } from './run-records.ts';
import { createSlots } from './slots.ts';

export interface LocalBuilder extends Builder {
  /** What it builds with. */
  readonly tool: { readonly name: string; readonly version: string };
  /** Resolves with the run once it has ended, if it runs in this process; else with what is known of it now. */
  settled(image: ManagedEnrolment, id: string): Promise<Run | undefined>;
  /** Cancels what runs in this process and waits for its end. */
  close(): Promise<void>;
}

/** Records and logs of runs are kept so long after their end. */
const keptFor = 30 * day;
/** Every so many milliseconds a run shows that it lives, and looks whether another process wants it cancelled. */
const heartbeat = 2000;
/** A run of another host that shows no life for so long is dead. */
const silence = 2 * minute;

class Cancelled extends Error {}

/** Runs of this process, of all its builders: a record that names this process and is not here was left behind. */
const runsHere = new Map<string, number>();

/** Counted, and before the claim: between its file and its start a run must not look left behind. */
function hold(run: string): () => void {
  runsHere.set(run, (runsHere.get(run) ?? 0) + 1);
  return () => {
    const left = (runsHere.get(run) ?? 1) - 1;
    if (left === 0) runsHere.delete(run);
    else runsHere.set(run, left);
  };
}

/**
 * `provider: local`: builds with a tool of this machine, as children of this process. Throws BUILDER_MISSING when there is
 * no such tool. A failed build is a run with status `failure`; `start` throws only where the claim could not be written.
 */
export async function createLocalBuilder(options: LocalBuilderOptions): Promise<LocalBuilder> {
  const records = openRunRecords(join(options.workDir, 'runs'));
  const own = await ownIdentity();
  const slots = createSlots(options.concurrency);
  const active = new Map<string, { readonly abort: AbortController; readonly ended: Promise<Run> }>();
  const tool = await chooseTool(options, async () => {
    const running = (await records.all()).filter(
      (record) => record.run.status === 'running' && !active.has(record.run.id),
    );
    const alive = await Promise.all(running.map((record) => ownerLives(record)));
    return !alive.includes(true);
  });
  await records.prune(options.clock.now() - keptFor);

  async function ownerLives(record: RunRecord): Promise<boolean> {
    if (
      record.owner.pid === own.pid &&
      record.owner.started === own.started &&
      record.owner.host === own.host
    ) {
      return runsHere.has(join(options.workDir, record.run.id));
    }
    const alive = await isAlive(record.owner);
    return alive ?? Date.now() - (await records.lastTouched(record.run.id)) < silence;
  }

  /**
   * What a dead process left: a success if its push is complete in the registry, else cancelled. Nothing is wrong with an
   * image whose builder was switched off, so that neither its back-off nor a wave may count it as a failure.
   */
  async function recover(record: RunRecord, signal?: AbortSignal): Promise<Run> {
    await endOrphans(record.run.id);
    const { key, attempt } = record.run;
    const digest = await findPushed(options.registry, record.targets, key, attempt, signal);
    const ended: Run = digest
      ? { ...record.run, status: 'success', digest }
      : {
          ...record.run,
          status: 'cancelled',
          error: 'interrupted: the process that ran the build ended before it',
        };
    return (await records.end({ ...record, run: ended, endedAt: options.clock.now() })).run;
  }

  async function current(record: RunRecord, signal?: AbortSignal): Promise<Run> {
    if (record.run.status !== 'running' || (await ownerLives(record))) return record.run;
    return recover(record, signal);
  }

  function launch(request: BuildRequest, record: RunRecord, letGo: () => void): void {
    const abort = new AbortController();
    const watch = setInterval(() => {
      void records.touch(record.run.id);
      void records
        .cancelRequested(record.run.id)
        .then((wanted) => wanted && abort.abort(new Cancelled('cancelled')));
    }, heartbeat);
    const ended = (async () => {
      let run: Run;
      try {
        const release = await slots.take(abort.signal);
        try {
          const digest = await executeRun({ options, tool, request, record, signal: abort.signal });
          run = { ...record.run, status: 'success', digest };
        } finally {
          release();
        }
      } catch (error) {
        run = failed(record.run, error);
      }
      clearInterval(watch);
      return (await records.end({ ...record, run, endedAt: options.clock.now() })).run;
    })();
    active.set(record.run.id, { abort, ended });
    void ended
      .catch(() => undefined)
      .finally(() => {
        active.delete(record.run.id);
        letGo();
      });
  }

  async function ofImage(image: ManagedEnrolment, id: string): Promise<RunRecord | undefined> {
    const record = await records.read(id);
    return record?.image === image.name ? record : undefined;
  }

  return {
    provider: 'local',
    tool: { name: tool.name, version: tool.version },
    capabilities: () => ({ exactlyOnce: true, inProcess: true }),
    async start(request, signal) {
      signal?.throwIfAborted();
      const id = runId(request.image.name, request.key, request.attempt);
      const log = join(options.logDir, `${id}.log`);
      const run: Run = { id, key: request.key, attempt: request.attempt, log, status: 'running' };
      const record: RunRecord = {
        version: 1,
        image: request.image.name,
        run,
        owner: own,
        startedAt: options.clock.now(),
        targets: targetsOf(request.image),
      };
      const letGo = hold(join(options.workDir, id));
      let existing: RunRecord | undefined;
      try {
        existing = await records.claim(record);
        if (!existing) launch(request, record, letGo);
      } catch (error) {
        letGo();
        throw error;
      }
      if (!existing) return run;
      letGo();
      return current(existing, signal);
    },
    async find(image, key, attempt, signal) {
      const id = runId(image.name, key, attempt);
      const record = await ofImage(image, id);
      if (record) return current(record, signal);
      // The records may be lost with their disk; what was pushed is not.
      const digest = await findPushed(options.registry, targetsOf(image), key, attempt, signal);
      return digest && { id, key, attempt, status: 'success', digest };
    },
    async get(image, id, signal) {
      const record = await ofImage(image, id);
      return record && current(record, signal);
    },
    async cancel(image, id) {
      const record = await ofImage(image, id);
      if (!record || record.run.status !== 'running') return;
      const running = active.get(id);
      if (running) {
        running.abort.abort(new Cancelled('cancelled'));
        await running.ended;
        return;
      }
      if (await ownerLives(record)) await records.requestCancel(id);
      else await recover(record);
    },
    async settled(image, id) {
      const running = active.get(id);
      if (running) return running.ended;
      const record = await ofImage(image, id);
      return record && current(record);
    },
    async close() {
      for (const { abort } of active.values()) abort.abort(new Cancelled('the factory was stopped'));
      await Promise.allSettled([...active.values()].map(({ ended }) => ended));
    },
  };
}

function failed(run: Run, error: unknown): Run {
  if (error instanceof Cancelled) return { ...run, status: 'cancelled', error: error.message };
  const problem = problemOf(error);
  const place = problem.place ? `${problem.place.file}:${problem.place.line ?? 1}: ` : '';
  const hint = error instanceof FactoryError && problem.code !== 'BUILD_FAILED' ? `\n${problem.hint}` : '';
  return { ...run, status: 'failure', code: problem.code, error: `${place}${problem.message}${hint}` };
}

/** One name per image, key and attempt; readable where the key allows it. */
function runId(image: string, key: string, attempt: number): string {
  const plain = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$/.test(key)
    ? key
    : createHash('sha256').update(key).digest('hex');
  return `${image}-${plain}-${attempt}`;
}

function targetsOf(image: ManagedEnrolment): readonly string[] {
  return image.tags.map((tag) => `${image.registry}/${image.repository}:${tag}`);
}
