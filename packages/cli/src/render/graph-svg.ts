import type { Drawing, DrawnNode } from '@image-factory/core/graph/drawing.ts';

const rowHeight = 96;
const boxHeight = 34;
const gap = 18;
const margin = 24;
const charWidth = 7.4;

const colours = {
  managed: { fill: '#dbeafe', stroke: '#1d4ed8' },
  base: { fill: '#f3f4f6', stroke: '#6b7280' },
  external: { fill: '#dcfce7', stroke: '#15803d' },
};

interface Box {
  readonly node: DrawnNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly name: string;
}

/** One row per level, what is built below what it is built from; dashed lines are copies and mounts. */
export function graphSvg({ nodes, edges }: Drawing): string {
  const rows = [...Map.groupBy(nodes, ({ level }) => level)]
    .toSorted(([a], [b]) => a - b)
    .map(([, row]) => row);
  const parents = Map.groupBy(edges, ({ to }) => to);
  const boxes = new Map<string, Box>();
  let width = 0;
  for (const [index, row] of rows.entries()) {
    // Under the middle of their parents, images cross fewer lines than in the order of their names.
    const middle = (node: DrawnNode): number => {
      const above = (parents.get(node.id) ?? []).flatMap(({ from }) => boxes.get(from) ?? []);
      return above.length === 0
        ? 0
        : above.reduce((sum, box) => sum + box.x + box.width / 2, 0) / above.length;
    };
    let x = margin;
    for (const node of row.toSorted((a, b) => middle(a) - middle(b) || (a.id < b.id ? -1 : 1))) {
      const name = node.kind === 'base' ? node.label : node.id;
      const boxWidth = Math.ceil(name.length * charWidth) + 20;
      boxes.set(node.id, { node, x, y: margin + index * rowHeight, width: boxWidth, name });
      x += boxWidth + gap;
    }
    width = Math.max(width, x - gap + margin);
  }
  const height = margin * 2 + Math.max(0, rows.length - 1) * rowHeight + boxHeight;
  const lines = edges.flatMap(({ from, to, kind }) => {
    const above = boxes.get(from);
    const under = boxes.get(to);
    if (!above || !under) return [];
    const [x1, y1, x2, y2] = [
      above.x + above.width / 2,
      above.y + boxHeight,
      under.x + under.width / 2,
      under.y,
    ];
    const bend = (y1 + y2) / 2;
    const dash = kind === 'from' ? '' : ' stroke-dasharray="5 4"';
    return [
      `<path d="M${x1} ${y1}C${x1} ${bend} ${x2} ${bend} ${x2} ${y2 - 3}"${dash} marker-end="url(#end)"/>`,
    ];
  });
  const shapes = [...boxes.values()].map(({ node, x, y, width: boxWidth, name }) => {
    const { fill, stroke } = colours[node.kind];
    const line = node.onCycle ? '#b91c1c' : stroke;
    return (
      `<g><title>${escape(node.label)}</title><rect x="${x}" y="${y}" width="${boxWidth}" height="${boxHeight}" rx="6" ` +
      `fill="${fill}" stroke="${line}"/><text x="${x + boxWidth / 2}" y="${y + 22}" text-anchor="middle">${escape(name)}</text></g>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="How images build on each other" font-family="ui-monospace, monospace" font-size="12">`,
    '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>',
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<g fill="none" stroke="#6b7280" stroke-width="1.2">${lines.join('')}</g>`,
    ...shapes,
    '</svg>',
    '',
  ].join('\n');
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
