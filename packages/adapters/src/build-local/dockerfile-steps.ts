import { parseFile, type InstructionNode } from '@image-factory/core/dockerfile/reader.ts';
import { Refusal } from '@image-factory/core/dockerfile/refusal.ts';
import { FactoryError } from '@image-factory/core/problem.ts';

/** One instruction of a Dockerfile, as far as a builder must know it before it builds. */
export interface Step {
  /** Upper case. */
  readonly keyword: string;
  /** `--name=value` words in front of the arguments, quotes removed. */
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

/** Splits a Dockerfile into instructions. Throws DOCKERFILE_INVALID with the line. */
export function readSteps(text: string, file: string): Steps {
  try {
    const { nodes, escape } = parseFile(text);
    return { steps: nodes.map(stepOf), escape };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new FactoryError(
      {
        code: 'DOCKERFILE_INVALID',
        message: error.message,
        hint: 'Mend the Dockerfile: BuildKit refuses it too.',
        place: { file, ...(error.line === undefined ? {} : { line: error.line }) },
      },
      { cause: error },
    );
  }
}

function stepOf(node: InstructionNode): Step {
  return {
    keyword: node.command.toUpperCase(),
    flags: (node.flags ?? []).map((flag) => flag.text),
    rest: node.rest,
    line: node.line,
    heredoc: node.heredocs.length > 0,
  };
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
