import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Builder, Run } from '@image-factory/core/ports/builder.ts';
import { problemOf } from '@image-factory/core/problem.ts';
import type { Digest, Reference } from '@image-factory/core/reference/types.ts';
import type { RunEnd } from '@image-factory/core/rebuild/transitions.ts';
import type { ImageContent, Intent } from '@image-factory/core/state/types.ts';
import type { CycleRun } from './cycle-run.ts';
import { contentOf } from './enter.ts';

/** A run that belongs to an open intent. */
export interface OpenRun {
  readonly intent: Intent;
  readonly enrolment: ManagedEnrolment;
  readonly builder: Builder;
  readonly run: Run;
  cancelled?: boolean;
}

export interface EndedRun {
  readonly intent: Intent;
  readonly enrolment: ManagedEnrolment;
  readonly end: RunEnd;
}

/** How a run is now; `lost` when it cannot be asked, so that a later cycle looks again. */
export async function pollRun(run: CycleRun, found: OpenRun): Promise<Run | 'lost'> {
  const { builder, enrolment, intent } = found;
  try {
    const now =
      (await builder.get(enrolment, found.run.id)) ?? (await builder.find(enrolment, intent.key, intent.attempt));
    if (now) return now;
    const error = `run ${found.run.id} is not known to ${builder.provider} any more`;
    return { ...found.run, status: 'failure', error };
  } catch (thrown) {
    run.problems.push(problemOf(thrown, { kind: 'image', name: intent.image }));
    return 'lost';
  }
}

/** What a finished run came to: its digest from its own word, or from the tag only if the manifest carries our key. */
export async function endOfRun(run: CycleRun, found: OpenRun, now: Run): Promise<RunEnd> {
  const common = {
    run: now.id,
    ...(now.log === undefined ? {} : { log: now.log }),
    ...(now.error === undefined ? {} : { error: now.error }),
  };
  if (now.status !== 'success') return { ...common, outcome: now.status === 'running' ? 'cancelled' : now.status };
  try {
    const content = await contentOfRun(run, found, now.digest);
    if (content) return { ...common, outcome: 'success', content };
    return { ...common, outcome: 'failure', error: 'the run succeeded, but no image with its build key is in the registry' };
  } catch (thrown) {
    const problem = problemOf(thrown, { kind: 'image', name: found.intent.image });
    run.problems.push(problem);
    return { ...common, outcome: 'failure', error: `the run succeeded, but its image could not be read: ${problem.message}` };
  }
}

async function contentOfRun(
  run: CycleRun,
  { enrolment, intent }: OpenRun,
  said: Digest | undefined,
): Promise<ImageContent | undefined> {
  const { registry } = run.deps;
  const reference: Reference = { domain: enrolment.registry, path: enrolment.repository, tag: enrolment.tags[0] ?? 'latest' };
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
