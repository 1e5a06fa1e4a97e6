import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { ProvenanceFact } from '../evidence/contained.ts';
import type { ManagedGraph } from '../graph/managed.ts';
import type { Candidate } from '../ledger/candidate.ts';
import { versionsOf } from '../ledger/versions.ts';
import type { BaseRecord, Dependency, ImageRecord, Intent, Pin } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';
import {
  emptyVerdict,
  isInForce,
  judgeBase,
  judgeCandidate,
  platformsOf,
  type BaseVerdict,
} from './bases.ts';
import { keyFor } from './build-key.ts';
import { breakerOf, overdueRun } from './failures.ts';
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

/** What the assessments of one plan share. */
export interface AssessContext {
  readonly input: PlanInput;
  readonly graph: ManagedGraph;
  readonly managed: ReadonlyMap<string, ManagedEnrolment>;
  readonly provenance: ReadonlyMap<string, readonly ProvenanceFact[]>;
  /** Per base, then per platforms and delay: a thousand images share a few bases. */
  readonly candidates: Map<string, Map<string, Candidate>>;
}

export function assessContext(
  input: PlanInput,
  graph: ManagedGraph,
  managed: AssessContext['managed'],
): AssessContext {
  const provenance = Map.groupBy(input.facts.provenance, (fact) => fact.image);
  return { input, graph, managed, provenance, candidates: new Map() };
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

/** A person's stop, shown whether or not anything is due. */
export function heldBy({ hold }: ImageRecord, now: Instant): Reason[] {
  if (!hold || !isInForce(hold, now)) return [];
  return [{ code: 'held', detail: hold.reason, ...(hold.until === undefined ? {} : { until: hold.until }) }];
}

/** A build that ignored its pins stops the image, whether something newer is due or not. */
function drifted(record: ImageRecord, pins: readonly Pin[]): Reason[] {
  const breaker = breakerOf(record, pins);
  if (breaker.kind !== 'drift') return [];
  return [{ code: 'base-drift', ...(breaker.error ? { detail: breaker.error } : {}) }];
}

function judgeBases(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  request: RebuildRequest | undefined,
  context: AssessContext,
): BaseVerdict[] {
  const { input, graph, managed, provenance } = context;
  const usesOf = new Map<string, Dependency[]>();
  const unwatchable: Reason[] = [];
  for (const use of record.dependencies) {
    if (use.base === undefined) {
      unwatchable.push({
        code: use.kind === 'syntax' ? 'syntax-image' : 'unwatchable',
        detail: use.reference,
      });
      continue;
    }
    const known = usesOf.get(use.base);
    if (known) known.push(use);
    else usesOf.set(use.base, [use]);
  }
  const parents = graph.nodes.get(enrolment.name)?.parents ?? [];
  const facts = provenance.get(enrolment.name) ?? [];
  const verdicts: BaseVerdict[] = [];
  for (const [name, uses] of usesOf) {
    const base = input.state.bases.get(name);
    const parent = parents.find((edge) => edge.base === name)?.image;
    const unmoved = graph.unmovedTags.get(name);
    const real = uses.filter((use) => use.kind !== 'syntax');
    if (unmoved !== undefined && real.some((use) => !use.reference.includes('@'))) {
      // No build of ours moves the written tag, so a pin could only freeze it: the Dockerfile has to change.
      verdicts.push(
        emptyVerdict(name, undefined, [{ code: 'needs-source-change', base: name, image: unmoved }]),
      );
      continue;
    }
    if (!base) {
      const unseen: Reason = { code: 'unobserved', base: name };
      verdicts.push({
        ...emptyVerdict(name, parent, [unseen]),
        pinless: real.length > 0 ? unseen : undefined,
      });
      continue;
    }
    if (real.length === 0) {
      verdicts.push(emptyVerdict(name, parent, [{ code: 'syntax-image', base: name }]));
      continue;
    }
    // A base that we build ourselves has no delay unless its own enrolment sets one.
    const delay = parent === undefined ? enrolment.rebuildDelay : (managed.get(parent)?.ownDelay ?? 0);
    const candidate = sharedCandidate(context, base, real, delay, parent !== undefined);
    verdicts.push(
      judgeBase({
        input,
        enrolment,
        image: record,
        base,
        uses: real,
        parent,
        candidate,
        provenance: facts,
        request,
      }),
    );
  }
  if (unwatchable.length > 0) verdicts.push(emptyVerdict('', undefined, unwatchable));
  return verdicts;
}

function sharedCandidate(
  { input, candidates }: AssessContext,
  base: BaseRecord,
  uses: readonly Dependency[],
  delay: Duration,
  ownBuild: boolean,
): Candidate {
  let key = `${delay} ${ownBuild ? 'own' : 'upstream'}`;
  for (const { platform } of uses) key += ` ${platform}`;
  let ofBase = candidates.get(base.name);
  if (!ofBase) candidates.set(base.name, (ofBase = new Map<string, Candidate>()));
  let candidate = ofBase.get(key);
  if (!candidate) {
    candidate = judgeCandidate(input, base, versionsOf(base.ledger, platformsOf(uses)), delay, ownBuild);
    ofBase.set(key, candidate);
  }
  return candidate;
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

/** The earliest start: at once, in the coordination window of pushes, or in the daily slot (brief 4.3.5). */
export function startOf(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  verdicts: readonly BaseVerdict[],
  how: { emergency: boolean; request: RebuildRequest | undefined; dueSince: Instant },
  { settings, now }: PlanInput,
): { at: Instant; notes: Reason[] } {
  if (how.request || !record.content) return { at: now, notes: [] };
  const window = settings.timing.coordinationWindow;
  const urgent = verdicts.filter(
    ({ due, parent, emergency, batched }) =>
      due && !batched && (parent !== undefined || emergency || due.code === 'contains-withdrawn'),
  );
  const pushed =
    urgent.length > 0 ? Math.min(...urgent.flatMap(({ dueSince }) => dueSince ?? now)) + window : undefined;
  if (how.emergency && pushed !== undefined)
    return { at: pushed, notes: waiting('coordination-window', pushed, now) };

  const slot = nextSlot(enrolment.name, enrolment.schedule, how.dueSince);
  if (pushed !== undefined && (slot === undefined || pushed <= slot)) {
    return { at: pushed, notes: waiting('coordination-window', pushed, now) };
  }
  if (slot === undefined) return { at: Number.POSITIVE_INFINITY, notes: [{ code: 'waits-for-slot' }] };

  // Digests that are known at the first slot and mature soon after it are waited for, once: judged from that slot and
  // not from now, so that the wait neither repeats nor ends off the slot when the first of them has matured.
  const latest = slot + settings.timing.lookAhead;
  const soon = verdicts
    .flatMap(({ maturing }) => maturing)
    .filter(({ seenAt, matureAt }) => seenAt <= slot && matureAt > slot && matureAt <= latest)
    .map(({ matureAt }) => matureAt);
  if (soon.length > 0) {
    const later = nextSlot(enrolment.name, enrolment.schedule, Math.max(...soon)) ?? latest;
    const at = Math.min(later, latest);
    return { at, notes: waiting('waits-for-digest', at, now) };
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
  blocked.push(...heldBy(record, now));
  if (!how.request?.pins) for (const { pinless } of verdicts) if (pinless) blocked.push(pinless);
  const frozen = frozenBy(settings.freezeWindows, now, how.emergency);
  if (frozen) blocked.push({ code: 'frozen', detail: frozen.window.name, until: frozen.until });
  const notNow = input.facts.notNow?.get(enrolment.name);
  // What nothing here would start anyway is only reported: a builder would not change that.
  const isReported = !how.request && (!enrolment.autoRebuild || enrolment.mode === 'pull-request');
  const elsewhere = isReported && notNow?.code === 'no-builder';
  if (notNow && !elsewhere) blocked.push(notNow);
  const overdue = overdueRun(record, settings.limits.runTimeout, now);
  if (overdue) {
    const { run, key } = overdue.rebuild;
    blocked.push({ code: 'run-overdue', detail: run ?? key, until: overdue.until });
  }
  if (how.request) return blocked;

  const at = elsewhere && notNow.detail !== undefined ? { detail: notNow.detail } : {};
  if (!enrolment.autoRebuild) blocked.push({ code: 'auto-rebuild-off', ...at });
  if (enrolment.mode === 'pull-request') blocked.push({ code: 'pull-request-mode', ...at });
  if (graph.onCycle.has(enrolment.name)) {
    const cycle = graph.cycles.find((members) => members.includes(enrolment.name));
    blocked.push({ code: 'on-cycle', ...(cycle ? { detail: cycle.join(' -> ') } : {}) });
  }
  const breaker = breakerOf(record, how.pins);
  if (breaker.kind === 'drift')
    blocked.push({ code: 'base-drift', ...(breaker.error ? { detail: breaker.error } : {}) });
  if (breaker.kind === 'stopped') {
    blocked.push({
      code: 'stopped-after-failures',
      detail: `${breaker.failures} failures; last: ${breaker.error ?? 'unknown'}`,
    });
  }
  if (breaker.kind === 'back-off' && breaker.until > now)
    blocked.push({ code: 'back-off', until: breaker.until });
  return blocked;
}
