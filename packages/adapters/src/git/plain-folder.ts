import { hash } from 'node:crypto';
import { readFileSync, readdirSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import type { SourceFile } from '@image-factory/core/ports/source.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { nearestOf } from '@image-factory/core/nearest.ts';
import { dockerfileText } from './dockerfile-text.ts';
import { insidePath } from './source-location.ts';
import { wantedOf, wordsFor } from './wanted-revision.ts';
import {
  dockerfileMissing,
  dockerfileUnreadable,
  escapes,
  largestDockerfile,
  type SourceName,
} from './source-problems.ts';
import { blobId } from '../directory/blob-id.ts';
import { createContentTree, type ContentTree } from '../directory/content-tree.ts';
import { codeOf } from '../directory/process-lock.ts';

/** A path that is in no repository: its files are read as they stand. */
export interface PlainFolder {
  read(
    sources: readonly Source[],
    label: string,
    signal: AbortSignal | undefined,
  ): Promise<readonly Result<SourceFile, Problem>[]>;
}

/** Between so many sources other work gets its turn. */
const sourcesAtOnce = 100;

export function createPlainFolder(root: string, ownState: string | undefined): PlainFolder {
  const tree = createContentTree(root, ownState);
  return {
    async read(sources, label, signal) {
      const top = statSync(root, { throwIfNoEntry: false });
      if (top?.isDirectory() !== true) {
        const problem: Problem = {
          code: 'SOURCE_UNREACHABLE',
          message: `the source ${label} is not there: ${root} is no folder`,
          hint: 'Check source.repo: paths start at the factory directory.',
        };
        return sources.map(() => err(problem));
      }
      tree.startLook();
      const results: Result<SourceFile, Problem>[] = [];
      for (const [index, source] of sources.entries()) {
        if (index % sourcesAtOnce === sourcesAtOnce - 1) await setImmediate();
        signal?.throwIfAborted();
        results.push(readOne(root, tree, source, label));
      }
      return results;
    },
  };
}

function readOne(
  root: string,
  tree: ContentTree,
  source: Source,
  label: string,
): Result<SourceFile, Problem> {
  const branch = wantedOf(source);
  const name: SourceName = { label, branch, dockerfile: source.dockerfile };
  if (branch !== undefined) {
    const key = source.commit === undefined ? (source.tag === undefined ? 'branch' : 'tag') : 'commit';
    return err({
      code: 'SOURCE_BRANCH_MISSING',
      message: `${label} is no git repository, so it has no ${wordsFor(branch)}`,
      hint: `Remove source.${key}, or make the folder a git repository.`,
    });
  }
  if (source.patches || source.ownDockerfile === true) {
    return err({
      code: 'SOURCE_UNREACHABLE',
      message: `${label} is no git repository, which is needed for patches and for a Dockerfile beside source.repo`,
      hint: 'Make the folder a git repository, or name one as source.repo.',
    });
  }
  const written = { dockerfile: insidePath(source.dockerfile), context: insidePath(source.context) };
  if (written.dockerfile === undefined)
    return err(escapes('dockerfile', source.dockerfile, name, 'leads out of the folder'));
  if (written.context === undefined)
    return err(escapes('context', source.context, name, 'leads out of the folder'));
  try {
    const dockerfile = realInside(root, written.dockerfile);
    if (dockerfile === 'escapes')
      return err(
        escapes('dockerfile', source.dockerfile, name, 'is a symbolic link that leads out of the folder'),
      );
    if (dockerfile === undefined) return err(dockerfileMissing(name, nearFiles(root, written.dockerfile)));
    const context = realInside(root, written.context);
    if (context === 'escapes')
      return err(escapes('context', source.context, name, 'is a symbolic link that leads out of the folder'));
    const stats = statSync(join(root, dockerfile.path));
    const refusal = refusalOf(stats);
    if (refusal !== undefined) return err(dockerfileUnreadable(name, refusal));
    const blob = tree.fileId(dockerfile.path, stats);
    const content = context === undefined ? 'none' : (tree.folderId(context.path) ?? 'too large');
    const revision = hash('sha256', `${blob} ${content} ${dockerfile.path}`).slice(0, 40);
    return ok({
      commit: undefined,
      blob,
      revision,
      text: async () => readText(join(root, dockerfile.path), blob, name),
    });
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return err(dockerfileUnreadable(name, `or its context cannot be read (${codeOf(error)})`));
  }
}

function refusalOf(stats: Stats): string | undefined {
  if (stats.isDirectory()) return 'is a folder';
  if (!stats.isFile()) return 'is no regular file';
  return stats.size > largestDockerfile ? `has ${stats.size} bytes` : undefined;
}

function readText(path: string, blob: string, name: SourceName): Result<string, Problem> {
  try {
    const refusal = refusalOf(statSync(path));
    if (refusal !== undefined) return err(dockerfileUnreadable(name, refusal));
    const bytes = readFileSync(path);
    // A text that does not belong to its id would be taken for known in all cycles to come.
    if (blobId(bytes) !== blob)
      return err(dockerfileUnreadable(name, 'changed while it was read; the next cycle reads it again'));
    const text = dockerfileText(bytes);
    return text.ok ? text : err(dockerfileUnreadable(name, text.error));
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return err(dockerfileUnreadable(name, `cannot be read (${codeOf(error)})`));
  }
}

/** The path below the root with all links followed. */
function realInside(root: string, path: string): { readonly path: string } | 'escapes' | undefined {
  try {
    const inside = relative(realpathSync(root), realpathSync(join(root, path)))
      .split(sep)
      .join('/');
    if (inside === '..' || inside.startsWith('../') || inside.startsWith('/')) return 'escapes';
    return { path: inside === '' ? '.' : inside };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

function nearFiles(root: string, path: string): readonly string[] {
  try {
    const names = readdirSync(join(root, dirname(path)));
    const folder = dirname(path) === '.' ? '' : `${dirname(path)}/`;
    const alike = [
      ...nearestOf(basename(path), names, 3),
      ...names.filter((name) => /dockerfile|containerfile/i.test(name)),
    ];
    return [...new Set(alike)].slice(0, 3).map((name) => folder + name);
  } catch {
    return [];
  }
}
