import type { Enrolment, Settings } from '@image-factory/core/enrolment/types.ts';
import { followUpAt, standing, standingCheckAt } from '@image-factory/core/ledger/observe.ts';
import type { Subject } from '@image-factory/core/problem.ts';
import type { Digest, Reference } from '@image-factory/core/reference/types.ts';
import type { FactoryState, LedgerEntry } from '@image-factory/core/state/types.ts';
import type { Instant } from '@image-factory/core/time.ts';
import type { LookAgain } from './look-again.ts';

/** One tag to look at, and what its records want to know of it. */
export interface Target {
  readonly reference: Reference;
  /** Whose problem it is when the look fails. */
  readonly subject: Subject;
  /** Bases, and external images, that verification may refuse its digests for. */
  readonly verified: string[];
  /** Bases that it is the tag of. */
  readonly bases: string[];
  readonly ledgers: (readonly LedgerEntry[])[];
  /** What stands under the tag in each of them. */
  readonly standing: (LedgerEntry | undefined)[];
  /** Digest whose content is known already, for an image of ours. */
  known: Digest | undefined;
  /** A managed image's own tag: its content has to be known besides the ledgers. */
  ours: boolean;
  /** A tag that builds of ours move: before the first of them it is not there. */
  mayBeAbsent: boolean;
  force: boolean;
}

export function tagKey(reference: {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
}): string {
  return `${reference.domain}/${reference.path}:${reference.tag ?? 'latest'}`;
}

/**
 * Every distinct tag of the enrolled images and their bases, by {@link tagKey}. With the kargo engine only those that have
 * news, that were never looked at, that a follow-up is due for, or whose turn it is to be looked at again: the other ones
 * are Kargo's to watch.
 */
export function lookTargets(
  enrolments: readonly Enrolment[],
  state: FactoryState,
  selected: ReadonlyMap<string, readonly string[]>,
  options: {
    readonly now: Instant;
    readonly settings: Settings;
    readonly force: boolean;
    readonly news: ReadonlySet<string>;
    readonly again: LookAgain;
  },
): ReadonlyMap<string, Target> {
  const { now, settings, force, news, again } = options;
  const { settle, minStanding } = settings.timing;
  const kargo = settings.engine === 'kargo';
  const targets = new Map<string, Target>();
  function target(reference: Reference, subject: Subject): Target {
    const key = tagKey(reference);
    const known = targets.get(key);
    if (known) return known;
    const fresh: Target = {
      reference,
      subject,
      verified: [],
      bases: [],
      ledgers: [],
      standing: [],
      known: undefined,
      ours: false,
      mayBeAbsent: false,
      force,
    };
    targets.set(key, fresh);
    return fresh;
  }
  function follow(into: Target, ledger: readonly LedgerEntry[], tag?: string): void {
    into.ledgers.push(tag === undefined ? ledger : ledger.filter((entry) => entry.tag === tag));
    into.standing.push(standing(ledger, tag));
    const at = followUpAt(ledger, settle, tag);
    if (at !== undefined && at <= now && !standing(ledger, tag)?.baseline) into.force = true;
    const check = kargo ? standingCheckAt(ledger, minStanding, tag) : undefined;
    if (check !== undefined && check <= now) into.force = true;
  }

  const used = new Set<string>();
  for (const enrolment of enrolments) {
    const record = state.images.get(enrolment.name);
    for (const base of record?.baseImages ?? []) used.add(base);
    if (enrolment.kind === 'managed') {
      const reference = {
        domain: enrolment.registry,
        path: enrolment.repository,
        tag: enrolment.tags[0] ?? 'latest',
      };
      const own = target(reference, { kind: 'image', name: enrolment.name });
      own.ours = true;
      own.mayBeAbsent = true;
      own.known = record?.content?.digest;
      if (news.has(enrolment.name) || again(reference)) own.force = true;
      continue;
    }
    for (const tag of selected.get(enrolment.name) ?? []) {
      const reference = { domain: enrolment.registry, path: enrolment.repository, tag };
      const own = target(reference, { kind: 'image', name: enrolment.name });
      own.verified.push(enrolment.name);
      if (news.has(enrolment.name) || again(reference)) own.force = true;
      follow(own, record?.ledger ?? [], tag);
    }
  }
  for (const name of used) {
    const base = state.bases.get(name);
    if (!base) continue;
    const reference = { domain: base.registry, path: base.repository, tag: base.tag ?? 'latest' };
    const tag = target(reference, { kind: 'base', name });
    tag.bases.push(name);
    tag.mayBeAbsent ||= base.managedBy !== undefined;
    if (base.managedBy === undefined) tag.verified.push(name);
    // Where there has been one digest only, none can return.
    if (news.has(name) || (base.ledger.length > 1 && again(reference))) tag.force = true;
    follow(tag, base.ledger);
  }
  return kargo ? new Map([...targets].filter(([, target]) => isOurs(target))) : targets;
}

/** Is it on us to look, although Kargo watches? */
function isOurs({ force, ours, known, standing: entries }: Target): boolean {
  return force || entries.some((entry) => entry === undefined) || (ours && known === undefined);
}
