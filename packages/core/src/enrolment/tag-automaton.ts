import { firstTagCharacters, tagCharacters, type CharacterSet } from './tag-characters.ts';
import type { TagExpression } from './tag-expression.ts';

type State =
  | { readonly kind: 'character'; readonly set: CharacterSet; readonly next: number }
  | { readonly kind: 'start' | 'end'; readonly next: number }
  | { readonly kind: 'split'; readonly next: number[] }
  | { readonly kind: 'match' };

/** A Thompson automaton: following all states at once takes time linear in the text. */
export interface Automaton {
  readonly states: readonly State[];
  readonly first: number;
}

const mostStates = 5000;
const longestTag = 128;

/** Undefined: too many states. */
export function buildAutomaton(expression: TagExpression): Automaton | undefined {
  const states: State[] = [{ kind: 'match' }];
  const first = addStates(states, expression, 0);
  return states.length > mostStates ? undefined : { states, first };
}

/** Adds the states of an expression in front of `next`; returns where they start. */
function addStates(states: State[], node: TagExpression, next: number): number {
  // Past the limit the automaton is thrown away: do not build on.
  if (states.length > mostStates) return next;
  switch (node.kind) {
    case 'character':
      return states.push({ kind: 'character', set: node.set, next }) - 1;
    case 'start':
    case 'end':
      return states.push({ kind: node.kind, next }) - 1;
    case 'all':
      return node.of.reduceRight((after, part) => addStates(states, part, after), next);
    case 'any': {
      const starts = node.of.map((part) => addStates(states, part, next));
      return states.push({ kind: 'split', next: starts }) - 1;
    }
    case 'repeat':
      return addRepetition(states, node, next);
  }
}

function addRepetition(states: State[], node: TagExpression & { kind: 'repeat' }, next: number): number {
  let start = next;
  if (node.max === Infinity) {
    const choices = [next];
    const loop = states.push({ kind: 'split', next: choices }) - 1;
    choices.push(addStates(states, node.of, loop));
    start = loop;
  } else {
    for (let optional = node.min; optional < node.max && states.length <= mostStates; optional += 1) {
      start = states.push({ kind: 'split', next: [next, addStates(states, node.of, start)] }) - 1;
    }
  }
  for (let required = 0; required < node.min && states.length <= mostStates; required += 1) {
    start = addStates(states, node.of, start);
  }
  return start;
}

export function matchesAutomaton(automaton: Automaton, text: string): boolean {
  let current = new Set<number>();
  for (let at = 0; at <= text.length; at += 1) {
    current.add(automaton.first);
    const reached = closure(automaton, current, at === 0, at === text.length);
    if (reached.has(0)) return true;
    current = step(automaton, reached, (set) => set[text.charCodeAt(at)] === 1);
  }
  return false;
}

/** Is there a tag that matches? Follows every tag of every length at once. */
export function canMatchTag(automaton: Automaton): boolean {
  let current = new Set<number>();
  for (let length = 0; length <= longestTag; length += 1) {
    current.add(automaton.first);
    const onward = closure(automaton, current, length === 0, false);
    if (onward.has(0) && length < longestTag) return true;
    if (length > 0 && closure(automaton, current, false, true).has(0)) return true;
    const alphabet = length === 0 ? firstTagCharacters : tagCharacters;
    current = step(automaton, onward, (set) => set.some((bit, code) => bit === 1 && alphabet[code] === 1));
  }
  return false;
}

/** All states that are reached without reading a character. */
function closure(
  automaton: Automaton,
  from: ReadonlySet<number>,
  atStart: boolean,
  atEnd: boolean,
): Set<number> {
  const reached = new Set<number>();
  const open = [...from];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (reached.has(index)) continue;
    reached.add(index);
    const state = automaton.states[index];
    if (state?.kind === 'split') open.push(...state.next);
    else if (state?.kind === 'start' && atStart) open.push(state.next);
    else if (state?.kind === 'end' && atEnd) open.push(state.next);
  }
  return reached;
}

function step(
  automaton: Automaton,
  from: ReadonlySet<number>,
  passes: (set: CharacterSet) => boolean,
): Set<number> {
  const reached = new Set<number>();
  for (const index of from) {
    const state = automaton.states[index];
    if (state?.kind === 'character' && passes(state.set)) reached.add(state.next);
  }
  return reached;
}
