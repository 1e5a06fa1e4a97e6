import type { Look, Sighting } from '@image-factory/core/ports/registry.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { Duration, Instant } from '@image-factory/core/time.ts';

interface Remembered extends Sighting {
  readonly askedAt: Instant;
  readonly absent?: true;
  readonly previous?: Sighting;
}

/** What a machine remembers of its looks at tags, as the registry adapter does: between cycles, never in the state. */
export class LookMemory {
  readonly #known = new Map<string, Remembered>();
  readonly #minInterval: (tag: string) => Duration;

  constructor(minInterval: (tag: string) => Duration) {
    this.#minInterval = minInterval;
  }

  /** The answer without asking, where the tag was asked too recently. */
  answer(tag: string, now: Instant): Look | undefined {
    const known = this.#known.get(tag);
    const until = known ? known.askedAt + this.#minInterval(tag) : 0;
    if (!known || until <= now) return undefined;
    const { digest, lastSeenAt, previous } = known;
    return { kind: 'not-asked', until, last: { digest, lastSeenAt, ...(previous ? { previous } : {}) } };
  }

  /** The answer after asking at a time. */
  enter(tag: string, digest: Digest | undefined, now: Instant, askedFrom: Instant): Look {
    const known = this.#known.get(tag);
    if (!digest) {
      if (known) this.#known.set(tag, { ...known, askedAt: now, absent: true });
      return { kind: 'absent' };
    }
    const previous =
      known && known.digest !== digest
        ? { digest: known.digest, lastSeenAt: known.lastSeenAt }
        : known?.previous;
    this.#known.set(tag, { digest, lastSeenAt: askedFrom, askedAt: now, ...(previous ? { previous } : {}) });
    return { kind: 'digest', digest, ...(previous ? { previous } : {}) };
  }
}
