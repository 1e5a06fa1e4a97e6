import type { Plan } from '../plan/types.ts';
import type { Digest } from '../reference/types.ts';
import type { Intent, LedgerEntry, Rebuild } from '../state/types.ts';
import type { Instant } from '../time.ts';
import type { Downgrade, SimulatedRebuild, TimelineEntry } from './types.ts';

/** What an image contains from an instant on: digests by base. */
export interface Contents {
  readonly at: Instant;
  readonly inside: ReadonlyMap<string, Digest>;
  readonly digest: Digest | undefined;
}

/** Keeps what happened, for the report. */
export class Recorder {
  looks = 0;
  plans = 0;
  mostRunning = 0;
  readonly rebuilds: SimulatedRebuild[] = [];
  readonly refused: { readonly image: string; readonly at: Instant; readonly key: string }[] = [];
  readonly downgrades: Downgrade[] = [];
  readonly contents = new Map<string, Contents[]>();
  readonly timeline: TimelineEntry[] | undefined;
  readonly #told = new Map<string, string>();

  constructor(timeline: boolean) {
    this.timeline = timeline ? [] : undefined;
  }

  /** What the image contains of a base now. */
  inside(image: string, base: string): Digest | undefined {
    return this.contents.get(image)?.at(-1)?.inside.get(base);
  }

  present(image: string, inside: ReadonlyMap<string, LedgerEntry>, digest: Digest, at: Instant): void {
    this.#contain(image, { at, inside: digestsOf(inside), digest });
  }

  planned(plan: Plan, at: Instant): void {
    this.plans++;
    if (!this.timeline) return;
    for (const decision of plan.decisions) {
      const reasons = [...decision.due, ...decision.notes].map(({ code }) => code);
      const startsAt = decision.at === undefined ? {} : { startsAt: decision.at };
      const text = JSON.stringify([decision.action, reasons, startsAt]);
      if (this.#told.get(decision.image) === text) continue;
      this.#told.set(decision.image, text);
      this.timeline.push({ at, image: decision.image, action: decision.action, reasons, ...startsAt });
    }
  }

  running(count: number): void {
    this.mostRunning = Math.max(this.mostRunning, count);
  }

  ended(
    image: string,
    rebuild: Rebuild,
    intent: Intent,
    young: readonly string[],
    inside: ReadonlyMap<string, LedgerEntry> | undefined,
  ): void {
    const { key, attempt, reason, startedAt, endedAt, outcome, pins, digest } = rebuild;
    const emergency = intent.emergency ?? false;
    const made = digest === undefined ? {} : { digest };
    this.rebuilds.push({
      image,
      key,
      attempt,
      reason,
      emergency,
      startedAt,
      endedAt,
      outcome,
      pins,
      young,
      ...made,
    });
    if (inside) this.#contain(image, { at: endedAt, inside: digestsOf(inside), digest });
  }

  #contain(image: string, contents: Contents): void {
    const known = this.contents.get(image);
    if (known) known.push(contents);
    else this.contents.set(image, [contents]);
  }
}

function digestsOf(inside: ReadonlyMap<string, LedgerEntry>): ReadonlyMap<string, Digest> {
  return new Map([...inside].map(([base, { digest }]) => [base, digest]));
}
