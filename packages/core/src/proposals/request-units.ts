import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { PlanInput, Reason } from '../plan/types.ts';
import type { FactoryState, SourceRequest } from '../state/types.ts';
import { day } from '../time.ts';
import { repositoryOf } from './request-place.ts';
import { isOpenRequest, sameTargets } from './request-record.ts';
import { targetsOf, type PinMove, type Proposal } from './types.ts';

/** What one image proposes for itself. */
export interface Judged {
  readonly proposal: Proposal;
  /** Of an open request: what stays good of it. */
  readonly standing: readonly PinMove[];
}

/** What leaves a request that others go on with: to merge it is not to be a word on these. */
const leaving: ReadonlySet<Reason['code']> = new Set([
  'held',
  'auto-rebuild-off',
  'discovery-failed',
  'discovery-pending',
]);

/**
 * The images of one request. An image that is stopped stays in it as it is while nothing else happens to it, and is
 * left out of it while others propose; one that only waits (for the end of a freeze window) stays with what it proposed.
 */
export function together(members: readonly Judged[], state: FactoryState): readonly Judged[] {
  if (!members.some(({ proposal }) => proposal.action === 'propose')) return members;
  return members.map((member): Judged => {
    const { proposal } = member;
    if (proposal.action !== 'keep' || carries(proposal, state)) return member;
    return { ...member, proposal: { ...proposal, action: 'blocked' } };
  });
}

/** May the request be made anew with what it says of this image? */
function carries({ image, notes, moves }: Proposal, state: FactoryState): boolean {
  const request = state.images.get(image)?.pullRequest;
  return (
    request !== undefined &&
    sameTargets(request, targetsOf(moves)) &&
    notes.every(({ code }) => !leaving.has(code))
  );
}

const criticalityRank = { high: 0, normal: 1, low: 2 };

/** Which of those that would open or change a request may do so now: emergencies, criticality, name. */
export function limited(
  units: readonly (readonly Judged[])[],
  managed: ReadonlyMap<string, ManagedEnrolment>,
  input: PlanInput,
): readonly Proposal[] {
  const {
    settings: { limits, providers },
    state,
    now,
  } = input;
  const providerOf = (image: string): string => managed.get(image)?.source.provider ?? '';
  const requestOf = (image: string, branch: string): SourceRequest | undefined => {
    const request = state.images.get(image)?.pullRequest;
    return request?.branch === branch ? request : undefined;
  };
  const places = new Map<string, string>();
  for (const { name, pullRequest } of state.images.values()) {
    if (!isOpenRequest(pullRequest)) continue;
    const enrolment = managed.get(name);
    const repository = enrolment ? repositoryOf(enrolment.source, providers) : '';
    places.set(`${repository} ${pullRequest.branch}`, providerOf(name));
  }
  let open = places.size;
  const perProvider = new Map<string, number>();
  for (const provider of places.values()) perProvider.set(provider, (perProvider.get(provider) ?? 0) + 1);
  let opened = 0;

  const limitOf = (wanted: readonly Proposal[]): Reason | undefined => {
    const isOpen = wanted.some(({ image, branch }) => isOpenRequest(requestOf(image, branch)));
    const isSame = wanted.every(({ image, branch, moves }) => {
      const request = requestOf(image, branch);
      return isOpenRequest(request) && sameTargets(request, targetsOf(moves));
    });
    if (isOpen && isSame) return undefined;
    // The images of one request are recorded as changed at one time.
    const changes = new Set(wanted.flatMap(({ image, branch }) => requestOf(image, branch)?.changedAt ?? []));
    const today = [...changes].filter((at) => at > now - day).toSorted((a, b) => a - b);
    if (today.length >= limits.perImageAndDay) {
      const oldest = today[today.length - limits.perImageAndDay] ?? now;
      return { code: 'daily-limit', detail: String(limits.perImageAndDay), until: oldest + day };
    }
    if (opened >= limits.perCycle) return { code: 'cycle-limit', detail: String(limits.perCycle) };
    opened += 1;
    if (isOpen) return undefined;
    if (open >= limits.concurrent) return { code: 'concurrency-limit', detail: String(limits.concurrent) };
    const provider = providerOf(wanted[0]?.image ?? '');
    const cap = (limits.perProvider as Readonly<Record<string, number | undefined>>)[provider];
    if (cap !== undefined && (perProvider.get(provider) ?? 0) >= cap)
      return { code: 'provider-limit', detail: `${provider}: ${cap}` };
    open += 1;
    perProvider.set(provider, (perProvider.get(provider) ?? 0) + 1);
    return undefined;
  };

  const rankOf = ({ image, emergency }: Proposal): number =>
    (emergency ? 0 : 10) + criticalityRank[managed.get(image)?.criticality ?? 'normal'];
  const ranked = units.map((members) => {
    const wanted = members.flatMap(({ proposal }) => (proposal.action === 'propose' ? [proposal] : []));
    const first = members.map(({ proposal }) => proposal.image).toSorted()[0] ?? '';
    return { members, wanted, first, rank: Math.min(...wanted.map(rankOf)) };
  });
  return ranked
    .toSorted((a, b) => a.rank - b.rank || (a.first < b.first ? -1 : 1))
    .flatMap(({ members, wanted }) => {
      const reason = wanted.length > 0 ? limitOf(wanted) : undefined;
      return members.map(({ proposal, standing }): Proposal => {
        if (!reason || proposal.action !== 'propose') return proposal;
        const isOpen = isOpenRequest(requestOf(proposal.image, proposal.branch));
        return {
          ...proposal,
          action: isOpen ? 'keep' : 'wait',
          ...(isOpen && proposal.group !== undefined ? { moves: standing } : {}),
          ...(reason.until === undefined ? {} : { at: reason.until }),
          notes: [reason, ...proposal.notes],
        };
      });
    });
}
