import { isRegexpSpace, parseBoolean, skipSpace, trimSpace } from './characters.ts';
import { Refusal } from './refusal.ts';

/** One `# name=value` line at the top of a file. */
export interface Directive {
  readonly name: 'syntax' | 'escape' | 'check';
  readonly value: string;
  /** Offset of the value in the line that was read. */
  readonly offset: number;
}

/** The frontend image that a file asks for. */
export interface SyntaxDetection {
  /** The value up to its first space. */
  readonly reference: string;
  /** The whole value: what follows the reference is passed on to the frontend. */
  readonly commandLine: string;
  /** From 1; a JSON document has no line. */
  readonly line?: number;
  /** From 1, of the value; present with `line`. */
  readonly column?: number;
}

/** Physical lines above this many bytes stop the reading. */
export const longestLine = 65_535;

/**
 * The section of directives: it ends for good at the first line that is none. Throws DUPLICATE_DIRECTIVE.
 * Rule: research "dockerfile", section 4.
 */
export class DirectiveSection {
  readonly #comment: string;
  readonly #seen = new Set<string>();
  #ended = false;

  constructor(comment: '#' | '//') {
    this.#comment = comment;
  }

  get ended(): boolean {
    return this.#ended;
  }

  read(line: string): Directive | undefined {
    if (this.#ended) return undefined;
    const directive = line.startsWith(this.#comment) ? parseDirective(line, this.#comment.length) : undefined;
    if (directive === undefined) {
      this.#ended = true;
      return undefined;
    }
    if (this.#seen.has(directive.name)) {
      throw new Refusal('DUPLICATE_DIRECTIVE', `only one ${directive.name} parser directive can be used`);
    }
    this.#seen.add(directive.name);
    return directive;
  }
}

function parseDirective(line: string, start: number): Directive | undefined {
  const nameStart = skipSpace(line, start);
  let index = nameStart;
  while (index < line.length && /[a-zA-Z0-9]/.test(line.charAt(index))) index += 1;
  const name = line.slice(nameStart, index).toLowerCase();
  if (name !== 'syntax' && name !== 'escape' && name !== 'check') return undefined;
  while (isRegexpSpace(line.charCodeAt(index))) index += 1;
  if (line.charAt(index) !== '=') return undefined;

  // The value is trimmed, but has at least one character: of blanks alone the last one is the value.
  let offset = index + 1;
  while (isRegexpSpace(line.charCodeAt(offset))) offset += 1;
  if (offset === line.length) offset -= 1;
  if (offset === index) return undefined;
  let end = line.length;
  while (end > offset + 1 && isRegexpSpace(line.charCodeAt(end - 1))) end -= 1;
  return { name, value: line.slice(offset, end), offset };
}

/** Finds the frontend image in any of its three forms: `# syntax=`, `// syntax=`, or a JSON document's `syntax`. */
export function detectSyntax(text: string): SyntaxDetection | undefined {
  const bom = text.startsWith('\uFEFF') ? 1 : 0;
  const hasShebang = text.startsWith('#!', bom);
  const shebangEnd = hasShebang ? text.indexOf('\n', bom) : -1;
  const start = hasShebang ? (shebangEnd === -1 ? text.length : shebangEnd + 1) : bom;
  const firstLine = hasShebang ? 2 : 1;
  return (
    findSyntaxLine(text, start, firstLine, '#') ??
    findSyntaxLine(text, start, firstLine, '//') ??
    findSyntaxKey(text, start)
  );
}

function findSyntaxLine(
  text: string,
  start: number,
  firstLine: number,
  comment: '#' | '//',
): SyntaxDetection | undefined {
  for (const { directive, line, column } of leadingDirectives(text, start, firstLine, comment)) {
    if (directive.name !== 'syntax') continue;
    const [reference = ''] = directive.value.split(' ', 1);
    return { reference, commandLine: directive.value, line, column };
  }
  return undefined;
}

/** The options of the `check` directive, up to the first space, or undefined without one. */
export function detectCheckOptions(
  text: string,
): { readonly options: string; readonly line: number } | undefined {
  const start = text.startsWith('\uFEFF') ? 1 : 0;
  const hasShebang = text.startsWith('#!', start);
  const shebangEnd = hasShebang ? text.indexOf('\n', start) : -1;
  if (hasShebang && shebangEnd === -1) return undefined;
  const [from, line] = hasShebang ? [shebangEnd + 1, 2] : [start, 1];
  for (const found of leadingDirectives(text, from, line, '#')) {
    if (found.directive.name === 'check') {
      return { options: found.directive.value.split(' ', 1)[0] ?? '', line: found.line };
    }
  }
  return undefined;
}

function* leadingDirectives(
  text: string,
  start: number,
  firstLine: number,
  comment: '#' | '//',
): Generator<{ directive: Directive; line: number; column: number }> {
  const section = new DirectiveSection(comment);
  let position = start;
  for (let line = firstLine; position < text.length; line += 1) {
    const newline = text.indexOf('\n', position);
    const end = newline === -1 ? text.length : newline;
    // A line too long to be read ends the search; it cannot be told from one that is no directive.
    if (!text.startsWith(comment, position) || end - position > longestLine) return;
    const content = text.slice(position, text.charAt(end - 1) === '\r' ? end - 1 : end);
    let directive: Directive | undefined;
    try {
      directive = section.read(content);
    } catch {
      return;
    }
    if (directive === undefined) return;
    const lineStart = line === 1 && start > 0 ? 0 : position;
    yield { directive, line, column: position - lineStart + directive.offset + 1 };
    position = end + 1;
  }
}

function findSyntaxKey(text: string, start: number): SyntaxDetection | undefined {
  let index = start;
  while (' \t\r\n'.includes(text.charAt(index) || 'x')) index += 1;
  if (text.charAt(index) !== '{') return undefined;
  try {
    const document: unknown = JSON.parse(text.slice(start));
    if (typeof document !== 'object' || document === null || !Object.hasOwn(document, 'syntax'))
      return undefined;
    const value: unknown = Reflect.get(document, 'syntax');
    return typeof value === 'string' ? { reference: value, commandLine: value } : undefined;
  } catch {
    return undefined;
  }
}

/** Throws INVALID_CHECK_DIRECTIVE for options that the linter would not take: `skip=all;error=true`. */
export function validateCheckOptions(options: string, line?: number): void {
  const trimmed = trimSpace(options);
  if (trimmed === '') return;
  const [first = '', second, ...others] = trimmed.split(';');
  for (const part of [first, second, others.length === 0 ? undefined : others.join(';')]) {
    if (part === undefined) continue;
    const equals = part.indexOf('=');
    const key = equals === -1 ? '' : trimSpace(part.slice(0, equals));
    const valid =
      key === 'skip' ||
      key === 'experimental' ||
      (key === 'error' && parseBoolean(trimSpace(part.slice(equals + 1))) !== undefined);
    if (!valid)
      throw new Refusal('INVALID_CHECK_DIRECTIVE', `invalid check option ${JSON.stringify(part)}`, line);
  }
}
