import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, Run } from '@image-factory/core/ports/builder.ts';
import { isOtherBuild } from '@image-factory/core/rebuild/other-build.ts';
import { isEndBefore } from '@image-factory/core/rebuild/retry.ts';
import type { RunEnd } from '@image-factory/core/rebuild/ends.ts';
import { openAttempt } from '@image-factory/core/rebuild/intents.ts';
import type { Digest, Reference } from '@image-factory/core/reference/types.ts';
import type { ImageContent, Intent } from '@image-factory/core/state/types.ts';
import { minute } from '@image-factory/core/time.ts';
import { noteProblem, type CycleRun } from './cycle-run.ts';
import { contentOf } from './enter.ts';

/** A run that belongs to an open intent. */
export interface OpenRun {
  readonly intent: Intent;
  readonly enrolment: ManagedEnrolment;
  readonly builder: Builder;
  readonly run: Run;
  /** Started by this process. */
  readonly own: boolean;
}

/** A provider may show a run so much later than it was created. */
export const visibleWithin = 10 * minute;

/**
 * What a run came to; `running` while it has not ended; `unclear` when nobody can say now, so that a later cycle looks
 * again: what has succeeded is neither lost nor built again because a registry or a provider does not answer.
 */
export async function endOfRun(run: CycleRun, found: OpenRun): Promise<RunEnd | 'running' | 'unclear'> {
  const subject = { kind: 'image' as const, name: found.intent.image };
  try {
    const now = await askForRun(run, found);
    if (!now) return 'unclear';
    if (now.status === 'running') return 'running';
    const common = {
      run: now.id,
      ...(now.log === undefined ? {} : { log: now.log }),
      ...(now.error === undefined ? {} : { error: now.error }),
    };
    if (now.status !== 'success') return { ...common, outcome: now.status };
    const content = await contentOfRun(run, found, now.digest);
    if (content) return { ...common, outcome: 'success', content };
    return {
      ...common,
      outcome: 'failure',
      error: 'the run succeeded, but no image with its build key is in the registry',
    };
  } catch (thrown) {
    noteProblem(run, thrown, subject);
    return 'unclear';
  }
}

async function askForRun(run: CycleRun, found: OpenRun): Promise<Run | undefined> {
  const { builder, enrolment, intent } = found;
  const told = toldOf(run, intent);
  if (told && told.status !== 'superseded') return told;
  // That one run left says that another one holds the claim. Where nobody can be asked about that one, it counts as running.
  const seen = await builder.get(enrolment, found.run.id);
  const now = seen && isOtherBuild(seen, intent) ? undefined : seen;
  // It was asked to run again, and that is not to be seen yet.
  if (now && isEndBefore(intent, now)) return { ...now, status: 'running' };
  if (now && now.status !== 'superseded') return now;
  const other = await builder.find(enrolment, intent.key, intent.attempt, undefined, intent.createdAt);
  if (other && other.status !== 'superseded') return other;
  if (!now) return unknownRun(run, found);
  // It left because another run holds the claim of its key; that one may not be visible yet.
  return age(run, intent) < visibleWithin ? undefined : now;
}

/** What its CI system told by itself, as a run. */
function toldOf(run: CycleRun, intent: Intent): Run | undefined {
  const reported = openAttempt(run.records.state, intent)?.reported;
  if (!reported) return undefined;
  const { at: _, run: id, ...rest } = reported;
  return { ...rest, id, key: intent.key, attempt: intent.attempt };
}

/** Deleted, or not to be seen by us just now. What it pushed speaks for it; without that it is given up only after its time. */
async function unknownRun(run: CycleRun, found: OpenRun): Promise<Run | undefined> {
  const { builder, intent } = found;
  if (await contentOfRun(run, found, undefined)) return { ...found.run, status: 'success' };
  if (builder.capabilities().inProcess) return runOfAnother(run, found);
  const gone = `run ${found.run.id} is not known to ${builder.provider} any more`;
  if (isOverdue(run, found)) return { ...found.run, status: 'failure', error: gone };
  run.problems.push({
    code: 'NOT_FOUND',
    message: `${gone}; its key stays taken until limits.runTimeout has passed`,
    hint: 'Check whether the run was deleted, and whether the credentials may still see it.',
    subject: { kind: 'image', name: intent.image },
  });
  return undefined;
}

/**
 * A build that lives in a process which is not ours. Its end is no failure of the image; while its process may still run,
 * on this machine or another, it is left alone for as long as a build may take.
 */
async function runOfAnother(run: CycleRun, { own, intent, run: known }: OpenRun): Promise<Run | undefined> {
  const over =
    own ||
    (await run.deps.isDead(intent.writer)) ||
    age(run, intent) >= run.settings.limits.buildTimeout + visibleWithin;
  if (!over) return undefined;
  return { ...known, status: 'cancelled', error: `the process that ran build ${known.id} ended before it` };
}

/** Builds that live in a process are ended by their builder; a run elsewhere has its own, longer time. */
export function isOverdue(run: CycleRun, { builder, intent }: OpenRun): boolean {
  return !builder.capabilities().inProcess && age(run, intent) >= run.settings.limits.runTimeout;
}

function age(run: CycleRun, intent: Intent): number {
  const open = openAttempt(run.records.state, intent) ?? intent;
  return run.time() - (open.run?.startedAt ?? open.createdAt);
}

/** The digest from the run's own word, or from the tag only if the manifest carries our key (brief 4.4). */
async function contentOfRun(
  run: CycleRun,
  { enrolment, intent }: OpenRun,
  said: Digest | undefined,
): Promise<ImageContent | undefined> {
  const { registry } = run.deps;
  const reference: Reference = {
    domain: enrolment.registry,
    path: enrolment.repository,
    tag: enrolment.tags[0] ?? 'latest',
  };
  let digest = said;
  if (!digest) {
    const look = await registry.look(reference, { force: true });
    if (look.kind !== 'digest') return undefined;
    digest = look.digest;
  }
  const described = await registry.describe(reference, digest);
  const content = contentOf({ digest, described }, run.now);
  return said || content?.buildKey === intent.key ? content : undefined;
}
