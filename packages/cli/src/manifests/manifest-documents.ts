import { placeOf, readYaml, type YamlFile } from '@image-factory/core/enrolment/yaml-file.ts';
import type { Place, Problem } from '@image-factory/core/problem.ts';
import type { ManifestFile } from './manifest-files.ts';

/** More findings about the YAML of one file have a cause that the first ones show. */
const mostProblems = 50;

/** One document of a file, and the way back to its lines. */
export interface ManifestDocument {
  readonly value: unknown;
  readonly placeOf: (keys: readonly (string | number)[]) => Required<Place>;
}

/**
 * The documents of a file, each read with the limits of the configuration's YAML: size, nesting, and what aliases may add.
 * A line that begins with `---` or `...` ends a document wherever it stands, also in a text of several lines: so YAML has it.
 */
export function readDocuments(file: ManifestFile): {
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly Problem[];
} {
  const documents: ManifestDocument[] = [];
  const problems: Problem[] = [];
  for (const { text, line } of splitDocuments(file.text)) {
    const read = readYaml({ path: file.name, text });
    problems.push(...read.problems.map((problem) => moved(problem, line)));
    if (read.yaml && (read.yaml.root ?? undefined) !== undefined) documents.push(document(read.yaml, line));
    if (problems.length >= mostProblems) break;
  }
  return { documents, problems };
}

function document(yaml: YamlFile, line: number): ManifestDocument {
  return {
    value: yaml.root,
    placeOf: (keys) => {
      const place = placeOf(yaml, keys, 'key');
      return { ...place, line: place.line + line };
    },
  };
}

function moved(problem: Problem, line: number): Problem {
  const { place } = problem;
  return place?.line === undefined ? problem : { ...problem, place: { ...place, line: place.line + line } };
}

/** With the number of lines before each. */
function splitDocuments(text: string): { readonly text: string; readonly line: number }[] {
  const found: { text: string; line: number }[] = [];
  let start = 0;
  let line = 0;
  let lines = 0;
  const add = (end: number): void => {
    const part = text.slice(start, end);
    if (/^[^\s#]|^[ \t]+[^\s#]/m.test(part)) found.push({ text: part, line });
  };
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const next = newline < 0 ? text.length : newline + 1;
    const marker = /^(?:---|\.\.\.)(?=\s|$)/.test(text.slice(at, Math.min(next, at + 4)));
    if (marker) {
      add(at);
      // What stands behind the marker on its line belongs to the document.
      start = at + 3;
      line = lines;
    }
    lines += 1;
    at = next;
  }
  add(text.length);
  return found;
}
