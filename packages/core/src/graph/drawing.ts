import type { Enrolment } from '../enrolment/types.ts';
import type { FactoryState } from '../state/types.ts';
import type { ManagedGraph } from './managed.ts';

export interface DrawnNode {
  readonly id: string;
  readonly kind: 'base' | 'managed' | 'external';
  readonly label: string;
  /** 0 on top: bases and external images; every image below the lowest that it is built from. */
  readonly level: number;
  readonly onCycle: boolean;
}

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  /** How the build reads it: strongest use first. */
  readonly kind: 'from' | 'copy-from' | 'mount-from';
}

/** What a picture of the images shows: plain data, the same in every format. */
export interface Drawing {
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
  readonly cycles: readonly (readonly string[])[];
}

/** Bases that are managed images of ours are drawn as those images; frontends of `# syntax=` are left out. */
export function drawingOf(
  graph: ManagedGraph,
  enrolments: readonly Enrolment[],
  state: FactoryState,
): Drawing {
  const parentOf = new Map<string, string>();
  for (const node of graph.nodes.values())
    for (const { base, image } of node.parents) parentOf.set(base, image);
  const nodes = new Map<string, DrawnNode>();
  const edges = new Map<string, DrawnEdge>();
  for (const enrolment of enrolments) {
    const { name, kind, registry, repository } = enrolment;
    const level = kind === 'managed' ? (graph.nodes.get(name)?.depth ?? 0) + 1 : 0;
    nodes.set(name, {
      id: name,
      kind,
      label: `${registry}/${repository}`,
      level,
      onCycle: graph.onCycle.has(name),
    });
    for (const use of state.images.get(name)?.dependencies ?? []) {
      if (use.kind === 'syntax') continue;
      const parent = use.base === undefined ? undefined : parentOf.get(use.base);
      const from = parent ?? `base:${use.base ?? use.reference}`;
      if (!nodes.has(from) && parent === undefined) {
        nodes.set(from, { id: from, kind: 'base', label: use.reference, level: 0, onCycle: false });
      }
      const key = `${from} ${name}`;
      const known = edges.get(key);
      if (!known || (known.kind !== 'from' && use.kind === 'from'))
        edges.set(key, { from, to: name, kind: use.kind });
    }
  }
  return {
    nodes: [...nodes.values()].toSorted((a, b) => a.level - b.level || (a.id < b.id ? -1 : 1)),
    edges: [...edges.values()].toSorted((a, b) => (`${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1)),
    cycles: graph.cycles,
  };
}
