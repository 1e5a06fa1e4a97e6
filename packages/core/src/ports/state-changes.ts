import { err, ok, type Result } from '../result.ts';
import type { StateChanges, StateFiles } from './state-store.ts';

/** Longer paths are taken for mistakes; common file systems accept 255 bytes per name. */
const longestPath = 1000;
const longestName = 200;

/** Why a path cannot be a state file, or undefined. Every store refuses the same paths, whatever it is built on. */
export function pathRefusal(path: string): string | undefined {
  if (path === '' || path.length > longestPath) return `is empty or longer than ${longestPath} characters`;
  if (/[\p{Cc}\\"]/u.test(path)) return 'has a control character, a backslash or a quote';
  for (const name of path.split('/')) {
    if (name === '') return 'is not relative, or has an empty part';
    if (name === '.' || name === '..') return 'has a "." or ".." part';
    // git~1 is what Windows file systems call .git
    if (/^(\.git|git~\d+)[ .]*$/i.test(name)) return 'has a ".git" part';
    if (name.length > longestName) return `has a part longer than ${longestName} characters`;
  }
  return path.startsWith('.') ? 'starts with a dot: such names belong to the store itself' : undefined;
}

/**
 * The part of a transaction's answer that changes something: equal texts and removals of absent files left out.
 * The failure is a sentence about a path that no store would write.
 */
export function effectiveChanges(files: StateFiles, changes: StateChanges): Result<StateChanges, string> {
  const effective = new Map<string, string | null>();
  for (const [path, text] of changes) {
    const refusal = pathRefusal(path);
    if (refusal) return err(`state path ${JSON.stringify(path.slice(0, 120))} ${refusal}`);
    const before = files.get(path);
    if (text === null ? before !== undefined : text !== before) effective.set(path, text);
  }
  const clash = folderClash(files, effective);
  return clash === undefined ? ok(effective) : err(clash);
}

/** A name cannot be a file and a folder at once: neither git nor a file system could hold it. */
function folderClash(files: StateFiles, changes: StateChanges): string | undefined {
  const added = [...changes]
    .filter(([path, text]) => text !== null && !files.has(path))
    .map(([path]) => path);
  if (added.length === 0) return undefined;
  const remains = (path: string) => (changes.has(path) ? changes.get(path) !== null : files.has(path));
  const addedSet = new Set(added);
  for (const path of added) {
    const above = parentsOf(path).find(remains);
    if (above !== undefined) return `state path "${path}" needs "${above}" to be a folder, but it is a file`;
  }
  for (const path of [...files.keys(), ...added]) {
    if (!path.includes('/')) continue;
    const below = parentsOf(path).find((parent) => addedSet.has(parent));
    if (below !== undefined && remains(path)) return `state path "${below}" is a folder that holds "${path}"`;
  }
  return undefined;
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1))
    parents.push(path.slice(0, end));
  return parents;
}
