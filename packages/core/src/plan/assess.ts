import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ImageRecord, Intent, Pin } from '../state/types.ts';
import type { Instant } from '../time.ts';
import type { AssessContext } from './assess-context.ts';
import type { BaseVerdict } from './bases.ts';
import { blockedBy, drifted, heldBy } from './blocked.ts';
import { keyFor } from './build-key.ts';
import { judgeBases } from './judge-bases.ts';
import { startOf } from './start-time.ts';
import type { Reason, RebuildRequest } from './types.ts';

/** One managed image looked at by itself, before parents and limits. */
export interface Assessment {
  readonly enrolment: ManagedEnrolment;
  readonly record: ImageRecord | undefined;
  readonly intent: Intent | undefined;
  readonly due: readonly Reason[];
  readonly notes: readonly Reason[];
  readonly pins: readonly Pin[];
  readonly key: string | undefined;
  readonly attempt: number;
  readonly emergency: boolean;
  readonly request: RebuildRequest | undefined;
  readonly dueSince: Instant;
  /** The earliest start by slot, window and back-off. */
  readonly startAt: Instant;
  /** Why nothing can start, whatever the time. */
  readonly blockedBy: readonly Reason[];
}

export function assess(enrolment: ManagedEnrolment, context: AssessContext): Assessment {
  const { input } = context;
  const record = input.state.images.get(enrolment.name);
  const intent = input.state.intents.get(enrolment.name);
  const request = input.facts.requests.get(enrolment.name);
  const nothing: Assessment = {
    enrolment,
    record,
    intent,
    due: [],
    notes: [],
    pins: [],
    key: undefined,
    attempt: 1,
    emergency: false,
    request,
    dueSince: input.now,
    startAt: input.now,
    blockedBy: [],
  };
  if (!record || record.discoveryStatus === 'pending')
    return { ...nothing, blockedBy: [{ code: 'discovery-pending' }] };
  const failed: Reason[] =
    record.discoveryStatus === 'failed'
      ? [{ code: 'discovery-failed', ...(record.discoveryError ? { detail: record.discoveryError } : {}) }]
      : [];
  if (failed.length > 0 && record.dependencies.length === 0) return { ...nothing, blockedBy: failed };

  const verdicts = judgeBases(enrolment, record, request, context);
  const pins = request?.pins ?? verdicts.flatMap(({ pin }) => pin ?? []);
  const due = dueReasons(record, verdicts, request);
  const emergency = verdicts.some((verdict) => verdict.emergency) || (request?.skipDelay ?? false);
  const source = input.facts.sources.get(enrolment.name);
  const revision = source?.revision ?? record.dockerfile ?? '';
  const ingredients = {
    image: enrolment,
    revision,
    pins,
    platforms: enrolment.platforms,
    requestId: request?.id,
  };
  const { key, built } = keyFor(record, ingredients);
  const attempts = record.rebuilds.map((rebuild) => (rebuild.key === key ? rebuild.attempt : 0));
  const assessed = { ...nothing, pins, key, attempt: 1 + Math.max(0, ...attempts) };
  const notes = verdicts.flatMap((verdict) => verdict.notes);
  if (due.length === 0) {
    const blocking = [...failed, ...drifted(record, pins)];
    return { ...assessed, notes: [...heldBy(record, input.now), ...notes], blockedBy: blocking };
  }

  const since = verdicts.flatMap((verdict) => verdict.dueSince ?? []);
  const dueSince = since.length > 0 ? Math.min(...since) : input.now;
  const timing = startOf(enrolment, record, verdicts, { emergency, request, dueSince }, input);
  const blocked = [
    ...failed,
    ...blockedBy(enrolment, record, verdicts, context, { emergency, request, pins }),
  ];
  if (built) blocked.push({ code: 'already-built' });
  return {
    ...assessed,
    due,
    notes: [...notes, ...timing.notes],
    emergency,
    dueSince,
    startAt: timing.at,
    blockedBy: blocked,
  };
}

function dueReasons(
  record: ImageRecord,
  verdicts: readonly BaseVerdict[],
  request: RebuildRequest | undefined,
): Reason[] {
  const due: Reason[] = [];
  if (request) due.push({ code: 'requested', detail: `${request.by}: ${request.reason}` });
  if (!record.content) due.push({ code: 'never-built' });
  for (const verdict of verdicts) if (verdict.due) due.push(verdict.due);
  // The first is recorded, and what is recorded as unknown evidence counts against its daily cap: so it comes last.
  const rank: Partial<Record<Reason['code'], number>> = {
    'emergency-cve': 0,
    requested: 1,
    'contains-withdrawn': 2,
    'evidence-unknown': 10,
  };
  return due.toSorted((a, b) => (rank[a.code] ?? 9) - (rank[b.code] ?? 9));
}
