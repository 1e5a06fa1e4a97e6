import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { minute } from '@image-factory/core/time.ts';
import type { Environment } from './environment.ts';
import { lookAtPatch, type PatchLook } from './patch-text.ts';
import { GitFailure, runGit } from './process.ts';
import type { PatchFile } from './source-additions.ts';

export interface PatchingOptions {
  /** Repository that has the commit and its folders; nothing is written to it. */
  readonly gitDir: string;
  /** An empty folder of our own: the index and the new objects go there. */
  readonly scratch: string;
  readonly environment: Environment;
  readonly signal: AbortSignal | undefined;
  readonly commit: string;
  readonly patches: readonly PatchFile[];
  /** For messages. */
  readonly label: string;
  /** Makes file contents be there that a partial clone may lack. */
  bring(ids: readonly string[]): Promise<void>;
}

export interface Patched {
  /** Commit of the patched tree; the same commit and patches give the same one. */
  readonly commit: string;
  /** File contents that the patches made. */
  readonly made: ReadonlySet<string>;
  /** With these git finds what was made, and the index has it. */
  readonly variables: Readonly<Record<string, string>>;
}

const longestTime = minute;
const regularModes = ['100644', '100755'];
const noMode = '000000';

/**
 * Applies unified diffs to the tree of a commit by `git apply` in an index of its own: what git says in the team's CI is
 * what is said here, and no file is written anywhere, so that no patch can write to a wrong place. Throws FactoryError
 * with a SOURCE_PATCH_ code that names patch, file and hunk, and GitFailure for what is not the patches' fault.
 */
export async function applyPatches(options: PatchingOptions): Promise<Patched> {
  const { gitDir, scratch, environment, signal, commit, patches } = options;
  const own = { GIT_INDEX_FILE: join(scratch, 'index'), GIT_WORK_TREE: join(scratch, 'tree') };
  const git = async (
    args: readonly string[],
    variables: Readonly<Record<string, string>>,
    input: string | Buffer = '',
  ): Promise<string> => {
    const more = { gitDir, cwd: scratch, environment, variables, signal, input, timeout: longestTime };
    return (await runGit(args, more)).stdout.toString('utf8');
  };
  await mkdir(own.GIT_WORK_TREE, { recursive: true });
  await mkdir(join(scratch, 'objects'), { recursive: true });
  const kept = (await git(['rev-parse', '--path-format=absolute', '--git-path', 'objects'], own)).trim();
  const variables = {
    ...own,
    GIT_OBJECT_DIRECTORY: join(scratch, 'objects'),
    GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(kept),
  };
  const looks = patches.map((patch) => ({ patch, look: lookAtPatch(patch.bytes.toString('utf8')) }));
  for (const { patch, look } of looks) {
    if (look.refusal) throw refused(patch, look.refusal.why, look.refusal.line);
  }
  await git(['read-tree', commit], variables);
  const touched = new Set(looks.flatMap(({ look }) => [...look.paths]));
  if (touched.size > 0) await options.bring(await contentsAt(touched, (args) => git(args, variables)));
  for (const { patch, look } of looks) {
    try {
      await git(
        ['-c', 'apply.ignoreWhitespace=no', 'apply', '--cached', '--whitespace=nowarn', '-p1', '-'],
        variables,
        patch.bytes,
      );
    } catch (error) {
      if (signal?.aborted || !(error instanceof GitFailure)) throw error;
      if (error.reason === 'timeout') throw refused(patch, 'takes longer than a minute to apply', undefined);
      if (error.reason !== 'exit') throw error;
      throw new FactoryError(unfit(patch, look, error.stderr, options.label), { cause: error });
    }
  }
  const made = new Set<string>();
  const changes = await git(
    ['diff-index', '--cached', '--raw', '--no-abbrev', '--no-renames', '-z', commit],
    variables,
  );
  const fields = changes.split('\0');
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = '', , id = ''] = (fields[at] ?? '').split(' ');
    const last = patches.at(-1);
    // What git took for something else than the look did.
    if (mode !== noMode && !regularModes.includes(mode) && last)
      throw refused(
        last,
        `leaves "${fields[at + 1]}" with mode ${mode}, which is no regular file`,
        undefined,
      );
    if (mode !== noMode) made.add(id);
  }
  const tree = (await git(['write-tree', '--missing-ok'], variables)).trim();
  const patched = (await git(['commit-tree', tree], { ...variables, ...nobody }, 'patched\n')).trim();
  return { commit: patched, made, variables };
}

/** Nobody sees these commits; they are the same wherever and whenever they are made. */
const nobody = {
  GIT_AUTHOR_NAME: 'image-factory',
  GIT_AUTHOR_EMAIL: 'image-factory@localhost',
  GIT_AUTHOR_DATE: '1000000000 +0000',
  GIT_COMMITTER_NAME: 'image-factory',
  GIT_COMMITTER_EMAIL: 'image-factory@localhost',
  GIT_COMMITTER_DATE: '1000000000 +0000',
};

async function contentsAt(
  paths: ReadonlySet<string>,
  git: (args: readonly string[]) => Promise<string>,
): Promise<readonly string[]> {
  // All of them: as arguments the paths of large patches are too long for a process.
  const listed = await git(['ls-files', '-s', '-z']);
  return listed.split('\0').flatMap((entry) => {
    const [, mode, id, path = ''] = /^(\d+) ([0-9a-f]+) \d\t(.+)$/s.exec(entry) ?? [];
    return id === undefined || mode === '160000' || !paths.has(path) ? [] : [id];
  });
}

function refused({ path }: PatchFile, why: string, line: number | undefined): FactoryError {
  return new FactoryError({
    code: 'SOURCE_PATCH_REFUSED',
    message: `patch "${path}" ${why}`,
    hint: 'A patch is the output of git diff that changes, adds, removes or renames regular text files of the source.',
    place: { file: path, ...(line === undefined ? {} : { line }) },
  });
}

const mostNamed = 5;

/** Git names the file and the line before the patch; people look for the hunk. */
function unfit({ path }: PatchFile, { hunks }: PatchLook, said: string, label: string): Problem {
  const failed = [...said.matchAll(/^error: patch failed: (.*):(\d+)$/gm)].map(([, file = '', line = '']) => {
    const hunk = hunks.find((each) => each.path === file && each.oldStart === Number(line));
    return {
      text: hunk ? `${file}, hunk ${hunk.number} (${hunk.header})` : `${file}, line ${line}`,
      line: hunk?.line,
    };
  });
  const others = [...said.matchAll(/^error: (.+)$/gm)]
    .map(([, text = '']) => text)
    .filter((text) => !/^patch failed: |: patch does not apply$|^while searching for:/.test(text));
  const named = [...failed.map(({ text }) => text), ...others];
  const more = named.length > mostNamed ? `; ${named.length - mostNamed} more` : '';
  const line = failed[0]?.line ?? /at line (\d+)/.exec(said)?.[1];
  return {
    code: 'SOURCE_PATCH_UNFIT',
    message: `patch "${path}" does not apply to ${label}: ${named.slice(0, mostNamed).join('; ').slice(0, 1000) || 'git apply failed'}${more}`,
    hint: 'Make the patch anew on the present source (git diff), or remove it where the source has the change already.',
    place: { file: path, ...(line === undefined ? {} : { line: Number(line) }) },
  };
}
