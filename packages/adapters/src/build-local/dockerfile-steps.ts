/** One instruction of a Dockerfile, as far as a builder must know it before it builds. */
export interface Step {
  /** Upper case. */
  readonly keyword: string;
  /** `--name=value` words in front of the arguments, as written. */
  readonly flags: readonly string[];
  /** What follows the flags, continuations joined. */
  readonly rest: string;
  /** Counts from 1. */
  readonly line: number;
  readonly heredoc: boolean;
}

export interface Steps {
  readonly steps: readonly Step[];
  readonly escape: '\\' | '`';
}

const heredocKeywords = new Set(['RUN', 'COPY', 'ADD']);

/**
 * Splits a Dockerfile into instructions: comments, continuations, the escape directive and heredoc bodies, nothing more.
 * It judges nothing: the file was read by the real reader before, and the builder reads it again afterwards.
 */
export function readSteps(text: string): Steps {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''));
  const escape = escapeDirective(lines);
  const steps: Step[] = [];
  let index = 0;
  while (index < lines.length) {
    const first = lines[index] ?? '';
    const start = index;
    index += 1;
    if (first.trim() === '' || first.trimStart().startsWith('#')) continue;
    let joined = '';
    let current: string | undefined = first.trimStart();
    while (current !== undefined) {
      const open = continues(current, escape);
      joined += open ?? current;
      current = undefined;
      while (open !== undefined && index < lines.length && current === undefined) {
        const next = lines[index] ?? '';
        index += 1;
        if (next.trim() !== '' && !next.trimStart().startsWith('#')) current = next;
      }
    }
    const step = splitStep(joined, start + 1);
    const delimiters = heredocDelimiters(step);
    for (const delimiter of delimiters) {
      while (index < lines.length) {
        const line = lines[index] ?? '';
        index += 1;
        if ((delimiter.tabs ? line.replace(/^\t+/, '') : line) === delimiter.word) break;
      }
    }
    steps.push({ ...step, heredoc: delimiters.length > 0 });
  }
  return { steps, escape };
}

/** Names given by `FROM ... AS name`, in lower case. */
export function stageNames(steps: readonly Step[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const step of steps) {
    if (step.keyword !== 'FROM') continue;
    const [, as, name] = step.rest.split(/\s+/);
    if (as?.toUpperCase() === 'AS' && name) names.add(name.toLowerCase());
  }
  return names;
}

function escapeDirective(lines: readonly string[]): '\\' | '`' {
  for (const line of lines) {
    const match = /^\s*#\s*(syntax|escape|check)\s*=\s*(\S.*?)\s*$/i.exec(line);
    if (!match) break;
    if (match[1]?.toLowerCase() === 'escape') return match[2] === '`' ? '`' : '\\';
  }
  return '\\';
}

/** The line without its continuation mark, or undefined if it does not continue. */
function continues(line: string, escape: string): string | undefined {
  const trimmed = line.replace(/[ \t]+$/, '');
  if (!trimmed.endsWith(escape) || trimmed.at(-2) === escape) return undefined;
  return trimmed.slice(0, -1);
}

function splitStep(text: string, line: number): Omit<Step, 'heredoc'> {
  const head = /^(\S+)\s*([\s\S]*)$/.exec(text);
  const flags: string[] = [];
  let rest = head?.[2] ?? '';
  for (;;) {
    const flag = /^(--[A-Za-z][^\s=]*(?:=(?:"[^"]*"|'[^']*'|\\.|[^\s"'\\])*)?)(?:\s+|$)/.exec(rest);
    if (!flag?.[1]) break;
    flags.push(flag[1]);
    rest = rest.slice(flag[0].length);
  }
  return { keyword: (head?.[1] ?? '').toUpperCase(), flags, rest: rest.trim(), line };
}

function heredocDelimiters(
  step: Omit<Step, 'heredoc'>,
): readonly { readonly word: string; readonly tabs: boolean }[] {
  if (step.keyword === 'ONBUILD') return heredocDelimiters(splitStep(step.rest, step.line));
  if (!heredocKeywords.has(step.keyword) || !step.rest.includes('<<') || jsonArray(step.rest)) return [];
  const words = shellWords(step.rest);
  const found: { word: string; tabs: boolean }[] = [];
  for (const [index, word] of words.entries()) {
    const match = /^\d*<<(-?)([^<]*)$/.exec(word);
    if (!match) continue;
    const delimiter = match[2] === '' ? words[index + 1] : match[2];
    if (delimiter && !delimiter.includes('<')) {
      found.push({ word: delimiter.replace(/["']/g, ''), tabs: match[1] === '-' });
    }
  }
  return found;
}

/** The strings of a JSON array of strings, the exec form of an instruction; undefined for any other text. */
export function jsonArray(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Splits on blanks outside quotes; the quotes stay. */
export function shellWords(text: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += character;
    if (character === '\\' && quote !== "'") {
      index += 1;
      word += text.charAt(index);
      continue;
    }
    if (quote === character) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
  }
  if (word !== '') words.push(word);
  return words;
}
