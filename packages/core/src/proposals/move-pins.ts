import { dependenciesOf, type AnalysisOptions } from '../dockerfile/analyse.ts';
import type { BaseDependency, DockerfileAnalysis } from '../dockerfile/dependency.ts';
import type { SourceRange } from '../dockerfile/source-lines.ts';
import { parseReference } from '../reference/parse.ts';
import { err, ok, type Result } from '../result.ts';
import type { TextEdit } from './apply-edits.ts';
import type { PinMove } from './types.ts';

/** What a Dockerfile is read with; triggers of base images stand in no line of it. */
export type ReadOptions = Omit<AnalysisOptions, 'onbuildOf'>;

/**
 * The edits of a Dockerfile that move its references, and leave the rest byte for byte: line ends, comments and
 * continuations. A digest is moved where it stands, in the word itself or in the default of the ARG that the word is made
 * of. What comes out has to be read again: {@link meansOnly}. The failure is a sentence.
 */
export function pinEdits(
  text: string,
  moves: readonly PinMove[],
  options: ReadOptions = {},
): Result<readonly TextEdit[], string> {
  const { bases, error } = dependenciesOf(text, options);
  if (error) return err(`the Dockerfile cannot be read: ${error.message}`);
  const edits: TextEdit[] = [];
  for (const move of moves) {
    const uses = bases.filter(({ kind, normalized }) => kind !== 'syntax' && normalized === move.written);
    if (uses.length === 0) return err(`it does not name ${move.written} any more`);
    for (const use of uses) {
      const found = editsFor(text, use, move);
      if (!found.ok) return found;
      edits.push(...found.value);
    }
  }
  return ok(edits);
}

/** Does the edited text mean what the text meant, with the written references moved, and nothing else? */
export function meansOnly(
  text: string,
  edited: string,
  moved: ReadonlyMap<string, string>,
  options: ReadOptions = {},
): boolean {
  const after = dependenciesOf(edited, options);
  return (
    after.error === undefined && meaning(after, new Map()) === meaning(dependenciesOf(text, options), moved)
  );
}

/** What a build of it reads, as text that can be compared. */
function meaning({ bases, stages }: DockerfileAnalysis, moved: ReadonlyMap<string, string>): string {
  const told = bases.map(({ kind, stage, platform, final, normalized }) => {
    const reference = kind === 'syntax' ? normalized : (moved.get(normalized ?? '') ?? normalized);
    return [kind, stage, platform, final, reference];
  });
  return JSON.stringify([
    told,
    stages.map(({ stage, line, reachable, target }) => [stage, line, reachable, target]),
  ]);
}

function editsFor(
  text: string,
  use: BaseDependency,
  { written, moved }: PinMove,
): Result<TextEdit[], string> {
  if (!use.range)
    return err(`${written} stands in a trigger of a base image, and in no line of the Dockerfile`);
  const from = parseReference(written);
  const to = parseReference(moved);
  if (!from.ok || !to.ok) return err(`${moved} is no reference`);
  const places = [use.range, ...(use.argValue ? [use.argValue.range] : [])];
  const edits: TextEdit[] = [];
  for (const [old, next, find] of [
    [from.value.digest, to.value.digest, placeOfDigest],
    [from.value.tag, to.value.tag, placeOfTag],
  ] as const) {
    if (old === next) continue;
    if (old === undefined || next === undefined) return err(`${written} cannot become ${moved}`);
    const edit = places.map((range) => find(text, range, old)).find((offset) => offset !== undefined);
    if (edit === undefined) return err(whyNotFound(use, old));
    edits.push({ offset: edit, from: old, to: next });
  }
  return ok(edits);
}

function whyNotFound({ range, args, written }: BaseDependency, old: string): string {
  const line = range?.startLine ?? 0;
  return args.length > 0
    ? `line ${line}: ${old} stands neither in ${written} nor in the default of one ARG that it is made of`
    : `line ${line}: ${old} is not written in one piece`;
}

/** Undefined where it is not there exactly once: quotes, escapes or a continuation may run through it. */
function placeOfDigest(text: string, range: SourceRange, digest: string): number | undefined {
  return onlyMatch(text, range, new RegExp(`(?<![0-9A-Za-z])${escaped(digest)}(?![0-9A-Za-z])`, 'g'));
}

/** Behind the colon of a name, or as the whole beginning of an ARG's value. */
function placeOfTag(text: string, range: SourceRange, tag: string): number | undefined {
  const end = `(?![\\w.-])`;
  return (
    onlyMatch(text, range, new RegExp(`(?<=:)${escaped(tag)}${end}`, 'g')) ??
    onlyMatch(text, range, new RegExp(`(?<=^["']?)${escaped(tag)}(?=@|["']?$)`, 'g'))
  );
}

function onlyMatch(text: string, range: SourceRange, pattern: RegExp): number | undefined {
  const start = offsetOf(text, range.startLine, range.startColumn);
  const end = offsetOf(text, range.endLine, range.endColumn);
  const [first, ...others] = text.slice(start, end).matchAll(pattern);
  return first && others.length === 0 ? start + first.index : undefined;
}

function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let number = 1; number < line; number += 1) start = text.indexOf('\n', start) + 1;
  return start + column - 1;
}

function escaped(literal: string): string {
  return literal.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
