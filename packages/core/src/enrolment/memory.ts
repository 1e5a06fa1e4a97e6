import type { PlatformName } from '../reference/types.ts';
import type { Result } from '../result.ts';
import type { TagPattern } from './tag-pattern.ts';

/** Answers found while reading one configuration: the same few texts stand in thousands of entries. */
export interface Memory {
  /** What is wrong with a cron expression, if anything. */
  readonly crons: Map<string, string | undefined>;
  readonly zones: Map<string, boolean>;
  readonly platforms: Map<string, PlatformName | undefined>;
  readonly patterns: Map<string, Result<TagPattern, string>>;
}

export function newMemory(): Memory {
  return { crons: new Map(), zones: new Map(), platforms: new Map(), patterns: new Map() };
}
