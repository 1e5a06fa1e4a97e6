import type { ManagedEnrolment } from '../enrolment/types.ts';
import { managedGraph } from '../graph/managed.ts';
import { heldBy } from '../plan/blocked.ts';
import { startOf } from '../plan/start-time.ts';
import { frozenBy } from '../plan/timing.ts';
import type { PlanInput, Reason } from '../plan/types.ts';
import type { ImageRecord } from '../state/types.ts';
import { imageMoves, type BaseMoves, type MovesQuestion } from './image-moves.ts';
import { pinsBranch, repositoryOf } from './request-place.ts';
import { isOpenRequest } from './request-record.ts';
import { limited, together, type Judged } from './request-units.ts';
import { targetsOf, type PinMove, type Proposal } from './types.ts';

/**
 * What every image in pull-request mode is to propose now, by name: pure, as the plan is, and by the same rules of
 * delay, slot, coordination window, look-ahead, holds, freeze windows and limits. Images of one repository and branch
 * that name the same group propose together: those that would be in one request name the same branch. An open request
 * takes a place of `limits.concurrent` and `limits.perProvider`, counted apart from rebuilds.
 */
export function proposalsOf(input: PlanInput): readonly Proposal[] {
  const managed = new Map<string, ManagedEnrolment>();
  for (const enrolment of input.images)
    if (enrolment.kind === 'managed') managed.set(enrolment.name, enrolment);
  const proposing = [...managed.values()].filter(({ mode }) => mode === 'pull-request');
  if (proposing.length === 0) return [];
  const graph = managedGraph([...managed.values()], input.state.images, input.state.bases);
  const judged = proposing.map((enrolment): Judged => {
    const record = input.state.images.get(enrolment.name);
    return record
      ? proposalOf({ input, enrolment, record, graph, managed })
      : plain(enrolment, 'blocked', [{ code: 'discovery-pending' }]);
  });
  const units = [...Map.groupBy(judged, (each) => unitKey(each, managed, input)).values()].map((members) =>
    together(members, input.state),
  );
  return limited(units, managed, input).toSorted((a, b) => (a.image < b.image ? -1 : 1));
}

function unitKey(
  { proposal: { image, branch } }: Judged,
  managed: ReadonlyMap<string, ManagedEnrolment>,
  { settings }: PlanInput,
): string {
  const enrolment = managed.get(image);
  return enrolment ? `${repositoryOf(enrolment.source, settings.providers)} ${branch}` : image;
}

function plain(enrolment: ManagedEnrolment, action: Proposal['action'], notes: readonly Reason[]): Judged {
  return { proposal: { ...whose(enrolment), action, due: [], notes, moves: [] }, standing: [] };
}

function whose(enrolment: ManagedEnrolment): Pick<Proposal, 'image' | 'branch' | 'group'> {
  const { name, pullRequestGroup } = enrolment;
  return {
    image: name,
    branch: pinsBranch(enrolment),
    ...(pullRequestGroup === undefined ? {} : { group: pullRequestGroup }),
  };
}

/** One image for itself; what stays in a request that the image has left by its enrolment stays there while it is stopped. */
function proposalOf(question: MovesQuestion): Judged {
  const { enrolment, record } = question;
  const judged = ownProposal(question);
  const request = isOpenRequest(record.pullRequest) ? record.pullRequest : undefined;
  const { proposal } = judged;
  if (!request || request.branch === proposal.branch) return judged;
  const { group: _, ...rest } = proposal;
  if (proposal.action === 'keep') return { ...judged, proposal: { ...rest, branch: request.branch } };
  // First it leaves the request that it is in, then it is proposed in the other.
  if (proposal.action === 'propose') return { ...judged, proposal: { ...proposal, action: 'wait' } };
  return { ...judged, proposal: { ...proposal, branch: pinsBranch(enrolment) } };
}

function ownProposal(question: MovesQuestion): Judged {
  const { input, enrolment, record } = question;
  const isOpen = isOpenRequest(record.pullRequest);
  const open: Reason[] = isOpen
    ? [{ code: 'request-open', detail: record.pullRequest?.url ?? record.pullRequest?.branch ?? '' }]
    : [];
  if (record.discoveryStatus !== 'success') {
    const { discoveryStatus, discoveryError } = record;
    const why: Reason =
      discoveryStatus === 'failed'
        ? { code: 'discovery-failed', ...(discoveryError ? { detail: discoveryError } : {}) }
        : { code: 'discovery-pending' };
    return plain(enrolment, isOpen ? 'keep' : 'blocked', [...open, why]);
  }
  const found = imageMoves(question);
  const due = found.flatMap((base) => base.due);
  const notes = [...open, ...found.flatMap((base) => base.notes)];
  const standing = found.flatMap((base) => base.standing);
  const fresh = found.flatMap((base) => base.fresh ?? []);
  if (fresh.length === 0 && standing.length === 0) return plain(enrolment, 'none', notes);
  const wanted = found.flatMap((base) => base.fresh?.moves ?? base.standing);
  const emergency = fresh.some(({ verdict }) => verdict.emergency);
  const common = { ...whose(enrolment), due, ...(emergency ? { emergency: true as const } : {}) };
  const judged = (proposal: Pick<Proposal, 'action' | 'at' | 'notes' | 'moves'>): Judged => ({
    proposal: { ...common, ...proposal },
    standing,
  });

  const frozen = frozenBy(input.settings.freezeWindows, input.now, emergency);
  const stops: Reason[] = [
    ...heldBy(record, input.now),
    ...(frozen ? [{ code: 'frozen' as const, detail: frozen.window.name, until: frozen.until }] : []),
    ...(enrolment.autoRebuild ? [] : [{ code: 'auto-rebuild-off' as const }]),
  ];
  if (stops.length > 0) {
    if (isOpen) return judged({ action: 'keep', notes: [...stops, ...notes], moves: standing });
    const ends = stops.map(({ until }) => until);
    const at = ends.every((until) => until !== undefined) ? Math.max(...ends) : undefined;
    const isReport = stops.every(({ code }) => code === 'auto-rebuild-off');
    return judged({
      action: at !== undefined ? 'wait' : isReport ? 'report' : 'blocked',
      ...(at === undefined ? {} : { at }),
      notes: [...stops, ...notes],
      moves: wanted,
    });
  }
  if (isDeclined(record, wanted)) {
    const url = record.pullRequest?.url;
    const declined: Reason = { code: 'request-declined', ...(url === undefined ? {} : { detail: url }) };
    return judged({ action: 'none', notes: [declined, ...notes], moves: [] });
  }
  const timing = fresh.length === 0 ? { at: input.now, notes: [] } : startOfMoves(question, fresh);
  if (timing.at <= input.now) return judged({ action: 'propose', notes, moves: wanted });
  const later = Number.isFinite(timing.at) ? { at: timing.at } : {};
  // What is new waits; what is proposed already stays proposed.
  const action = standing.length > 0 ? 'propose' : 'wait';
  const moves = standing.length > 0 ? standing : wanted;
  return judged({ action, ...later, notes: [...timing.notes, ...notes], moves });
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
    // A group has one daily slot, or its request would change at as many times of the day as it has images.
    { ...enrolment, name: enrolment.pullRequestGroup ?? enrolment.name },
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
