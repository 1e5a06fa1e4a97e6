import type { Duration, Instant } from '@image-factory/core/time.ts';
import type { Freight } from '../freight.ts';
import type { Outside } from '../outside.ts';
import type { Promotion } from '../promotion.ts';

/** What a step has when it runs: its configuration, with every expression evaluated. */
export interface StepInput {
  readonly config: Readonly<Record<string, unknown>>;
  readonly promotion: Promotion;
  readonly outside: Outside;
  readonly now: Instant;
  readonly setMetadata: (of: 'Stage' | Freight, name: string, values: unknown) => void;
}

/**
 * What one run of a step came to. `Running` and an error that is not terminal are run again; a failure without an error
 * is too, and nobody counts it (trap 6).
 */
export interface StepResult {
  readonly status: 'Succeeded' | 'Skipped' | 'Running' | 'Failed' | 'Errored';
  readonly output?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  readonly terminal?: boolean;
  readonly again?: Duration;
}

export type StepRunner = (input: StepInput) => StepResult | Promise<StepResult>;

/** A configuration that Kargo's schemas refuse when the step runs. */
export class ConfigRefused extends Error {}

type Kind = 'text' | 'count' | 'flag' | 'list' | 'map';

/** Refuses unknown keys, missing ones, and values of another kind; `!` marks what has to be there. */
export function checkConfig(
  config: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, Kind | `${Kind}!`>>,
): void {
  for (const key of Object.keys(config))
    if (!Object.hasOwn(shape, key)) throw new ConfigRefused(`unknown key ${key}`);
  for (const [key, kind] of Object.entries(shape)) {
    const value = config[key];
    if (value === undefined) {
      if (kind.endsWith('!')) throw new ConfigRefused(`${key} is missing`);
      continue;
    }
    if (kindOf(value) !== kind.replace('!', ''))
      throw new ConfigRefused(`${key}: expected ${kind.replace('!', '')}, got ${kindOf(value)}`);
  }
}

function kindOf(value: unknown): Kind | 'nothing' {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'count';
  if (typeof value === 'boolean') return 'flag';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' && value !== null ? 'map' : 'nothing';
}

/** `./now/intents/a.yaml` as `now/intents/a.yaml`; nothing leads out of the promotion's folder. */
export function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new ConfigRefused(`${path} leads out of the folder`);
  return parts.join('/');
}

/** The working tree that holds a path, and the path within it. */
export function treeOf(
  promotion: Promotion,
  path: string,
):
  | { readonly tree: NonNullable<ReturnType<Promotion['trees']['get']>>; readonly within: string }
  | undefined {
  const clean = cleanPath(path);
  for (const [root, tree] of promotion.trees) {
    if (clean === root) return { tree, within: '' };
    if (clean.startsWith(`${root}/`)) return { tree, within: clean.slice(root.length + 1) };
  }
  return undefined;
}
