import { second, type Duration } from '@image-factory/core/time.ts';
import { headerOf, type AnswerHeaders } from './answer-headers.ts';

export interface Quota {
  readonly remaining: number;
  /** Length of the window, where it is told. */
  readonly window: Duration | undefined;
}

/** Reads `ratelimit-remaining: 76;w=21600` and `x-ratelimit-remaining: 76`; undefined where there is no quota. */
export function quotaOf(headers: AnswerHeaders): Quota | undefined {
  const value = headerOf(headers, 'ratelimit-remaining') ?? headerOf(headers, 'x-ratelimit-remaining');
  const [, remaining, window] = /^\s*(\d{1,12})(?:\s*;\s*w=(\d{1,9}))?/.exec(value ?? '') ?? [];
  if (remaining === undefined) return undefined;
  return { remaining: Number(remaining), window: window === undefined ? undefined : Number(window) * second };
}
