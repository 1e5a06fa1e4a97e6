import type { Flag } from './flags.ts';
import type { InstructionNode } from './reader.ts';
import { rangeOf, type SourceRange } from './source-lines.ts';

/** A word before anything is expanded, and where it stands. */
export interface WrittenWord {
  readonly text: string;
  readonly range: SourceRange;
}

/** The base word of a FROM. */
export function writtenBase(node: InstructionNode): WrittenWord {
  return wordAt(node, node.restStart, node.restStart + (node.args[0] ?? '').length);
}

/** The value of a `--from`, or of `from=` in a `--mount`; the whole flag where quotes or escapes hide its start. */
export function writtenSource(node: InstructionNode, flag: Flag, value: string): WrittenWord {
  const { start, end } = flag.word;
  const raw = node.original.slice(start, end);
  if (raw.startsWith('--from=')) return wordAt(node, start + '--from='.length, end);
  const key = /(?:^--mount=|,)\\*"?from=/gi;
  let found = -1;
  for (const match of raw.matchAll(key)) found = match.index + match[0].length;
  if (found === -1 || !raw.startsWith(value, found)) return wordAt(node, start, end);
  return wordAt(node, start + found, start + found + value.length);
}

function wordAt(node: InstructionNode, start: number, end: number): WrittenWord {
  return { text: node.original.slice(start, end), range: rangeOf(node.pieces, start, end) };
}
