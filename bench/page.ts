import { cpus, totalmem, type as systemName } from 'node:os';
import type { Bench, Row } from './bench.ts';

/** The section of one benchmark, from its marker to its end. */
export function section(bench: Bench, rows: readonly Row[], day: string): string {
  const lines = rows.map((row) =>
    line([
      row.what,
      row.measured,
      row.comparedWith ?? '',
      row.ratio === undefined ? '' : `${row.ratio.toFixed(2)}x`,
      row.aim ? `${row.aim.text}: ${row.aim.met ? 'met' : '**not met**'}` : '',
    ]),
  );
  return [
    begin(bench.name),
    `## ${bench.name}`,
    '',
    bench.about,
    '',
    line(['', 'measured', 'compared with', 'ratio', 'aim']),
    '|---|---|---|---|---|',
    ...lines,
    '',
    `${day}, ${machine()}`,
    end(bench.name),
  ].join('\n');
}

/** Puts a section in the place of its older one, or at the end of the page. */
export function withSection(page: string, name: string, text: string): string {
  const from = page.indexOf(begin(name));
  if (from === -1) return `${page.trimEnd()}\n\n${text}\n`;
  const to = page.indexOf(end(name), from);
  if (to === -1) throw new Error(`docs/benchmarks.md has "${begin(name)}" without "${end(name)}"`);
  return page.slice(0, from) + text + page.slice(to + end(name).length);
}

function begin(name: string): string {
  return `<!-- bench ${name} -->`;
}

function end(name: string): string {
  return `<!-- /bench ${name} -->`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function machine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `Node ${process.versions.node}, ${systemName()}, ${all.length} x ${all[0]?.model.trim() ?? 'unknown'}, ${memory} GB`;
}
