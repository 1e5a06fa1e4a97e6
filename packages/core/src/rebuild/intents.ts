import type { ManagedEnrolment } from '../enrolment/types.ts';
import { isInForce } from '../plan/bases.ts';
import type { Decision } from '../plan/types.ts';
import type { FactoryState, Hold, Intent } from '../state/types.ts';
import type { Instant } from '../time.ts';

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
