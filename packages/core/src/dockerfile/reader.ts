import { isSpace, skipSpace } from './characters.ts';
import { DirectiveSection } from './directives.ts';
import { heredocsOfLine, type Heredoc, type HeredocStart } from './heredocs.ts';
import { keywordOf, splitInstruction, type FlagWord } from './instruction-line.ts';
import { at, placed, Refusal } from './refusal.ts';
import { isComment, SourceLines, type LinePiece } from './source-lines.ts';
import type { Escape } from './word-lexer.ts';
import { argumentsOf } from './arguments.ts';

/** One instruction as the whole-file split leaves it: not yet checked, but taken apart. */
export interface InstructionNode {
  /** The instruction word as written. */
  readonly command: string;
  /** The same in lower case. */
  readonly keyword: string;
  /** Undefined where nothing follows the instruction word. */
  readonly flags: readonly FlagWord[] | undefined;
  readonly args: readonly string[];
  /** Were the arguments a JSON array? */
  readonly json: boolean;
  readonly heredocs: readonly Heredoc[];
  /** The logical line. */
  readonly original: string;
  /** First and last line in the text, from 1. */
  readonly line: number;
  readonly endLine: number;
  /** Offset in the logical line of what follows instruction word and flags. */
  readonly restStart: number;
  readonly rest: string;
  readonly pieces: readonly LinePiece[];
  /** The instruction behind ONBUILD. */
  readonly trigger: InstructionNode | undefined;
}

export interface ParsedFile {
  readonly nodes: readonly InstructionNode[];
  readonly escape: Escape;
}

/**
 * Splits a whole Dockerfile into instructions: directives, comments, continuations, heredocs, flag words and the shape of
 * the arguments. Throws the errors of phase 2. Rule: research "dockerfile", sections 2 to 6.
 */
export function parseFile(text: string): ParsedFile {
  return new Reader(text).read();
}

class Reader {
  readonly #lines: SourceLines;
  readonly #directives = new DirectiveSection('#');
  readonly #nodes: InstructionNode[] = [];
  #escape: Escape = '\\';

  constructor(text: string) {
    this.#lines = new SourceLines(text);
  }

  read(): ParsedFile {
    const lines = this.#lines;
    while (lines.advance()) {
      const bom = lines.number === 1 && lines.text.startsWith('\uFEFF') ? 1 : 0;
      const start = Math.min(skipSpace(lines.text, lines.start + bom), lines.end);
      if (!this.#directives.ended) at(lines.number, () => this.#readDirective(start));
      if (start === lines.end || lines.text.charCodeAt(start) === 0x23) continue;
      this.#readInstruction(start);
    }
    if (this.#nodes.length === 0) {
      throw new Refusal('EMPTY_DOCKERFILE', 'file with no instructions', Math.max(lines.number, 1));
    }
    if (lines.tooLong) {
      throw new Refusal(
        'LINE_TOO_LONG',
        'dockerfile line greater than max allowed size of 65535',
        lines.number + 1,
      );
    }
    return { nodes: this.#nodes, escape: this.#escape };
  }

  #readDirective(start: number): void {
    const directive = this.#directives.read(this.#lines.text.slice(start, this.#lines.end));
    if (directive?.name !== 'escape') return;
    if (directive.value !== '`' && directive.value !== '\\') {
      throw new Refusal(
        'INVALID_ESCAPE_DIRECTIVE',
        `invalid escape token '${directive.value}' does not match \` or \\`,
      );
    }
    this.#escape = directive.value;
  }

  #readInstruction(start: number): void {
    const lines = this.#lines;
    const { text } = lines;
    const line = lines.number;
    const pieces: LinePiece[] = [{ at: 0, line, column: start - lines.start + 1 }];
    let end = continuationStart(text, start, lines.end, this.#escape);
    let original = text.slice(start, end === -1 ? lines.end : end);
    while (end !== -1 && lines.advance()) {
      if (isComment(text, lines.start, lines.end) || isWhite(text, lines.start, lines.end)) continue;
      end = continuationStart(text, lines.start, lines.end, this.#escape);
      pieces.push({ at: original.length, line: lines.number, column: 1 });
      original += text.slice(lines.start, end === -1 ? lines.end : end);
    }
    try {
      const node = shapeOf(original, this.#escape, line, lines.number, pieces);
      const heredocs = original.includes('<<') && canHaveHeredocs(node) ? heredocsOfLine(original) : noStarts;
      this.#nodes.push(heredocs.length === 0 ? node : this.#withHeredocs(node, heredocs));
    } catch (thrown) {
      throw placed(thrown, line);
    }
  }

  #withHeredocs(node: InstructionNode, starts: readonly HeredocStart[]): InstructionNode {
    const lines = this.#lines;
    const heredocs = starts.map((heredoc) => {
      const contentStart = lines.next;
      for (;;) {
        if (!lines.advance()) throw new Refusal('UNTERMINATED_HEREDOC', 'unterminated heredoc');
        let start = lines.start;
        if (heredoc.chomp) while (lines.text.charCodeAt(start) === 0x09) start += 1;
        if (lines.end - start !== heredoc.name.length || !lines.text.startsWith(heredoc.name, start))
          continue;
        return { ...heredoc, content: lines.text.slice(contentStart, lines.start) };
      }
    });
    return { ...node, heredocs, endLine: lines.number };
  }
}

const noStarts: readonly HeredocStart[] = [];
const noHeredocs: readonly Heredoc[] = [];

const noArguments = { args: [], json: false };

/** Takes one logical line apart. Throws INVALID_INSTRUCTION where the arguments have the wrong shape. */
function shapeOf(
  original: string,
  escape: Escape,
  line: number,
  endLine: number,
  pieces: readonly LinePiece[],
): InstructionNode {
  const { command, flags, rest, restStart } = splitInstruction(original, escape);
  const keyword = keywordOf(command);
  const isOnbuild = keyword === 'onbuild';
  const { args, json } = isOnbuild ? noArguments : argumentsOf(keyword, rest, escape);
  const heredocs = noHeredocs;
  const trigger =
    isOnbuild && rest !== ''
      ? triggerOf(rest, escape, line, endLine, shiftPieces(pieces, restStart))
      : undefined;
  return {
    command,
    keyword,
    flags,
    args,
    json,
    heredocs,
    original,
    line,
    endLine,
    restStart,
    rest,
    pieces,
    trigger,
  };
}

/** A trigger that is an ONBUILD itself is refused later; only the shape of what it would trigger is looked at, without recursion. */
function triggerOf(
  original: string,
  escape: Escape,
  line: number,
  endLine: number,
  pieces: readonly LinePiece[],
): InstructionNode {
  const outer = splitInstruction(original, escape);
  let inner = outer;
  while (keywordOf(inner.command) === 'onbuild' && inner.rest !== '')
    inner = splitInstruction(inner.rest, escape);
  const { args, json } = argumentsOf(keywordOf(inner.command), inner.rest, escape);
  const { command, flags, rest, restStart } = outer;
  const keyword = keywordOf(command);
  const heredocs = noHeredocs;
  const trigger = undefined;
  return {
    command,
    keyword,
    flags,
    args,
    json,
    heredocs,
    original,
    line,
    endLine,
    restStart,
    rest,
    pieces,
    trigger,
  };
}

/** The pieces of a part of the logical line that begins at `start`. */
function shiftPieces(pieces: readonly LinePiece[], start: number): LinePiece[] {
  const shifted: LinePiece[] = [];
  for (const piece of pieces) {
    if (piece.at > start) shifted.push({ ...piece, at: piece.at - start });
    else shifted[0] = { at: 0, line: piece.line, column: piece.column + start - piece.at };
  }
  return shifted;
}

/** RUN, COPY and ADD, also behind ONBUILD, unless their arguments are a JSON array. */
function canHaveHeredocs(node: InstructionNode): boolean {
  const inner = node.keyword === 'onbuild' && node.trigger !== undefined ? node.trigger : node;
  return !inner.json && (inner.keyword === 'run' || inner.keyword === 'copy' || inner.keyword === 'add');
}

/**
 * Where the line stops being text because an escape character with nothing but blanks behind it continues it, or -1.
 * The escape before an escape at the end is looked at one character back only.
 */
function continuationStart(text: string, start: number, end: number, escape: Escape): number {
  let index = end;
  while (index > start && (text.charCodeAt(index - 1) === 0x20 || text.charCodeAt(index - 1) === 0x09))
    index -= 1;
  if (index === start || text.charAt(index - 1) !== escape) return -1;
  return index - 1 > start && text.charAt(index - 2) === escape ? -1 : index - 1;
}

function isWhite(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (!isSpace(text.charCodeAt(index))) return false;
  return true;
}
