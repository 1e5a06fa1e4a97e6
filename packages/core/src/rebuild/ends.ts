import type { ManagedEnrolment } from '../enrolment/types.ts';
import { driftOf } from '../evidence/drift.ts';
import { moved } from '../ledger/moved.ts';
import { describeEntry, observe } from '../ledger/observe.ts';
import type {
  BaseRecord,
  FactoryState,
  ImageContent,
  Intent,
  Rebuild,
  RebuildOutcome,
} from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';
import { withContent } from './content.ts';
import { openAttempt, withIntent } from './intents.ts';

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
