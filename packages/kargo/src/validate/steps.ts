import { bodiesWithin, type Body } from './expressions.ts';
import { shapeFaults, type ShapeFault } from './shape.ts';
import { stepConfigShapes } from './shapes/step-configs.ts';
import { child, isThere, items, reach, textOf, type At } from './at.ts';

/** A promotion step, wherever it stands. */
export interface Step {
  readonly at: At;
  readonly index: number;
  /** Undefined: it has none, or none that is text. */
  readonly uses: string | undefined;
  readonly task: At;
  readonly config: At;
  readonly alias: string | undefined;
  /** Of its condition, variables and configuration. */
  readonly bodies: readonly Body[];
  readonly configFaults: readonly ShapeFault[];
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
  return items(list).map((at, index) => {
    const uses = textOf(child(at, 'uses'));
    const config = child(at, 'config');
    return {
      at,
      index,
      uses,
      task: child(at, 'task'),
      config,
      alias: textOf(child(at, 'as')),
      bodies: ['if', 'vars', 'config'].flatMap((name) => bodiesWithin(child(at, name))),
      configFaults: configFaults(uses, config),
    };
  });
}

function configFaults(uses: string | undefined, config: At): readonly ShapeFault[] {
  const shape =
    uses !== undefined && Object.hasOwn(stepConfigShapes, uses) ? stepConfigShapes[uses] : undefined;
  if (!shape) return [];
  // Without a configuration, what is missing is what the step needs of one.
  return shapeFaults(isThere(config) ? config : { ...config, value: {} }, shape, { expressions: true });
}

/** The name that a step's outputs have: its own or the one that Kargo gives it. */
export function aliasOf({ alias, index, uses }: Step): string {
  return alias !== undefined && alias !== '' ? alias : `${uses === undefined ? 'task' : 'step'}-${index + 1}`;
}
