import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ManagedGraph } from '../graph/managed.ts';
import { versionsOf, type Version } from '../ledger/versions.ts';
import type { Dependency, ImageRecord, Intent, Pin } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';
import { judgeBase, platformsOf, type BaseVerdict } from './bases.ts';
import { buildKey } from './build-key.ts';
import { breakerOf } from './failures.ts';
import { frozenBy, nextSlot } from './timing.ts';
import type { PlanInput, Reason, RebuildRequest } from './types.ts';

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

export interface AssessContext {
  readonly input: PlanInput;
  readonly graph: ManagedGraph;
  readonly managed: ReadonlyMap<string, ManagedEnrolment>;
  /** Versions per base and platforms: a thousand images share a few bases. */
  readonly versions: Map<string, readonly Version[]>;
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
  if (!record || record.discoveryStatus === 'pending') return { ...nothing, blockedBy: [{ code: 'discovery-pending' }] };
  const failed: Reason[] =
    record.discoveryStatus === 'failed'
      ? [{ code: 'discovery-failed', ...(record.discoveryError ? { detail: record.discoveryError } : {}) }]
      : [];
  if (failed.length > 0 && record.dependencies.length === 0) return { ...nothing, blockedBy: failed };

  const verdicts = judgeBases(enrolment, record, request, context);
  const pins = verdicts.flatMap(({ pin }) => pin ?? []);
  const due = dueReasons(record, verdicts, request);
  const emergency = verdicts.some((verdict) => verdict.emergency) || (request?.skipDelay ?? false);
  const since = verdicts.flatMap(({ dueSince }) => dueSince ?? []);
  const dueSince = since.length > 0 ? Math.min(...since) : input.now;
  const source = input.facts.sources.get(enrolment.name);
  const ingredients = {
    image: enrolment,
    revision: source?.revision ?? record.dockerfile ?? '',
    pins,
    platforms: enrolment.platforms,
    requestId: request?.id,
  };
  const key = buildKey(ingredients);
  const sameKey = record.rebuilds.filter((rebuild) => rebuild.key === key);
  const attempt = 1 + Math.max(0, ...sameKey.map((rebuild) => rebuild.attempt));
  const timing = startOf(enrolment, record, verdicts, { emergency, request, dueSince }, input);
  const notes = [...verdicts.flatMap((verdict) => verdict.notes), ...unmovedNotes(record, context)];
  const isDue = due.length > 0;
  const blocked = isDue ? [...failed, ...blockedBy(enrolment, record, verdicts, context, { emergency, request, pins })] : failed;
  if (isDue && sameKey.some((rebuild) => rebuild.outcome === 'success')) blocked.push({ code: 'already-built' });
  return {
    ...nothing,
    due,
    notes: [...notes, ...(isDue ? timing.notes : [])],
    pins,
    key,
    attempt,
    emergency,
    dueSince,
    startAt: timing.at,
    blockedBy: blocked,
  };
}

function judgeBases(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  request: RebuildRequest | undefined,
  { input, graph, managed, versions }: AssessContext,
): BaseVerdict[] {
  const usesOf = new Map<string, Dependency[]>();
  const unwatchable: Reason[] = [];
  for (const use of record.dependencies) {
    if (use.base === undefined) {
      unwatchable.push({ code: use.kind === 'syntax' ? 'syntax-image' : 'unwatchable', detail: use.reference });
      continue;
    }
    const known = usesOf.get(use.base);
    if (known) known.push(use);
    else usesOf.set(use.base, [use]);
  }
  const parents = graph.nodes.get(enrolment.name)?.parents ?? [];
  const verdicts: BaseVerdict[] = [];
  for (const [name, uses] of usesOf) {
    const base = input.state.bases.get(name);
    const parent = parents.find((edge) => edge.base === name)?.image;
    const blank = { base: name, parent, pin: undefined, due: undefined, dueSince: undefined, emergency: false, maturing: [] };
    if (!base) {
      verdicts.push({ ...blank, notes: [{ code: 'unobserved', base: name }] });
      continue;
    }
    const platforms = platformsOf(uses.filter((use) => use.kind !== 'syntax'));
    const key = `${name} ${platforms.join()}`;
    let known = versions.get(key);
    if (!known) versions.set(key, (known = versionsOf(base.ledger, platforms)));
    // A base that we build ourselves has no delay unless its own enrolment sets one.
    const delay: Duration = parent === undefined ? enrolment.rebuildDelay : (managed.get(parent)?.ownDelay ?? 0);
    verdicts.push(judgeBase({ input, enrolment, image: record, base, uses, parent, delay, versions: known, request }));
  }
  if (unwatchable.length > 0) {
    verdicts.push({
      base: '',
      parent: undefined,
      pin: undefined,
      due: undefined,
      dueSince: undefined,
      emergency: false,
      maturing: [],
      notes: unwatchable,
    });
  }
  return verdicts;
}

function dueReasons(record: ImageRecord, verdicts: readonly BaseVerdict[], request: RebuildRequest | undefined): Reason[] {
  const due: Reason[] = [];
  if (request) due.push({ code: 'requested', detail: `${request.by}: ${request.reason}` });
  if (!record.content) due.push({ code: 'never-built' });
  for (const verdict of verdicts) if (verdict.due) due.push(verdict.due);
  const rank: Partial<Record<Reason['code'], number>> = { 'emergency-cve': 0, requested: 1, 'contains-withdrawn': 2 };
  return due.toSorted((a, b) => (rank[a.code] ?? 9) - (rank[b.code] ?? 9));
}

function unmovedNotes(record: ImageRecord, { graph }: AssessContext): Reason[] {
  return record.baseImages.flatMap((base) => {
    const image = graph.unmovedTags.get(base);
    return image === undefined ? [] : [{ code: 'needs-source-change' as const, base, image }];
  });
}

/** The earliest start: at once, in the coordination window of pushes, or in the daily slot (brief 4.3.5). */
function startOf(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  verdicts: readonly BaseVerdict[],
  how: { emergency: boolean; request: RebuildRequest | undefined; dueSince: Instant },
  { settings, now }: PlanInput,
): { at: Instant; notes: Reason[] } {
  if (how.request || !record.content) return { at: now, notes: [] };
  const window = settings.timing.coordinationWindow;
  const urgent = verdicts.filter(
    ({ due, parent, emergency }) => due && (parent !== undefined || emergency || due.code === 'contains-withdrawn'),
  );
  const pushed = urgent.length > 0 ? Math.min(...urgent.flatMap(({ dueSince }) => dueSince ?? now)) + window : undefined;
  if (how.emergency && pushed !== undefined) return { at: pushed, notes: waiting('coordination-window', pushed, now) };

  const slot = nextSlot(enrolment.name, enrolment.schedule, how.dueSince);
  if (pushed !== undefined && (slot === undefined || pushed <= slot)) {
    return { at: pushed, notes: waiting('coordination-window', pushed, now) };
  }
  if (slot === undefined) return { at: Number.POSITIVE_INFINITY, notes: [{ code: 'waits-for-slot' }] };

  // Another digest that is about to mature is waited for, once: judged from the first slot, so it can never repeat.
  const soon = verdicts.flatMap(({ maturing }) => maturing).filter((at) => at <= slot + settings.timing.lookAhead);
  if (soon.length > 0 && now < slot + settings.timing.lookAhead) {
    const later = nextSlot(enrolment.name, enrolment.schedule, Math.max(...soon, slot)) ?? slot;
    const at = Math.min(later, slot + settings.timing.lookAhead);
    if (at > slot) return { at, notes: waiting('waits-for-digest', at, now) };
  }
  return { at: slot, notes: waiting('waits-for-slot', slot, now) };
}

function waiting(code: Reason['code'], until: Instant, now: Instant): Reason[] {
  return until > now ? [{ code, until }] : [];
}

function blockedBy(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  verdicts: readonly BaseVerdict[],
  { input, graph }: AssessContext,
  how: { emergency: boolean; request: RebuildRequest | undefined; pins: readonly Pin[] },
): Reason[] {
  const { now, settings } = input;
  const blocked: Reason[] = [];
  const hold = record.hold;
  if (hold && (hold.until === undefined || hold.until > now)) {
    blocked.push({ code: 'held', detail: hold.reason, ...(hold.until === undefined ? {} : { until: hold.until }) });
  }
  for (const verdict of verdicts) {
    if (verdict.pin || verdict.base === '' || !needsPin(verdict)) continue;
    blocked.push({
      code: verdict.parent === undefined ? 'unobserved' : 'parent-unobserved',
      base: verdict.base,
      ...(verdict.parent === undefined ? {} : { image: verdict.parent }),
    });
  }
  const frozen = frozenBy(settings.freezeWindows, now, how.emergency);
  if (frozen) blocked.push({ code: 'frozen', detail: frozen.window.name, until: frozen.until });
  if (how.request) return blocked;

  if (!enrolment.autoRebuild) blocked.push({ code: 'auto-rebuild-off' });
  if (enrolment.mode === 'pull-request') blocked.push({ code: 'pull-request-mode' });
  if (graph.onCycle.has(enrolment.name)) {
    const cycle = graph.cycles.find((members) => members.includes(enrolment.name));
    blocked.push({ code: 'on-cycle', ...(cycle ? { detail: cycle.join(' -> ') } : {}) });
  }
  const breaker = breakerOf(record, how.pins);
  if (breaker.kind === 'drift') blocked.push({ code: 'base-drift', ...(breaker.error ? { detail: breaker.error } : {}) });
  if (breaker.kind === 'stopped') {
    blocked.push({ code: 'stopped-after-failures', detail: `${breaker.failures} failures; last: ${breaker.error ?? 'unknown'}` });
  }
  if (breaker.kind === 'back-off' && breaker.until > now) blocked.push({ code: 'back-off', until: breaker.until });
  return blocked;
}

/** References that the source pins itself, frontends and unwatchable ones are built as they are written. */
function needsPin(verdict: BaseVerdict): boolean {
  return !verdict.notes.some(({ code }) => code === 'pinned-in-source' || code === 'syntax-image' || code === 'unwatchable');
}
