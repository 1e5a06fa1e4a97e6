import { Refusal } from './refusal.ts';

/*
 * Patterns of `${N#p}`, `${N%p}` and `${N/p/r}`: `*` is any run and `?` any one character, neither a newline.
 * Matching is a table over pattern and value, filled once: no input makes it backtrack.
 */

/** One step of a pattern: a literal code point, or a wildcard. */
type Step = string | { readonly wildcard: 'one' | 'run' };

/** BuildKit has no limits; a Dockerfile that needs more is an attack on the time that matching takes. */
const longestValue = 1024;
const largestTable = 200_000;

const one = { wildcard: 'one' } as const;
const run = { wildcard: 'run' } as const;

/** `${N#p}` (shortest) and `${N##p}` (longest). */
export function trimPrefix(pattern: string, value: string, greedy: boolean): string {
  const characters = Array.from(value);
  const end = matchEnds(stepsOf(pattern), characters, greedy)[0] ?? -1;
  return end === -1 ? value : characters.slice(end).join('');
}

/** `${N%p}` and `${N%%p}`: the prefix of the reversed value. */
export function trimSuffix(pattern: string, value: string, greedy: boolean): string {
  const reversed = Array.from(value).toReversed().join('');
  const rest = trimPrefix(reversePattern(pattern), reversed, greedy);
  return Array.from(rest).toReversed().join('');
}

/** `${N/p/r}`: the first longest match. */
export function replaceFirst(pattern: string, value: string, replacement: string): string {
  const characters = Array.from(value);
  const ends = matchEnds(stepsOf(pattern), characters, true);
  const start = ends.findIndex((end) => end !== -1);
  if (start === -1) return value;
  return characters.slice(0, start).join('') + replacement + characters.slice(ends[start]).join('');
}

/** `${N//p/r}`: every match; an empty match right behind another match does not count. */
export function replaceAll(pattern: string, value: string, replacement: string): string {
  const characters = Array.from(value);
  const ends = matchEnds(stepsOf(pattern), characters, true);
  let result = '';
  let copied = 0;
  let search = 0;
  while (search <= characters.length) {
    let start = search;
    while (start <= characters.length && ends[start] === -1) start += 1;
    const end = ends[start];
    if (end === undefined) break;
    result += characters.slice(copied, start).join('');
    if (end > copied || start === 0)
      result += expandTemplate(replacement, characters.slice(start, end).join(''));
    copied = end;
    search = search + 1 > end ? search + 1 : end;
  }
  return result + characters.slice(copied).join('');
}

/** A backslash may stand before `*`, `?` and itself; before `}` and `/` it is dropped; before anything else it is an error. */
function stepsOf(pattern: string): Step[] {
  const steps: Step[] = [];
  const characters = Array.from(pattern);
  // Go's scanner drops a byte order mark at the start of what it scans.
  for (let index = characters[0] === '\uFEFF' ? 1 : 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (character === '*') steps.push(run);
    else if (character === '?') steps.push(one);
    else if (character !== '\\') steps.push(character);
    else {
      const next = characters[index + 1] ?? '�';
      if (next === '}' || next === '/') continue;
      if (next !== '*' && next !== '?' && next !== '\\') {
        throw new Refusal(
          'BAD_SUBSTITUTION',
          `invalid pattern (${pattern}) in substitution: invalid escape '\\${next}'`,
        );
      }
      steps.push(next);
      index += 1;
    }
  }
  return steps;
}

/**
 * For every index of the value the end of the match that starts there, or -1. Of several ends it is the one that a
 * backtracking matcher finds first: every run takes as much (greedy) or as little as it can, from left to right.
 */
function matchEnds(steps: readonly Step[], characters: readonly string[], greedy: boolean): Int32Array {
  const length = characters.length;
  const tooLong = length > longestValue && steps.includes(run);
  if (tooLong || steps.length * length > largestTable) {
    throw new Refusal('BAD_SUBSTITUTION', 'pattern and value are too long to be matched');
  }
  let behind: Int32Array = new Int32Array(length + 1);
  for (let index = 0; index <= length; index += 1) behind[index] = index;
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const step = steps[index] ?? run;
    behind = step === run ? runEnds(characters, behind, greedy) : oneEnds(step, characters, behind);
  }
  return behind;
}

function oneEnds(step: Step, characters: readonly string[], behind: Int32Array): Int32Array {
  const ends = new Int32Array(behind.length).fill(-1);
  for (let start = 0; start < characters.length; start += 1) {
    const character = characters[start];
    if (step === one ? character !== '\n' : character === step) ends[start] = behind[start + 1] ?? -1;
  }
  return ends;
}

/** From the end: where the run takes one more character, its end is that of the next start. */
function runEnds(characters: readonly string[], behind: Int32Array, greedy: boolean): Int32Array {
  const ends = new Int32Array(behind);
  let further = -1;
  for (let start = characters.length; start >= 0; start -= 1) {
    if (characters[start] === '\n') further = -1;
    const stop = behind[start] ?? -1;
    if (further !== -1 && (greedy || stop === -1)) ends[start] = further;
    further = ends[start] ?? -1;
  }
  return ends;
}

/** Mirrors the pattern but keeps each backslash before the character that it escapes. */
function reversePattern(pattern: string): string {
  const characters = Array.from(pattern);
  const reversed: string[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    const next = characters[index + 1];
    if (character === '\\' && next !== undefined) {
      reversed.push(next, character);
      index += 1;
    } else {
      reversed.push(character);
    }
  }
  return reversed.toReversed().join('');
}

/** In the replacement of `//` a dollar sign means what it means in Go's regexp templates; there are no groups but `$0`. */
function expandTemplate(template: string, match: string): string {
  if (!template.includes('$')) return template;
  return template.replace(/\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu, (whole, braced, bare) => {
    if (whole === '$$') return '$';
    return (braced ?? bare) === '0' ? match : '';
  });
}
