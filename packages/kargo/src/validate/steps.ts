import { child, items, reach, textOf, type At } from './at.ts';

/** A promotion step, wherever it stands. */
export interface Step {
  readonly at: At;
  readonly index: number;
  /** Undefined: it has none, or none that is text. */
  readonly uses: string | undefined;
  readonly task: At;
  readonly config: At;
  readonly alias: string | undefined;
}

export function isTaskKind(kind: string): boolean {
  return kind === 'PromotionTask' || kind === 'ClusterPromotionTask';
}

export function stepsOf(root: At, kind: string): readonly Step[] {
  const spec = child(root, 'spec');
  if (kind === 'Stage') return readSteps(reach(spec, 'promotionTemplate', 'spec', 'steps'));
  if (kind === 'Promotion' || isTaskKind(kind)) return readSteps(child(spec, 'steps'));
  return [];
}

function readSteps(list: At): readonly Step[] {
  return items(list).map((at, index) => ({
    at,
    index,
    uses: textOf(child(at, 'uses')),
    task: child(at, 'task'),
    config: child(at, 'config'),
    alias: textOf(child(at, 'as')),
  }));
}

/** The name that a step's outputs have: its own or the one that Kargo gives it. */
export function aliasOf({ alias, index, uses }: Step): string {
  return alias !== undefined && alias !== '' ? alias : `${uses === undefined ? 'task' : 'step'}-${index + 1}`;
}
