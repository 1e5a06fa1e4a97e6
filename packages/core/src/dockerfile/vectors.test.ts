import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { detectSyntax } from './directives.ts';
import { expandWord } from './expand.ts';
import { parseFile } from './reader.ts';
import { Refusal } from './refusal.ts';
import type { Escape } from './word-lexer.ts';

interface ExpansionVector {
  readonly in: string;
  readonly escape: Escape;
  readonly error?: string;
  readonly result?: string;
  readonly unmatched?: readonly string[];
}

interface ParseVector {
  readonly in: string;
  readonly error?: string;
  readonly nodes?: readonly Record<string, unknown>[];
}

interface SyntaxVector {
  readonly in: string;
  readonly found: boolean;
  readonly ref?: string;
  readonly cmdline?: string;
}

const sampled = new URL('testdata/vectors/', import.meta.url);
const shared = new URL('../../../../../shared/data/dockerfile-vectors/', import.meta.url);

function linesOf<T>(folder: URL, file: string): T[] {
  return readFileSync(new URL(file, folder), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

function messageOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.message;
    throw thrown;
  }
}

interface Comparison {
  readonly in: string;
  readonly got: unknown;
  readonly expected: unknown;
}

/** Comparisons that differ: none should. */
function wrongOf(comparisons: readonly Comparison[]): Comparison[] {
  expect(comparisons.length).toBeGreaterThan(200);
  return comparisons.filter(({ got, expected }) => JSON.stringify(got) !== JSON.stringify(expected));
}

function compareExpansions(folder: URL): Comparison[] {
  const environment = readFileSync(new URL('expansion-env.json', folder), 'utf8');
  const scope = new Map(Object.entries(JSON.parse(environment) as Record<string, string>));
  return linesOf<ExpansionVector>(folder, 'expansion.jsonl').map((vector) => {
    const { in: word, escape, error } = vector;
    if (error !== undefined) {
      // BuildKit puts the word before the reason.
      const message = messageOf(() => expandWord(word, scope, escape));
      return { in: word, got: error.endsWith(`: ${message}`) ? error : message, expected: error };
    }
    const { text, unmatched } = expandWord(word, scope, escape);
    return {
      in: word,
      got: [text, [...unmatched].toSorted()],
      expected: [vector.result, vector.unmatched?.toSorted()],
    };
  });
}

function nodesOf(text: string): unknown[] {
  return parseFile(text).nodes.map((node) => ({
    args: node.args,
    cmd: node.command,
    end: node.endLine,
    flags: node.flags?.map((flag) => flag.text) ?? null,
    heredocs: node.heredocs.map((heredoc) => heredoc.name),
    line: node.line,
    original: node.original,
  }));
}

function compareNodes(folder: URL): Comparison[] {
  return linesOf<ParseVector>(folder, 'parse.jsonl').map(({ in: text, error, nodes }) => ({
    in: text,
    got: error === undefined ? nodesOf(text) : messageOf(() => parseFile(text)),
    expected: error ?? nodes,
  }));
}

function compareSyntax(folder: URL): Comparison[] {
  return linesOf<SyntaxVector>(folder, 'syntax.jsonl').map(({ in: text, ref, cmdline }) => {
    const detected = detectSyntax(text);
    return { in: text, got: [detected?.reference, detected?.commandLine], expected: [ref, cmdline] };
  });
}

describe('sampled answers of BuildKit', () => {
  test('expansion', () => expect(wrongOf(compareExpansions(sampled))).toEqual([]));
  test('parsing', () => expect(wrongOf(compareNodes(sampled))).toEqual([]));
  test('syntax detection', () => expect(wrongOf(compareSyntax(sampled))).toEqual([]));
});

describe.skipIf(!existsSync(shared))(
  'all answers of BuildKit (skipped where the shared data is not beside the repository)',
  () => {
    test('expansion', () => expect(wrongOf(compareExpansions(shared))).toEqual([]));
    test('parsing', () => expect(wrongOf(compareNodes(shared))).toEqual([]));
    test('syntax detection', () => expect(wrongOf(compareSyntax(shared))).toEqual([]));
  },
);
