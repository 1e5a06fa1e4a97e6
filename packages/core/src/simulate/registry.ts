import { followUpAt, standing } from '../ledger/observe.ts';
import type { Digest } from '../reference/types.ts';
import type { BaseRecord } from '../state/types.ts';
import type { Duration, Instant } from '../time.ts';
import type { Publication, SimulatedBase } from './types.ts';
import { digestOf } from './world.ts';

/** The publication that stands under the tag at an instant. */
export function standingAt(base: SimulatedBase, at: Instant): Publication | undefined {
  return base.published.findLast((publication) => publication.at <= at);
}

/**
 * The looks at one tag: every `poll` from the first one on, each tag a little later than the one before, and a
 * follow-up after a change. Looks that find nothing new are skipped, for nobody could tell; the last of them is known.
 */
export class TagLooks {
  readonly base: SimulatedBase;
  readonly #first: Instant;
  readonly #offset: Duration;
  readonly #poll: Duration;
  readonly #settle: Duration;
  #last: Instant | undefined;

  constructor(base: SimulatedBase, first: Instant, offset: Duration, poll: Duration, settle: Duration) {
    this.base = base;
    this.#first = first;
    this.#offset = offset;
    this.#poll = poll;
    this.#settle = settle;
  }

  /** The next look that finds news, given what the ledger knows; undefined: there is none any more. */
  next(record: BaseRecord): Instant | undefined {
    const after = this.#last;
    if (after === undefined) return this.#first;
    const current = standing(record.ledger)?.digest;
    const followUp = followUpAt(record.ledger, this.#settle);
    const change = this.#changeAfter(after, current);
    if (followUp === undefined) return change;
    return change === undefined ? followUp : Math.min(change, followUp);
  }

  /** The last look before this one, and from now on this one. */
  look(at: Instant): Instant | undefined {
    const before = this.#last === undefined ? undefined : Math.max(this.#last, this.#ordinaryBefore(at));
    this.#last = at;
    return before;
  }

  #changeAfter(after: Instant, current: Digest | undefined): Instant | undefined {
    for (const [index, publication] of this.base.published.entries()) {
      const next = this.base.published[index + 1];
      if (next && next.at <= after) continue;
      const look = this.#ordinaryFrom(Math.max(publication.at, after + 1));
      if (next && next.at <= look) continue;
      if (digestOf(publication.digest) !== current) return look;
    }
    return undefined;
  }

  #ordinaryFrom(at: Instant): Instant {
    const grid = this.#first + this.#offset;
    return at <= grid ? grid : grid + Math.ceil((at - grid) / this.#poll) * this.#poll;
  }

  #ordinaryBefore(at: Instant): Instant {
    const grid = this.#first + this.#offset;
    return at <= grid ? this.#first : grid + (Math.ceil((at - grid) / this.#poll) - 1) * this.#poll;
  }
}
