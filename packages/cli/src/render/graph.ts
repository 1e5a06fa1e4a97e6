import type { Drawing, DrawnNode } from '@image-factory/core/graph/drawing.ts';
import type { Style } from './style.ts';
import { graphSvg } from './graph-svg.ts';

export function graphText(drawing: Drawing, format: string, style: Style): string {
  if (format === 'mermaid') return mermaid(drawing);
  if (format === 'dot') return dot(drawing);
  if (format === 'svg') return graphSvg(drawing);
  if (format === 'json') return `${JSON.stringify(drawing, undefined, 2)}\n`;
  return tree(drawing, style);
}

/** Every root with what is built on it. An image below several is shown whole once, and named where it comes again. */
function tree({ nodes, edges, cycles }: Drawing, style: Style): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const below = Map.groupBy(edges, ({ from }) => from);
  const hasParent = new Set(edges.map(({ to }) => to));
  const shown = new Set<string>();
  const lines: string[] = [];

  function walk(node: DrawnNode, lead: string, joint: string, note: string): void {
    const again = shown.has(node.id);
    const children = below.get(node.id) ?? [];
    const paint = node.kind === 'managed' ? style.bold : node.kind === 'external' ? style.good : style.dim;
    const name = node.kind === 'base' ? node.label : node.id;
    lines.push(
      `${lead}${joint}${paint(name)}${note}${again && children.length > 0 ? style.dim(' (shown above)') : ''}`,
    );
    if (again) return;
    shown.add(node.id);
    const inner = joint === '' ? lead : lead + (joint.startsWith('└') ? '   ' : '│  ');
    for (const [index, edge] of children.entries()) {
      const child = byId.get(edge.to);
      if (!child) continue;
      const how = edge.kind === 'from' ? '' : style.dim(` (${edge.kind})`);
      walk(child, inner, index === children.length - 1 ? '└─ ' : '├─ ', how);
    }
  }

  for (const node of nodes) if (!hasParent.has(node.id)) walk(node, '', '', '');
  for (const node of nodes) if (!shown.has(node.id)) walk(node, '', '', '');
  for (const cycle of cycles) lines.push(style.bad(`cycle: ${[...cycle, cycle[0] ?? ''].join(' -> ')}`));
  return lines.length > 0 ? lines.join('\n') + '\n' : 'nothing is enrolled yet\n';
}

function mermaid({ nodes, edges }: Drawing): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const quote = (text: string): string => text.replaceAll('"', '#quot;').replaceAll(/[<>\n]/g, ' ');
  const lines = ['flowchart TD'];
  for (const node of nodes) {
    const name = node.kind === 'base' ? node.label : node.id;
    const [open, close] =
      node.kind === 'managed' ? ['[', ']'] : node.kind === 'base' ? ['([', '])'] : ['[/', '/]'];
    lines.push(`  ${ids.get(node.id)}${open}"${quote(name)}"${close}`);
  }
  for (const { from, to, kind } of edges)
    lines.push(`  ${ids.get(from)} ${kind === 'from' ? '-->' : '-.->'} ${ids.get(to)}`);
  return lines.join('\n') + '\n';
}

function dot({ nodes, edges }: Drawing): string {
  const quote = (text: string): string =>
    `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ')}"`;
  const shapes = { managed: 'box', base: 'ellipse', external: 'parallelogram' };
  const lines = ['digraph images {', '  rankdir=TB;'];
  for (const node of nodes) {
    const name = node.kind === 'base' ? node.label : node.id;
    lines.push(`  ${quote(node.id)} [label=${quote(name)} shape=${shapes[node.kind]}];`);
  }
  for (const { from, to, kind } of edges) {
    lines.push(`  ${quote(from)} -> ${quote(to)}${kind === 'from' ? '' : ' [style=dashed]'};`);
  }
  return [...lines, '}', ''].join('\n');
}
