import type { Instant } from '@image-factory/core/time.ts';
import { headerOf, type AnswerHeaders } from './answer-headers.ts';

interface Reading {
  readonly remote: Instant;
  readonly local: Instant;
}

/** Of each registry so many readings are kept: the clock is judged by many registries, not by the busiest one. */
const keptPerRegistry = 32;

/** What the registries' clocks said. */
export class ClockReadings {
  #readings = new Map<string, Reading[]>();

  add(registry: string, headers: AnswerHeaders, local: Instant): void {
    const known = this.#readings.get(registry);
    if (known && known.length >= keptPerRegistry) return;
    const date = Date.parse(headerOf(headers, 'date') ?? '');
    if (Number.isNaN(date)) return;
    // A cache on the way hands out old dates, and says how old.
    const age = /^\d{1,9}$/.exec(headerOf(headers, 'age') ?? '')?.[0];
    const reading = { remote: date + Number(age ?? 0) * 1000, local };
    if (known) known.push(reading);
    else this.#readings.set(registry, [reading]);
  }

  take(): readonly Reading[] {
    const all = [...this.#readings.values()].flat();
    this.#readings = new Map();
    return all;
  }
}
