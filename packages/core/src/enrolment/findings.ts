import type { ProblemCode } from '../problem-codes.ts';
import type { Place, Problem, Subject } from '../problem.ts';
import { placeOf, type YamlFile, type YamlPath } from './yaml-file.ts';

/** What was found wrong (`problems`) and what is odd but usable (`warnings`). */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: Problem[];
  /** Problems beyond the cap: counted, not kept. */
  dropped: number;
}

/** A value in a file, and whom messages about it concern. */
export interface Scope {
  readonly yaml: YamlFile;
  readonly path: YamlPath;
  readonly subject: Subject;
  readonly findings: Findings;
}

/** A file with so many problems has one cause; looking up the place of each would only take time. */
const mostFindings = 1000;

export function newFindings(): Findings {
  return { problems: [], warnings: [], dropped: 0 };
}

export function within(scope: Scope, ...steps: (string | number)[]): Scope {
  return { ...scope, path: [...scope.path, ...steps] };
}

export function addProblem(
  scope: Scope,
  code: ProblemCode,
  message: string,
  hint: string,
  on: 'key' | 'value' = 'value',
): void {
  if (scope.findings.problems.length >= mostFindings) scope.findings.dropped += 1;
  else scope.findings.problems.push(finding(scope, code, message, hint, on));
}

export function addWarning(
  scope: Scope,
  code: ProblemCode,
  message: string,
  hint: string,
  on: 'key' | 'value' = 'value',
): void {
  if (scope.findings.warnings.length < mostFindings) {
    scope.findings.warnings.push(finding(scope, code, message, hint, on));
  }
}

function finding(
  scope: Scope,
  code: ProblemCode,
  message: string,
  hint: string,
  on: 'key' | 'value',
): Problem {
  return { code, message, hint, subject: scope.subject, place: placeOf(scope.yaml, scope.path, on) };
}

/** `file:line`, to name a second place in a message. */
export function shortPlace(place: Place): string {
  return place.line === undefined ? place.file : `${place.file}:${place.line}`;
}

/** Path for messages: `source.buildArgs.NODE`, `tags[1]`; relative to the entry or the file. */
export function pathText(path: YamlPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? shortened(step) : `.${shortened(step)}`;
  }
  return text;
}

const secretValue =
  /gh[pousr]_\w{8}|github_pat_|glpat-|-----BEGIN|xox[abp]-|AKIA[0-9A-Z]{12}|eyJ[\w-]{10,}\.|:\/\/[^/\s]*@/;

/** A value for a message: quoted, cut, and not at all where it looks like a credential. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    return looksSecret(value) ? '(not shown: it looks like a credential)' : JSON.stringify(shortened(value));
  }
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'something else';
}

/** Does the text have the form of a token or key, or is it a URL with a password? */
export function looksSecret(text: string): boolean {
  return secretValue.test(text.slice(0, 4096));
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
