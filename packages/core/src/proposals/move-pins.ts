import { dependenciesOf, type AnalysisOptions } from '../dockerfile/analyse.ts';
import type { BaseDependency, DockerfileAnalysis } from '../dockerfile/dependency.ts';
import type { SourceRange } from '../dockerfile/source-lines.ts';
import { parseReference } from '../reference/parse.ts';
import { err, ok, type Result } from '../result.ts';
import type { PinMove } from './types.ts';

/** One word, or part of it, at an offset of the text. */
export interface TextEdit {
  readonly offset: number;
  readonly from: string;
  readonly to: string;
}

/** What a Dockerfile is read with; triggers of base images stand in no line of it. */
export type ReadOptions = Omit<AnalysisOptions, 'onbuildOf'>;

/**
 * The Dockerfile with its references moved, and otherwise the same byte for byte: line ends, comments and continuations
 * stay. A digest is moved where it stands, in the word itself or in the default of the ARG that the word is made of. The
 * result is read again, and is given out only if it means what was asked for and nothing else. The failure is a sentence.
 */
export function movePins(
  text: string,
  moves: readonly PinMove[],
  options: ReadOptions = {},
): Result<string, string> {
  const before = dependenciesOf(text, options);
  if (before.error) return err(`the Dockerfile cannot be read: ${before.error.message}`);
  const edits: TextEdit[] = [];
  for (const move of moves) {
    const uses = before.bases.filter(
      ({ kind, normalized }) => kind !== 'syntax' && normalized === move.written,
    );
    if (uses.length === 0) return err(`it does not name ${move.written} any more`);
    for (const use of uses) {
      const found = editsFor(text, use, move);
      if (!found.ok) return found;
      edits.push(...found.value);
    }
  }
  const edited = applyEdits(text, edits);
  if (!edited.ok) return edited;
  const after = dependenciesOf(edited.value, options);
  const expected = meaning(before, new Map(moves.map(({ written, moved }) => [written, moved])));
  return after.error === undefined && meaning(after, new Map()) === expected
    ? edited
    : err('moving it would change more of the Dockerfile than it should');
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

/** Each verified against what should stand there. The same edit twice (one ARG of two words) is one. */
export function applyEdits(text: string, edits: readonly TextEdit[]): Result<string, string> {
  let edited = '';
  let done = 0;
  let last: TextEdit | undefined;
  for (const edit of edits.toSorted((a, b) => a.offset - b.offset)) {
    const { offset, from, to } = edit;
    if (last && last.offset === offset && last.from === from && last.to === to) continue;
    if (offset < done) return err(`two changes meet at one place: ${last?.from ?? ''} and ${from}`);
    if (!text.startsWith(from, offset)) return err(`expected ${from} at offset ${offset}`);
    edited += text.slice(done, offset) + to;
    done = offset + from.length;
    last = edit;
  }
  return ok(edited + text.slice(done));
}
