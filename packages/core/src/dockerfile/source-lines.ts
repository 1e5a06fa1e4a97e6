import { isSpace } from './characters.ts';
import { longestLine } from './directives.ts';

/** A place in the text as given: line and column from 1, columns in UTF-16 units; the end is exclusive. */
export interface SourceRange {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Physical lines, one after the other. After one that is too long there are no more. */
export class SourceLines {
  readonly text: string;
  /** Number of the current line, from 1; 0 before the first. */
  number = 0;
  /** Offsets of the current line without its line end (LF, and CR before it). */
  start = 0;
  end = 0;
  /** Offset behind the current line's LF. */
  next = 0;
  tooLong = false;

  constructor(text: string) {
    this.text = text;
  }

  advance(): boolean {
    const { text } = this;
    if (this.next >= text.length || this.tooLong) return false;
    const newline = text.indexOf('\n', this.next);
    let end = newline === -1 ? text.length : newline;
    if (end - this.next > longestLine / 3 && utf8Length(text, this.next, end) > longestLine) {
      this.tooLong = true;
      return false;
    }
    this.start = this.next;
    this.next = newline === -1 ? text.length : newline + 1;
    while (end > this.start && text.charCodeAt(end - 1) === 0x0d) end -= 1;
    this.end = end;
    this.number += 1;
    return true;
  }
}

function utf8Length(text: string, start: number, end: number): number {
  let length = 0;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x80) length += 1;
    else if (code < 0x800) length += 2;
    else if (code >= 0xd800 && code <= 0xdbff) {
      length += 4;
      index += 1;
    } else length += 3;
  }
  return length;
}

/** Is the first character that is no space a `#`? */
export function isComment(text: string, start: number, end: number): boolean {
  let index = start;
  while (index < end && isSpace(text.charCodeAt(index))) index += 1;
  return index < end && text.charCodeAt(index) === 0x23;
}

/** One piece of a logical line: what one physical line gave to it. */
export interface LinePiece {
  /** Offset in the logical line. */
  readonly at: number;
  readonly line: number;
  /** Column of the piece's first character. */
  readonly column: number;
}

/** The range in the text of an offset range in a logical line. */
export function rangeOf(pieces: readonly LinePiece[], start: number, end: number): SourceRange {
  const first = pieceAt(pieces, start);
  const last = end > start ? pieceAt(pieces, end - 1) : first;
  return {
    startLine: first.line,
    startColumn: first.column + start - first.at,
    endLine: last.line,
    endColumn: last.column + end - last.at,
  };
}

function pieceAt(pieces: readonly LinePiece[], offset: number): LinePiece {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.at ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const piece = pieces[low];
  if (piece === undefined) throw new Error('a logical line has at least one piece');
  return piece;
}
