import { err, ok, type Result } from '../result.ts';
import { buildAutomaton, canMatchTag, matchesAutomaton } from './tag-automaton.ts';
import { parseTagExpression, type TagExpression } from './tag-expression.ts';

/** A regular expression over tags, matched in linear time whatever the expression and the tag. */
export interface TagPattern {
  readonly source: string;
  /** Like RegExp's `test`: a match anywhere in the tag counts, unless the expression is anchored. */
  matches(tag: string): boolean;
  /** Does every alternative start with `^` and end with `$`? */
  readonly anchored: boolean;
  /** Can any valid tag match at all? */
  readonly possible: boolean;
  /** The only tag that matches, where the expression is `^tag$`. */
  readonly literal: string | undefined;
}

/**
 * Compiles the part of the syntax that RE2 (Go: Kargo) and JavaScript read alike; everything else is refused with
 * the reason. We match with an automaton of our own because JavaScript's matcher can take exponential time.
 */
export function compileTagPattern(source: string): Result<TagPattern, string> {
  const expression = parseTagExpression(source);
  if (!expression.ok) return expression;
  const automaton = buildAutomaton(expression.value);
  if (!automaton) return err('the expression is too large: write smaller repetition counts');
  return ok({
    source,
    matches: (tag) => matchesAutomaton(automaton, tag),
    anchored: startsAnchored(expression.value) && endsAnchored(expression.value),
    possible: canMatchTag(automaton),
    literal: literalOf(expression.value),
  });
}

/** The expression that matches exactly one tag. */
export function exactTagPattern(tag: string): string {
  return `^${tag.replaceAll('.', '\\.')}$`;
}

function startsAnchored(node: TagExpression): boolean {
  if (node.kind === 'start') return true;
  if (node.kind === 'any') return node.of.every(startsAnchored);
  return node.kind === 'all' && node.of[0] !== undefined && startsAnchored(node.of[0]);
}

function endsAnchored(node: TagExpression): boolean {
  if (node.kind === 'end') return true;
  if (node.kind === 'any') return node.of.every(endsAnchored);
  const last = node.kind === 'all' ? node.of.at(-1) : undefined;
  return last !== undefined && endsAnchored(last);
}

function literalOf(node: TagExpression): string | undefined {
  if (node.kind !== 'all' || node.of[0]?.kind !== 'start' || node.of.at(-1)?.kind !== 'end') return undefined;
  let text = '';
  for (const inner of node.of.slice(1, -1)) {
    if (inner.kind !== 'character' || inner.literal === undefined) return undefined;
    text += inner.literal;
  }
  return text === '' ? undefined : text;
}
