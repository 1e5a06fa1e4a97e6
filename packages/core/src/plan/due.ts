import type { Contained } from '../evidence/contained.ts';
import type { Candidate, Judged } from '../ledger/candidate.ts';
import { equalContent, positionOf, type Version } from '../ledger/versions.ts';
import type { Digest } from '../reference/types.ts';
import type { ImageContent } from '../state/types.ts';
import type { Instant } from '../time.ts';
import type { Reason } from './types.ts';

/** One base as it stands for one built image. */
export interface DueQuestion {
  readonly base: string;
  readonly content: ImageContent;
  readonly contained: Contained;
  readonly candidate: Candidate;
  /** What has proved itself, or may be taken without that in an emergency. */
  readonly approved: Judged | undefined;
  /** The baseline: good enough to leave a withdrawn digest, never by itself a reason. */
  readonly fallback: Judged | undefined;
}

export interface DueAnswer {
  readonly due: { readonly reason: Reason; readonly since: Instant } | undefined;
  /** What was noticed on the way. */
  readonly note: Reason | undefined;
}

/** Does a built image have to be built again because of this base, and since when (brief 4.3.2)? */
export function dueBecauseOf(question: DueQuestion): DueAnswer {
  const { base, content, contained, candidate, approved } = question;
  const to = approved?.digest;
  if (!contained.best) {
    if (!approved || !to) return nothing();
    const { baseline, previousLastSeenAt: before } = firstOfContent(candidate, approved.version);
    // Equal times are those of one cycle, in which both were seen for the first time: the image was there while its base
    // still showed what stood before. It can contain the candidate only if that was pushed and built in between the two
    // looks; then one build was superfluous, while waiting would leave every other image on the old base.
    if (baseline || before === undefined || content.firstSeen > before) return nothing();
    return dueSince({ code: 'evidence-unknown', base, to }, usableFrom(approved));
  }

  const from = contained.best.digest;
  const at = positionOf(
    candidate.judged.map(({ version }) => version),
    from,
  );
  const inside = candidate.judged[at]?.version;
  if (inside && isBad(inside)) return leaveBad(question, inside, from);
  if (!approved || !to) {
    // Nothing has proved itself yet, and the image has what a person or an emergency put in before its time.
    const young = inside && !inside.baseline && candidate.judged[at]?.obstacles.includes('not-matured');
    return nothing(young ? { code: 'ahead-of-gate', base, from } : undefined);
  }
  const upTo = candidate.judged.indexOf(approved);
  if (!inside) {
    // The ledger does not know what it contains: placed by when the image was first seen.
    const { baseline, appeared } = firstOfContent(candidate, approved.version);
    // Nobody knows on which side of the candidate it stands: no reason to build, and none to call it up to date.
    if (baseline || appeared <= content.firstSeen) return nothing({ code: 'evidence-unknown', base, from });
    const firstLater = candidate.judged.findIndex(({ version }) => version.appeared > content.firstSeen);
    return dueSince(
      { code: 'newer-base', base, from, to },
      usableSince(candidate, firstLater, upTo, undefined),
    );
  }
  if (at > upTo) return nothing({ code: 'ahead-of-gate', base, from, to });
  if (at === upTo) return nothing();
  if (equalContent(inside, approved.version)) return nothing({ code: 'equal-content', base, from, to });
  return dueSince({ code: 'newer-base', base, from, to }, usableSince(candidate, at + 1, upTo, inside));
}

/** The tag went back from this version, or verification refuses all of it. */
export function isBad(version: Version): boolean {
  return version.withdrawnAt !== undefined || version.entries.every((entry) => entry.refused !== undefined);
}

function leaveBad({ base, approved, fallback }: DueQuestion, inside: Version, from: Digest): DueAnswer {
  const detail = inside.withdrawnAt === undefined ? 'refused' : 'withdrawn';
  const alarm: Reason = { code: 'contains-withdrawn', base, from, detail };
  const target = approved ?? fallback;
  if (!target?.digest || equalContent(inside, target.version)) return nothing(alarm);
  return dueSince({ ...alarm, to: target.digest }, inside.withdrawnAt ?? target.matureAt);
}

/** Evidence for one of two equal contents counts for both, so what is not known to be inside is judged by the first. */
function firstOfContent(candidate: Candidate, version: Version): Version {
  return candidate.judged.find((each) => equalContent(each.version, version))?.version ?? version;
}

/** As soon as the first version after what it contains could have been used. */
function usableSince(
  candidate: Candidate,
  first: number,
  upTo: number,
  inside: Version | undefined,
): Instant {
  let since = Number.POSITIVE_INFINITY;
  for (const judged of candidate.judged.slice(first, upTo + 1)) {
    if (judged.obstacles.length > 0 && judged.takenAt === undefined) continue;
    if (inside && equalContent(inside, judged.version)) continue;
    since = Math.min(since, usableFrom(judged));
  }
  if (Number.isFinite(since)) return since;
  // The delay was skipped: it could be used from the second look on.
  const target = candidate.judged[upTo]?.version;
  return target?.settledAt ?? target?.firstSeen ?? 0;
}

/** Matured, settled, and under the tag: an old digest to which the tag went back is news only since then. */
function usableFrom({ version, matureAt, takenAt }: Judged): Instant {
  return Math.max(takenAt ?? matureAt, version.settledAt ?? matureAt, version.appeared);
}

/** A version that will be usable by time alone, or is by now. */
export interface Maturing {
  readonly seenAt: Instant;
  readonly matureAt: Instant;
}

/**
 * The versions newer than what the image contains that mature, past ones included: a start that waited for one keeps
 * its time when that one has matured.
 */
export function maturingAfter(candidate: Candidate, contained: Contained): readonly Maturing[] {
  const versions = candidate.judged.map(({ version }) => version);
  const at = contained.best ? positionOf(versions, contained.best.digest) : -1;
  const inside = versions[at];
  return candidate.judged
    .slice(at + 1)
    .filter(({ obstacles, version }) => {
      const onlyTime = obstacles.every((obstacle) => obstacle === 'not-matured');
      return onlyTime && !version.baseline && !(inside && equalContent(inside, version));
    })
    .map(({ matureAt, version }) => ({ seenAt: version.firstSeen, matureAt }));
}

function nothing(note?: Reason): DueAnswer {
  return { due: undefined, note };
}

function dueSince(reason: Reason, since: Instant): DueAnswer {
  return { due: { reason, since }, note: undefined };
}
