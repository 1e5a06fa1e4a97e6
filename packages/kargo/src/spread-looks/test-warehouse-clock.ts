import { day, hour, second, type Duration, type Instant } from '@image-factory/core/time.ts';
import type { WatchedWarehouse } from './watched-warehouse.ts';

export interface Look {
  readonly at: Instant;
  /** `retry`: Kargo by itself, after a look that failed. `other`: a push, a person, or a change of the Warehouse. */
  readonly because: 'interval' | 'ours' | 'other' | 'retry';
}

export interface Outside {
  readonly slot: string;
  readonly isKargoUp: (at: Instant) => boolean;
  readonly isRegistryUp: (at: Instant) => boolean;
  /** How long the next look takes. */
  readonly lookTakes: () => Duration;
}

const longestBackOff = 1000 * second;

/**
 * When Kargo v1.11.2 looks at one Warehouse, and what its status says then; written from the rules of its reconciler
 * (`shouldDiscoverArtifacts`, `GetInterval`, requests seen by a change of the annotation, back-off of controller-runtime).
 * The interpreter of manifests has no status and no annotations, and needs neither.
 */
export class WarehouseClock {
  readonly looks: Look[] = [];
  readonly #outside: Outside;
  #now: Instant;
  #timer: Instant | undefined;
  #looking: { readonly ends: Instant; readonly handled: string | undefined } | undefined;
  #isDirty = false;
  #isSpecNew = true;
  #backOff: Duration = 0;
  #discoveredAt: Instant | undefined;
  #isReconciling = false;
  #asked: { readonly text: string; readonly by: 'ours' | 'other' } | undefined;
  #handled: string | undefined;

  constructor(appliedAt: Instant, outside: Outside) {
    this.#now = appliedAt;
    this.#timer = appliedAt;
    this.#outside = outside;
  }

  get seen(): WatchedWarehouse {
    return {
      name: 'base',
      resourceVersion: '1',
      slot: this.#outside.slot,
      interval: '24h0m0s',
      discoveredAt: this.#discoveredAt,
      isLooking: this.#isReconciling,
      asked: this.#asked?.text,
      handled: this.#handled,
    };
  }

  ask(text: string, by: 'ours' | 'other'): void {
    if (this.#asked?.text === text) return;
    this.#asked = { text, by };
    this.#wake();
  }

  changeSpec(): void {
    this.#isSpecNew = true;
    this.#wake();
  }

  /** Kargo started: it takes up every Warehouse. */
  restart(): void {
    this.#wake();
  }

  /** Everything up to then. */
  advance(until: Instant): void {
    for (;;) {
      const next = Math.min(this.#looking?.ends ?? Infinity, this.#timer ?? Infinity);
      if (next > until) break;
      this.#now = Math.max(this.#now, next);
      if (this.#looking?.ends === next) this.#endLook(this.#looking.handled);
      else {
        this.#timer = undefined;
        this.#reconcile();
      }
    }
    this.#now = until;
  }

  #wake(): void {
    this.#timer = Math.min(this.#timer ?? Infinity, this.#now);
  }

  #reconcile(): void {
    if (!this.#outside.isKargoUp(this.#now)) return;
    if (this.#looking) {
      this.#isDirty = true;
      return;
    }
    const because = this.#reasonToLook();
    if (because === undefined) {
      this.#handled = this.#asked?.text ?? this.#handled;
      this.#isReconciling = false;
      this.#backOff = 0;
      this.#timer = (this.#discoveredAt ?? this.#now) + day;
      return;
    }
    this.looks.push({ at: this.#now, because });
    this.#isReconciling = true;
    this.#isSpecNew = false;
    this.#looking = { ends: this.#now + this.#outside.lookTakes(), handled: this.#asked?.text };
  }

  #reasonToLook(): Look['because'] | undefined {
    const own = this.#backOff > 0 ? 'retry' : 'interval';
    if (this.#discoveredAt === undefined) return own;
    if (this.#isSpecNew) return 'other';
    if (this.#asked !== undefined && this.#asked.text !== this.#handled) return this.#asked.by;
    return this.#discoveredAt + day <= this.#now ? own : undefined;
  }

  #endLook(handled: string | undefined): void {
    this.#looking = undefined;
    this.#handled = handled ?? this.#handled;
    if (this.#outside.isRegistryUp(this.#now)) {
      this.#discoveredAt = this.#now - (this.#now % second);
      this.#isReconciling = false;
      this.#backOff = 0;
      this.#timer = this.#discoveredAt + day;
    } else {
      this.#backOff = Math.min(Math.max(second, this.#backOff * 2), longestBackOff);
      this.#timer = this.#now + this.#backOff;
    }
    if (this.#isDirty) this.#wake();
    this.#isDirty = false;
  }
}

/** The most looks of these reasons in any 24 hours, of which the end does not count. */
export function mostInADay(looks: readonly Look[], reasons: readonly Look['because'][]): number {
  const times = looks.filter(({ because }) => reasons.includes(because)).map(({ at }) => at);
  return Math.max(
    0,
    ...times.map((from) => times.filter((at) => at >= from && at < from + 24 * hour).length),
  );
}
