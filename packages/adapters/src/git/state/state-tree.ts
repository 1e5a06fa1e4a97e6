import type { StateChanges, StateFiles } from '@image-factory/core/ports/state-store.ts';
import { blobId } from '../../directory/blob-id.ts';
import type { Environment } from '../environment.ts';
import { createObjectReader } from '../object-reader.ts';
import { GitFailure, runGit } from '../process.ts';

/** One commit's files in memory. */
export interface StateTree {
  /** Undefined: the branch does not exist yet. */
  readonly commit: string | undefined;
  readonly files: StateFiles;
  /** Blob id per path. */
  readonly blobs: ReadonlyMap<string, string>;
}

export const emptyTree: StateTree = { commit: undefined, files: new Map(), blobs: new Map() };

/** A larger file is no state of ours. */
const largestFile = 32 * 1024 * 1024;

/**
 * Reads a commit's files; with a `known` tree of the same repository only what differs from it is read.
 * Symbolic links and submodules are no state files: they are left alone. Throws GitFailure.
 */
export async function readStateTree(
  commit: string,
  known: StateTree,
  gitDir: string,
  environment: Environment,
): Promise<StateTree> {
  if (known.commit === commit) return known;
  const differences =
    known.commit === undefined ? undefined : await diff(known.commit, commit, gitDir, environment);
  const blobs = differences === undefined ? await list(commit, gitDir, environment) : new Map(known.blobs);
  for (const [path, blob] of differences ?? []) {
    if (blob === undefined) blobs.delete(path);
    else blobs.set(path, blob);
  }
  const files = differences === undefined ? new Map<string, string>() : new Map(known.files);
  const wanted: [string, string][] = [];
  for (const [path, blob] of differences ?? blobs) {
    if (blob === undefined) {
      files.delete(path);
      continue;
    }
    const text = known.blobs.get(path) === blob ? known.files.get(path) : undefined;
    if (text === undefined) wanted.push([path, blob]);
    // Set in any case: a map keeps the order in which its keys came, and files are listed in tree order.
    files.set(path, text ?? '');
  }
  const reader = createObjectReader(gitDir, environment);
  try {
    const answers = await reader.read(
      wanted.map(([, blob]) => blob),
      largestFile,
    );
    for (const [index, [path]] of wanted.entries()) {
      const answer = answers[index];
      if (answer?.kind !== 'object')
        throw new GitFailure('exit', 'cat-file', `${path} at ${commit} is ${answer?.kind ?? 'missing'}`);
      files.set(path, answer.bytes.toString('utf8'));
    }
  } finally {
    reader.close();
  }
  return { commit, files, blobs };
}

/** The tree after a commit of ours: known without reading anything. */
export function treeAfter(before: StateTree, commit: string | undefined, changes: StateChanges): StateTree {
  const files = new Map(before.files);
  const blobs = new Map(before.blobs);
  for (const [path, text] of changes) {
    if (text === null) {
      files.delete(path);
      blobs.delete(path);
    } else {
      files.set(path, text);
      blobs.set(path, blobId(text));
    }
  }
  return { commit, files, blobs };
}

async function list(commit: string, gitDir: string, environment: Environment): Promise<Map<string, string>> {
  const { stdout } = await runGit(['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', commit], {
    gitDir,
    environment,
  });
  const blobs = new Map<string, string>();
  for (const entry of stdout.toString('utf8').split('\0')) {
    const tab = entry.indexOf('\t');
    const [mode = '', , blob = ''] = entry.slice(0, tab).split(' ');
    if (isRegular(mode)) blobs.set(entry.slice(tab + 1), blob);
  }
  return blobs;
}

async function diff(
  older: string,
  newer: string,
  gitDir: string,
  environment: Environment,
): Promise<Map<string, string | undefined> | undefined> {
  let output: string;
  try {
    const { stdout } = await runGit(
      ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', '--end-of-options', older, newer],
      { gitDir, environment },
    );
    output = stdout.toString('utf8');
  } catch (error) {
    // The older commit may be gone from a repository that was made anew; all of the newer one is then read.
    if (error instanceof GitFailure) return undefined;
    throw error;
  }
  const fields = output.split('\0');
  const differences = new Map<string, string | undefined>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [, mode = '', , blob = ''] = (fields[index] ?? '').split(' ');
    differences.set(fields[index + 1] ?? '', isRegular(mode) ? blob : undefined);
  }
  return differences;
}

function isRegular(mode: string): boolean {
  return mode === '100644' || mode === '100755' || mode === '100664';
}
