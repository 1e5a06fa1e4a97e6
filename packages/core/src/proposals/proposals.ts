import type { ManagedEnrolment } from '../enrolment/types.ts';
import { managedGraph } from '../graph/managed.ts';
import { heldBy, startOf } from '../plan/assess.ts';
import { frozenBy } from '../plan/timing.ts';
import type { PlanInput, Reason } from '../plan/types.ts';
import type { ImageRecord, SourceRequest } from '../state/types.ts';
import { day } from '../time.ts';
import { imageMoves, type BaseMoves, type MovesQuestion } from './image-moves.ts';
import { targetsOf, type PinMove, type Proposal } from './types.ts';

/**
 * What every image in pull-request mode is to propose now, by name: pure, as the plan is, and by the same rules of
 * delay, slot, coordination window, look-ahead, holds, freeze windows and limits. An open request takes a place of
 * `limits.concurrent` and `limits.perProvider`, counted apart from rebuilds.
 */
export function proposalsOf(input: PlanInput): readonly Proposal[] {
  const managed = new Map<string, ManagedEnrolment>();
  for (const enrolment of input.images)
    if (enrolment.kind === 'managed') managed.set(enrolment.name, enrolment);
  const proposing = [...managed.values()].filter(({ mode }) => mode === 'pull-request');
  if (proposing.length === 0) return [];
  const graph = managedGraph([...managed.values()], input.state.images, input.state.bases);
  const proposals = proposing.map((enrolment) => {
    const record = input.state.images.get(enrolment.name);
    return record
      ? proposalOf({ input, enrolment, record, graph, managed })
      : plain(enrolment.name, 'blocked', [{ code: 'discovery-pending' }]);
  });
  return limited(proposals, managed, input).toSorted((a, b) => (a.image < b.image ? -1 : 1));
}

function plain(image: string, action: Proposal['action'], notes: readonly Reason[]): Proposal {
  return { image, action, due: [], notes, moves: [] };
}

export function isOpenRequest(
  request: SourceRequest | undefined,
): request is SourceRequest & { readonly ended?: never } {
  return request !== undefined && request.ended === undefined;
}

function proposalOf(question: MovesQuestion): Proposal {
  const { input, enrolment, record } = question;
  const { name } = enrolment;
  const isOpen = isOpenRequest(record.pullRequest);
  const open: Reason[] = isOpen
    ? [{ code: 'request-open', detail: record.pullRequest?.url ?? record.pullRequest?.branch ?? '' }]
    : [];
  if (record.discoveryStatus !== 'success') {
    const why: Reason = {
      code: record.discoveryStatus === 'failed' ? 'discovery-failed' : 'discovery-pending',
    };
    return plain(name, isOpen ? 'keep' : 'blocked', [...open, why]);
  }
  const found = imageMoves(question);
  const due = found.flatMap((base) => base.due);
  const notes = [...open, ...found.flatMap((base) => base.notes)];
  const standing = found.flatMap((base) => base.standing);
  const fresh = found.flatMap((base) => base.fresh ?? []);
  if (fresh.length === 0 && standing.length === 0) return plain(name, 'none', notes);

  const wanted = found.flatMap((base) => base.fresh?.moves ?? base.standing);
  const emergency = fresh.some(({ verdict }) => verdict.emergency);
  const common = { image: name, due, ...(emergency ? { emergency: true as const } : {}) };
  const frozen = frozenBy(input.settings.freezeWindows, input.now, emergency);
  const stops: Reason[] = [
    ...heldBy(record, input.now),
    ...(frozen ? [{ code: 'frozen' as const, detail: frozen.window.name, until: frozen.until }] : []),
    ...(enrolment.autoRebuild ? [] : [{ code: 'auto-rebuild-off' as const }]),
  ];
  if (stops.length > 0) {
    if (isOpen) return { ...common, action: 'keep', notes: [...stops, ...notes], moves: standing };
    const ends = stops.map(({ until }) => until);
    const at = ends.every((until) => until !== undefined) ? Math.max(...ends) : undefined;
    const isReport = stops.every(({ code }) => code === 'auto-rebuild-off');
    return {
      ...common,
      action: at !== undefined ? 'wait' : isReport ? 'report' : 'blocked',
      ...(at === undefined ? {} : { at }),
      notes: [...stops, ...notes],
      moves: wanted,
    };
  }
  if (isDeclined(record, wanted)) {
    const url = record.pullRequest?.url;
    const declined: Reason = { code: 'request-declined', ...(url === undefined ? {} : { detail: url }) };
    return { ...common, action: 'none', notes: [declined, ...notes], moves: [] };
  }
  const timing = fresh.length === 0 ? { at: input.now, notes: [] } : startOfMoves(question, fresh);
  if (timing.at <= input.now) return { ...common, action: 'propose', notes, moves: wanted };
  const later = Number.isFinite(timing.at) ? { at: timing.at } : {};
  // What is new waits; what is proposed already stays proposed.
  const action = standing.length > 0 ? 'propose' : 'wait';
  const moves = standing.length > 0 ? standing : wanted;
  return { ...common, action, ...later, notes: [...timing.notes, ...notes], moves };
}

function startOfMoves(
  { input, enrolment, record }: MovesQuestion,
  fresh: readonly NonNullable<BaseMoves['fresh']>[],
): ReturnType<typeof startOf> {
  const verdicts = fresh.map(({ verdict }) => verdict);
  const since = verdicts.flatMap(({ dueSince }) => dueSince ?? []);
  const dueSince = since.length > 0 ? Math.min(...since) : input.now;
  const emergency = verdicts.some((verdict) => verdict.emergency);
  // A Dockerfile with a pin stands for a built image: there is no hurry of a first build.
  const { content = { digest: '' as never, firstSeen: record.enrolledAt, platforms: {} } } = record;
  return startOf(
    enrolment,
    { ...record, content },
    verdicts,
    { emergency, request: undefined, dueSince },
    input,
  );
}

function isDeclined({ pullRequest }: ImageRecord, wanted: readonly PinMove[]): boolean {
  if (pullRequest?.ended?.outcome !== 'declined') return false;
  const before = pullRequest.digests;
  return Object.entries(targetsOf(wanted)).every(([base, target]) => before[base] === target);
}

const criticalityRank = { high: 0, normal: 1, low: 2 };

/** Which of those that would open or change a request may do so now: emergencies, criticality, name. */
function limited(
  proposals: readonly Proposal[],
  managed: ReadonlyMap<string, ManagedEnrolment>,
  { settings: { limits }, state, now }: PlanInput,
): readonly Proposal[] {
  const providerOf = (image: string): string => managed.get(image)?.source.provider ?? '';
  const perProvider = new Map<string, number>();
  let open = 0;
  for (const { name, pullRequest } of state.images.values()) {
    if (!isOpenRequest(pullRequest)) continue;
    open += 1;
    perProvider.set(providerOf(name), (perProvider.get(providerOf(name)) ?? 0) + 1);
  }
  let opened = 0;
  const limitOf = ({ image, moves }: Proposal): Reason | undefined => {
    const request = state.images.get(image)?.pullRequest;
    const isOpen = isOpenRequest(request);
    if (isOpen && sameTargets(request, moves)) return undefined;
    const today = (request?.changedAt ?? []).filter((at) => at > now - day);
    if (today.length >= limits.perImageAndDay) {
      const oldest = today[today.length - limits.perImageAndDay] ?? now;
      return { code: 'daily-limit', detail: String(limits.perImageAndDay), until: oldest + day };
    }
    if (opened >= limits.perCycle) return { code: 'cycle-limit', detail: String(limits.perCycle) };
    opened += 1;
    if (isOpen) return undefined;
    if (open >= limits.concurrent) return { code: 'concurrency-limit', detail: String(limits.concurrent) };
    const provider = providerOf(image);
    const cap = (limits.perProvider as Readonly<Record<string, number | undefined>>)[provider];
    if (cap !== undefined && (perProvider.get(provider) ?? 0) >= cap)
      return { code: 'provider-limit', detail: `${provider}: ${cap}` };
    open += 1;
    perProvider.set(provider, (perProvider.get(provider) ?? 0) + 1);
    return undefined;
  };
  const rank = ({ image, emergency }: Proposal): number =>
    (emergency ? 0 : 10) + criticalityRank[managed.get(image)?.criticality ?? 'normal'];
  return proposals
    .toSorted((a, b) => rank(a) - rank(b) || (a.image < b.image ? -1 : 1))
    .map((proposal) => {
      const reason = proposal.action === 'propose' ? limitOf(proposal) : undefined;
      if (!reason) return proposal;
      const isOpen = isOpenRequest(state.images.get(proposal.image)?.pullRequest);
      return {
        ...proposal,
        action: isOpen ? 'keep' : 'wait',
        ...(reason.until === undefined ? {} : { at: reason.until }),
        notes: [reason, ...proposal.notes],
      };
    });
}

export function sameTargets({ digests }: SourceRequest, moves: readonly PinMove[]): boolean {
  const wanted = Object.entries(targetsOf(moves));
  return (
    wanted.length === Object.keys(digests).length &&
    wanted.every(([base, target]) => digests[base] === target)
  );
}
