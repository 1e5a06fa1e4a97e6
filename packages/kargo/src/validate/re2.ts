import { remembered } from './remember.ts';

/** Go's limit on one counted repetition. */
const mostRepetitions = 1000;
const longest = 1000;

/**
 * Why Go's RE2 would not compile an expression, or undefined if it would: look-arounds, back-references, possessive and
 * doubled quantifiers, atomic groups and open brackets are what people bring from other dialects.
 * Source: Go's regexp/syntax.
 */
export const re2Mistake = remembered((source): string | undefined => {
  if (source.length > longest) return `longer than ${longest} characters`;
  let open = 0;
  /** Whether there is something before that may be repeated, or a repetition already. */
  let before: 'nothing' | 'atom' | 'repetition' = 'nothing';
  for (let at = 0; at < source.length;) {
    const next = source[at] ?? '';
    const rest = source.slice(at);
    if (next === '\\') {
      const escape = readEscape(rest);
      if (typeof escape === 'string') return escape;
      at += escape.length;
      before = 'atom';
    } else if (next === '[') {
      const length = classLength(rest);
      if (length === undefined) return 'a "[" is not closed';
      at += length;
      before = 'atom';
    } else if (next === '(') {
      const group = groupStart(rest);
      if (typeof group === 'string') return group;
      open += group.opens ? 1 : 0;
      at += group.length;
      before = 'nothing';
    } else if (next === ')') {
      open -= 1;
      if (open < 0) return 'a ")" has no "("';
      at += 1;
      before = 'atom';
    } else {
      const repetition = repetitionLength(rest);
      if (repetition === 'too many') return `a repetition of more than ${mostRepetitions}`;
      if (repetition > 0) {
        if (before === 'nothing') return `a "${next}" repeats nothing`;
        if (before === 'repetition') return `a repetition of a repetition: "${source.slice(at - 1, at + 1)}"`;
        at += repetition;
        before = 'repetition';
      } else {
        at += 1;
        before = next === '|' || next === '^' ? 'nothing' : 'atom';
      }
    }
  }
  return open > 0 ? 'a "(" is not closed' : undefined;
});

function readEscape(rest: string): { readonly length: number } | string {
  const next = rest[1];
  if (next === undefined) return 'a "\\" at the end';
  if (/[1-9]/.test(next)) return `a back-reference, "\\${next}"`;
  if (next === 'k') return 'a back-reference, "\\k"';
  const property = /^\\[pP](?:\{\^?\w{1,40}\}|[A-Z])/.exec(rest);
  if (property) return { length: property[0].length };
  const code = /^\\x(?:\{[0-9A-Fa-f]{1,6}\}|[0-9A-Fa-f]{2})/.exec(rest);
  if (code) return { length: code[0].length };
  const quote = next === 'Q' ? rest.indexOf('\\E') : -1;
  if (next === 'Q') return { length: quote < 0 ? rest.length : quote + 2 };
  if (/[A-Za-z0]/.test(next) && !/[AbBzdDsSwWafnrtvC0]/.test(next)) return `no escape "\\${next}"`;
  return { length: 2 };
}

/** From `[` to its `]`; one that stands first is a character. */
function classLength(rest: string): number | undefined {
  let at = rest[1] === '^' ? 2 : 1;
  if (rest[at] === ']') at += 1;
  while (at < rest.length) {
    if (rest[at] === ']') return at + 1;
    const named = rest.startsWith('[:', at) ? rest.indexOf(':]', at) : -1;
    if (named > 0) at = named + 2;
    else at += rest[at] === '\\' ? 2 : 1;
  }
  return undefined;
}

function groupStart(rest: string): { readonly length: number; readonly opens: boolean } | string {
  if (rest[1] !== '?') return { length: 1, opens: true };
  if (/^\(\?(?:=|!)/.test(rest)) return `a look-ahead, "${rest.slice(0, 3)}"`;
  if (/^\(\?<(?:=|!)/.test(rest)) return `a look-behind, "${rest.slice(0, 4)}"`;
  if (rest.startsWith('(?>')) return 'an atomic group, "(?>"';
  const named = /^\(\?P?<[A-Za-z_]\w{0,60}>/.exec(rest);
  if (named) return { length: named[0].length, opens: true };
  const flags = /^\(\?[imsU]*(?:-[imsU]+)?([:)])/.exec(rest);
  if (flags && flags[0] !== '(?)') return { length: flags[0].length, opens: flags[1] === ':' };
  return `no group "${rest.slice(0, 4)}"`;
}

/** 0: no repetition starts here. A `{` that counts nothing is a character. */
function repetitionLength(rest: string): number | 'too many' {
  const counted = /^\{(\d{1,9})(?:,(\d{0,9}))?\}/.exec(rest);
  const length = counted ? counted[0].length : /^[*+?]/.test(rest) ? 1 : 0;
  if (counted && Math.max(Number(counted[1]), Number(counted[2] ?? 0)) > mostRepetitions) return 'too many';
  return length > 0 && rest[length] === '?' ? length + 1 : length;
}

/** Whether an expression sees the whole tag, from `^` to `$`, in each of its alternatives. */
export function isAnchored(source: string): boolean {
  if (!source.startsWith('^') && !source.startsWith('\\A')) return false;
  const escapedEnd = /(?:^|[^\\])(?:\\\\)*\\\$$/.test(source);
  if (escapedEnd || !(source.endsWith('$') || source.endsWith('\\z'))) return false;
  return !hasOpenAlternative(source);
}

/** `^a|b$` is anchored at neither end of both. */
function hasOpenAlternative(source: string): boolean {
  let depth = 0;
  for (let at = 0; at < source.length; at += 1) {
    const next = source[at];
    if (next === '\\') at += 1;
    else if (next === '[') at += (classLength(source.slice(at)) ?? 1) - 1;
    else if (next === '(') depth += 1;
    else if (next === ')') depth -= 1;
    else if (next === '|' && depth === 0 && !/^(?:\^|\\A)/.test(source.slice(at + 1))) return true;
  }
  return false;
}
