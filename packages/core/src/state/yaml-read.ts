import * as jsYaml from 'js-yaml';
import type { Place, Problem } from '../problem.ts';
import { err, ok, type Result } from '../result.ts';
import { readCanonical } from './yaml-canonical.ts';
import { isMap } from './data-equal.ts';

/** A ledger of 100 entries with eight platforms each stays well below it. */
const largestFile = 8 * 1024 * 1024;
/** Aliases multiply what a file holds; with so few of them the growth stays harmless. */
const mostAliases = 20;
const deepest = 80;

export const restoreHint =
  'Restore the file from git history, or delete it to start afresh; until then it is left alone.';

/** The mapping that a state file holds; STATE_CORRUPT with line and column where it is none. */
export function readYaml(path: string, text: string): Result<Readonly<Record<string, unknown>>, Problem> {
  if (text.length > largestFile) {
    return corrupt({ file: path }, `expected at most ${largestFile} characters, got ${text.length}`);
  }
  const quick = readCanonical(text);
  if (quick) return ok(quick);
  const loaded = loadYaml(text);
  if (!loaded.ok) return corrupt({ file: path, ...loaded.error.place }, loaded.error.reason);
  return isMap(loaded.value)
    ? ok(loaded.value)
    : corrupt({ file: path, line: 1, column: 1 }, `expected a mapping, got ${kindOf(loaded.value)}`);
}

interface SyntaxFault {
  readonly reason: string;
  readonly place: { readonly line?: number; readonly column?: number };
}

/** One YAML document as data, with the limits for hostile input. */
export function loadYaml(text: string): Result<unknown, SyntaxFault> {
  try {
    return ok(jsYaml.load(text, { maxAliases: mostAliases, maxDepth: deepest }));
  } catch (thrown) {
    if (!(thrown instanceof jsYaml.YAMLException)) return err({ reason: 'not readable as YAML', place: {} });
    const { mark } = thrown;
    return err({
      reason: thrown.reason,
      place: mark ? { line: mark.line + 1, column: mark.column + 1 } : {},
    });
  }
}

function corrupt(place: Place, message: string): Result<never, Problem> {
  return err({ code: 'STATE_CORRUPT', message: `cannot be read: ${message}`, hint: restoreHint, place });
}

/** What a value is, in words for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return `"${value.length > 60 ? value.slice(0, 60) + '…' : value}"`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}
