import type { Style } from './style.ts';

export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** Aligned columns with a header; the last column is not padded. */
export function table(
  header: readonly string[],
  rows: readonly (readonly (Cell | string)[])[],
  style: Style,
): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (row: readonly Cell[]): string =>
    row
      .map(({ text, paint }, column) => {
        const padded = column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0);
        return paint ? paint(padded) : padded;
      })
      .join('  ')
      .trimEnd();
  const titles = line(header.map((text) => ({ text: text.toUpperCase(), paint: style.dim })));
  return [titles, ...cells.map(line)].join('\n') + '\n';
}
