import type { ManagedEnrolment } from '../enrolment/types.ts';
import { containedBase, type ProvenanceFact } from '../evidence/contained.ts';
import { driftOf } from '../evidence/drift.ts';
import { describeEntry, observe } from '../ledger/observe.ts';
import { isInForce } from '../plan/bases.ts';
import type { Decision } from '../plan/types.ts';
import type { Digest } from '../reference/types.ts';
import type {
  BaseRecord,
  BuiltFrom,
  FactoryState,
  Hold,
  ImageContent,
  ImageRecord,
  Intent,
  Rebuild,
  RebuildOutcome,
} from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';

export interface IntentContext {
  readonly now: Instant;
  readonly writer: string;
  readonly epoch: number;
  readonly commit: string | undefined;
  readonly revision: string | undefined;
  readonly requestedBy: string | undefined;
}

/** The intent of a decision to start; undefined for any other decision. */
export function intentOf(
  decision: Decision,
  enrolment: ManagedEnrolment,
  context: IntentContext,
): Intent | undefined {
  if (decision.action !== 'start' || decision.key === undefined || decision.attempt === undefined)
    return undefined;
  return {
    image: decision.image,
    key: decision.key,
    attempt: decision.attempt,
    createdAt: context.now,
    writer: context.writer,
    epoch: context.epoch,
    provider: enrolment.source.provider,
    reason: decision.due[0]?.code ?? 'requested',
    ...(context.requestedBy === undefined ? {} : { requestedBy: context.requestedBy }),
    ...(decision.emergency ? { emergency: true as const } : {}),
    pins: decision.pins,
    platforms: enrolment.platforms,
    ...(context.commit === undefined ? {} : { commit: context.commit }),
    ...(context.revision === undefined ? {} : { revision: context.revision }),
  };
}

/**
 * May this intent be written on this state? An image has one open intent, a key at most one attempt that is open or
 * successful, and only the engine of the current epoch writes.
 */
export function mayOpen(state: FactoryState, intent: Intent): boolean {
  if (state.intents.has(intent.image)) return false;
  if (state.engine && state.engine.epoch !== intent.epoch) return false;
  const record = state.images.get(intent.image);
  if (!record) return false;
  return !record.rebuilds.some(
    (rebuild) =>
      rebuild.key === intent.key && (rebuild.outcome === 'success' || rebuild.attempt >= intent.attempt),
  );
}

export function withIntent(state: FactoryState, intent: Intent): FactoryState {
  return withIntents(state, [intent]);
}

export function withIntents(state: FactoryState, written: readonly Intent[]): FactoryState {
  if (written.length === 0) return state;
  const intents = new Map(state.intents);
  for (const intent of written) intents.set(intent.image, intent);
  return { ...state, intents };
}

/** The state as if this intent had never been written: nothing came of it. */
export function withoutIntent(state: FactoryState, { image }: Intent): FactoryState {
  const intents = new Map(state.intents);
  intents.delete(image);
  return { ...state, intents };
}

/** The open intent of the same attempt, whoever holds it now. One that was opened again is not what was open before. */
export function openAttempt(state: FactoryState, intent: Intent): Intent | undefined {
  const open = state.intents.get(intent.image);
  if (open?.key !== intent.key || open.attempt !== intent.attempt) return undefined;
  const isAgain = open.retry !== undefined || intent.retry !== undefined;
  return isAgain && open.createdAt !== intent.createdAt ? undefined : open;
}

/**
 * Is this attempt open, and still in the hands of the one that this intent names? Then only that one may start it. One
 * that was put off and decided anew, by whomever, is not the one that was seen before.
 */
export function isOpen(state: FactoryState, intent: Intent): boolean {
  const open = openAttempt(state, intent);
  return (
    open?.writer === intent.writer &&
    open.takenOverAt === intent.takenOverAt &&
    open.createdAt === intent.createdAt
  );
}

/**
 * The intent under another writer's name; undefined if it is not as it was seen, or its run is known by now. Every
 * taking over leaves a mark of its own: of two that saw the same intent only one succeeds, even under one name.
 */
export function takenOver(
  state: FactoryState,
  seen: Intent,
  writer: string,
  now: Instant,
): Intent | undefined {
  const open = isOpen(state, seen) ? state.intents.get(seen.image) : undefined;
  if (!open || (open.run && !open.retry)) return undefined;
  return { ...open, writer, takenOverAt: Math.max(now, (seen.takenOverAt ?? seen.createdAt) + 1) };
}

/** A person's hold that covers what an intent would build, with its reason. */
export function holdOn(state: FactoryState, intent: Intent, now: Instant): Hold | undefined {
  const own = state.images.get(intent.image)?.hold;
  const ofBases = intent.pins.flatMap(({ base, digest }) =>
    (state.bases.get(base)?.holds ?? []).filter(
      (hold) => hold.digest === undefined || hold.digest === digest,
    ),
  );
  return [...(own ? [own] : []), ...ofBases].find((hold) => isInForce(hold, now));
}

/** What a run came to. */
export interface RunEnd {
  readonly outcome: Exclude<RebuildOutcome, 'base-drift'>;
  readonly run?: string;
  readonly log?: string;
  readonly error?: string;
  /** Its time was over before it had ended. */
  readonly overdue?: true;
  /** What the run pushed, as read back from the registry. */
  readonly content?: ImageContent;
}

/**
 * Ends the open intent of an image and records what came out. Without such an intent nothing changes. The enrolment may
 * be gone by now; it is needed where something was pushed.
 */
export function closeIntent(
  state: FactoryState,
  enrolment: ManagedEnrolment | undefined,
  intent: Intent,
  end: RunEnd,
  now: Instant,
  settle: Duration,
): FactoryState {
  const record = state.images.get(intent.image);
  const open = openAttempt(state, intent);
  if (!record || !open) return state;
  const drift =
    end.outcome === 'success' && end.content
      ? driftOf(end.content, intent.pins, record.dependencies, state.bases)
      : undefined;
  const error = drift?.message ?? end.error;
  const rebuild: Rebuild = {
    key: intent.key,
    attempt: intent.attempt,
    reason: intent.reason,
    startedAt: open.run?.startedAt ?? intent.createdAt,
    endedAt: now,
    outcome: drift ? 'base-drift' : end.outcome,
    pins: intent.pins,
    ...(end.content ? { digest: end.content.digest } : {}),
    ...(end.run === undefined ? {} : { run: end.run }),
    ...(end.log === undefined ? {} : { log: end.log }),
    ...(error === undefined ? {} : { error }),
    ...(end.overdue ? { overdue: true as const } : {}),
    ...(intent.requestedBy === undefined ? {} : { requestedBy: intent.requestedBy }),
    ...(intent.revision === undefined ? {} : { revision: intent.revision }),
    ...(intent.retry === undefined ? {} : { tries: intent.retry.tries }),
  };
  // An attempt that was run again has one end: the last.
  const earlier = intent.retry
    ? record.rebuilds.filter(({ key, attempt }) => key !== intent.key || attempt !== intent.attempt)
    : record.rebuilds;
  const intents = new Map(state.intents);
  intents.delete(intent.image);
  const images = new Map(state.images).set(record.name, {
    ...record,
    rebuilds: [...earlier, rebuild],
  });
  const closed: FactoryState = { ...state, images, intents };
  if (!end.content) return closed;
  const built = withContent(closed, record.name, end.content, []);
  const after = built.images.get(record.name);
  if (!after) return built;
  const dated = new Map(built.images).set(record.name, { ...after, lastBuilt: now });
  const pushed = { ...built, images: dated };
  return enrolment ? withOwnPush(pushed, enrolment, end.content, now, settle) : pushed;
}

/** The attempt of an overdue run as if it were open: its run is asked about, and closed, like any other. */
export function reopened(image: string, rebuild: Rebuild, provider: string): Intent {
  const { key, attempt, reason, startedAt, pins, run, requestedBy, revision } = rebuild;
  return {
    image,
    key,
    attempt,
    createdAt: startedAt,
    writer: '',
    epoch: 0,
    provider,
    reason,
    ...(requestedBy === undefined ? {} : { requestedBy }),
    ...(revision === undefined ? {} : { revision }),
    pins,
    platforms: [],
    ...(run === undefined ? {} : { run: { id: run, startedAt } }),
  };
}

/**
 * Records how an overdue run ended after all. A success takes the place of the failure that was recorded when its time
 * was over, so that its key counts as built; of anything else only that nobody waits for it any more is news.
 */
export function closeOverdue(
  state: FactoryState,
  enrolment: ManagedEnrolment,
  attempt: Intent,
  end: RunEnd,
  now: Instant,
  settle: Duration,
): FactoryState {
  const record = state.images.get(attempt.image);
  const isIt = (each: Rebuild): boolean =>
    each.overdue === true && each.key === attempt.key && each.attempt === attempt.attempt;
  if (!record?.rebuilds.some(isIt) || state.intents.has(attempt.image)) return state;
  const withRebuilds = (rebuilds: readonly Rebuild[]): FactoryState => ({
    ...state,
    images: new Map(state.images).set(record.name, { ...record, rebuilds }),
  });
  if (end.outcome !== 'success') {
    return withRebuilds(
      record.rebuilds.map((each) => {
        const { overdue: _, ...ended } = each;
        return isIt(each) ? ended : each;
      }),
    );
  }
  const open = withIntent(withRebuilds(record.rebuilds.filter((each) => !isIt(each))), attempt);
  return closeIntent(open, enrolment, attempt, end, now, settle);
}

/** The image now is this digest: its content, and what is proved to be inside. */
export function withContent(
  state: FactoryState,
  image: string,
  content: ImageContent,
  provenance: readonly ProvenanceFact[],
): FactoryState {
  const record = state.images.get(image);
  if (!record) return state;
  const next = recordWithContent(record, state.bases, content, provenance);
  return { ...state, images: new Map(state.images).set(image, next) };
}

/** As {@link withContent}, for one record. */
export function recordWithContent(
  record: ImageRecord,
  bases: ReadonlyMap<string, BaseRecord>,
  content: ImageContent,
  provenance: readonly ProvenanceFact[],
): ImageRecord {
  const fresh: ImageRecord = { ...record, content, currentDigest: content.digest };
  return { ...fresh, builtFrom: builtFromOf(fresh, bases, provenance) };
}

/** Every base of an image with the strongest evidence for what is inside; bases without any are left out. */
export function builtFromOf(
  record: ImageRecord,
  bases: ReadonlyMap<string, BaseRecord>,
  provenance: readonly ProvenanceFact[],
): Readonly<Record<string, BuiltFrom>> {
  const builtFrom: Record<string, BuiltFrom> = {};
  for (const name of record.baseImages) {
    const base = bases.get(name);
    if (!base) continue;
    const uses = record.dependencies.filter((use) => use.base === name && use.kind !== 'syntax');
    const best = containedBase(record, base, uses, provenance).best;
    if (best) builtFrom[name] = best;
  }
  return builtFrom;
}

/** Our own build moved these tags: children see the new digest at once, without a second look. */
function withOwnPush(
  state: FactoryState,
  enrolment: ManagedEnrolment,
  content: ImageContent,
  now: Instant,
  settle: Duration,
): FactoryState {
  let bases: Map<string, BaseRecord> | undefined;
  for (const base of state.bases.values()) {
    const ours = base.registry === enrolment.registry && base.repository === enrolment.repository;
    if (!ours || !enrolment.tags.includes(base.tag ?? 'latest')) continue;
    const { ledger } = observe(base.ledger, { digest: content.digest, at: now, ownBuild: true }, settle);
    const described = describeEntry(ledger, content.digest, content.platforms);
    (bases ??= new Map(state.bases)).set(base.name, moved(base, described, content.digest, now));
  }
  return bases ? { ...state, bases } : state;
}

/** A base record after its tag moved: the fields that the older format keeps beside the ledger follow it. */
export function moved(
  base: BaseRecord,
  ledger: BaseRecord['ledger'],
  digest: Digest,
  at: Instant,
): BaseRecord {
  if (base.currentDigest === digest) return { ...base, ledger };
  const first = base.currentDigest === undefined;
  return {
    ...base,
    ledger,
    currentDigest: digest,
    ...(base.currentDigest === undefined ? {} : { previousDigest: base.currentDigest }),
    ...(first ? {} : { lastUpdated: at }),
  };
}
