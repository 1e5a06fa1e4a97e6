import { hash } from 'node:crypto';
import { posix } from 'node:path';
import type { VersionFile } from '@image-factory/core/enrolment/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { withoutVersion } from '@image-factory/core/release/version-file.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { nearestOf } from '@image-factory/core/nearest.ts';
import { GitFailure } from './process.ts';
import { insidePath } from './source-location.ts';
import {
  dockerfileMissing,
  dockerfileUnreadable,
  escapes,
  largestDockerfile,
  type SourceName,
} from './source-problems.ts';
import type { SourceRepository } from './source-repository.ts';
import {
  idWithout,
  linkMode,
  submoduleMode,
  treeMode,
  type FoundEntries,
  type TreeEntry,
  type TreeWalk,
} from './tree-walk.ts';

export interface WantedPaths extends SourceName {
  /** As enrolled; not yet known to stay inside of the repository. */
  readonly context: string;
  readonly versionFiles?: readonly VersionFile[] | undefined;
}

export interface FoundPaths {
  /** Blob id of the Dockerfile. */
  readonly blob: string;
  /** Over Dockerfile and context. */
  readonly revision: string;
}

/** Links that lead to links, and so on. */
const mostHops = 20;
const longestTarget = 4096;

/** Finds many Dockerfiles and contexts in one commit. `ownState` is where the factory keeps its own files in it. */
export async function findInCommit(
  repository: SourceRepository,
  commit: string,
  wanted: readonly WantedPaths[],
  ownState: string | undefined,
): Promise<readonly Result<FoundPaths, Problem>[]> {
  const walk = repository.walk();
  const paths = wanted.map(({ dockerfile, context }) => ({
    dockerfile: insidePath(dockerfile),
    context: insidePath(context),
  }));
  const all = new Set(paths.flatMap(({ dockerfile, context }) => [dockerfile ?? '.', context ?? '.']));
  // A commit's id is not its root folder's: that one is read from the commit.
  const root = await rootOf(repository, commit);
  const versionFiles = new Map(
    wanted.flatMap(({ versionFiles: files = [] }) => files.map((file) => [versionKey(file), file] as const)),
  );
  const versionPaths = [...versionFiles.values()].map(({ path }) => path);
  const found = await walk.find(root, [
    ...all,
    ...versionPaths,
    ...(ownState === undefined ? [] : [ownState]),
  ]);
  const besides = await besideVersions(repository, found, [...versionFiles.values()]);
  const search = { repository, walk, root, found, ownState, besides };
  const results: Result<FoundPaths, Problem>[] = [];
  for (const [index, name] of wanted.entries()) {
    const { dockerfile, context } = paths[index] ?? {};
    if (dockerfile === undefined)
      results.push(err(escapes('dockerfile', name.dockerfile, name, 'leads out of the repository')));
    else if (context === undefined)
      results.push(err(escapes('context', name.context, name, 'leads out of the repository')));
    else {
      // Nearly all repositories have no links on these ways, and then there is nothing to wait for.
      const file = found.hasLinks ? await follow(search, dockerfile) : entryAt(found, dockerfile);
      const folder = found.hasLinks ? await follow(search, context) : entryAt(found, context);
      results.push(findOne(search, name, dockerfile, file, folder));
    }
  }
  return results;
}

interface Search {
  readonly repository: SourceRepository;
  readonly walk: TreeWalk;
  readonly root: string;
  readonly found: FoundEntries;
  readonly ownState: string | undefined;
  /** By version file: hash of what it says besides its version. Left out where it is not there. */
  readonly besides: ReadonlyMap<string, string>;
}

/** What stands at a path, links followed; undefined: nothing. */
type Followed = { readonly path: string; readonly entry: TreeEntry } | 'escapes' | undefined;

function findOne(
  search: Search,
  name: WantedPaths,
  dockerfile: string,
  file: Followed,
  folder: Followed,
): Result<FoundPaths, Problem> {
  if (file === 'escapes')
    return err(
      escapes('dockerfile', name.dockerfile, name, 'is a symbolic link that leads out of the repository'),
    );
  if (file === undefined)
    return err(dockerfileMissing(name, nearPaths(search, dockerfile), inSubmodule(search, dockerfile)));
  if (file.entry.mode === treeMode) return err(dockerfileUnreadable(name, 'is a folder'));
  if (file.entry.mode === submoduleMode) return err(dockerfileMissing(name, [], true));
  if (folder === 'escapes')
    return err(escapes('context', name.context, name, 'is a symbolic link that leads out of the repository'));
  const blob = file.entry.id;
  // A context that is not in git (made by an earlier step of the pipeline) cannot change by a commit.
  const content =
    folder === undefined ? 'none' : contentId(search, folder.path, folder.entry, name.versionFiles ?? []);
  return ok({ blob, revision: hash('sha256', `${blob} ${content} ${file.path}`).slice(0, 40) });
}

/** Everything in the folder but what the factory writes there: its state, and versions. */
function contentId(
  search: Search,
  path: string,
  entry: TreeEntry,
  versionFiles: readonly VersionFile[],
): string {
  const { ownState, besides } = search;
  if (entry.mode !== treeMode) return entry.id;
  const inside = (file: string): string | undefined =>
    path === '.' ? file : file.startsWith(`${path}/`) ? file.slice(path.length + 1) : undefined;
  const written = versionFiles
    .filter((file) => inside(file.path) !== undefined && besides.has(versionKey(file)))
    .toSorted((a, b) => (versionKey(a) < versionKey(b) ? -1 : 1));
  const excluded = [...(ownState === undefined ? [] : [ownState]), ...written.map((file) => file.path)]
    .flatMap((file) => inside(file) ?? [])
    .map((file) => file.split('/'));
  const id = excluded.length === 0 ? entry.id : idWithout(search.walk, entry.id, excluded);
  if (written.length === 0) return id;
  return hash(
    'sha1',
    [id, ...written.map((file) => `${file.path} ${besides.get(versionKey(file)) ?? ''}`)].join('\0'),
  );
}

function versionKey({ path, key }: VersionFile): string {
  return `${path}\0${key.join('.')}`;
}

/** What version files say besides their version: all else that changes in them is a change of the image. */
async function besideVersions(
  repository: SourceRepository,
  found: FoundEntries,
  files: readonly VersionFile[],
): Promise<ReadonlyMap<string, string>> {
  const there = files.flatMap((file) => {
    const entry = found.entries.get(file.path);
    return entry?.mode.startsWith('100') ? [{ file, id: entry.id }] : [];
  });
  if (there.length === 0) return new Map();
  const answers = await repository.blobs(
    there.map(({ id }) => id),
    largestDockerfile,
  );
  return new Map(
    there.map(({ file, id }, index) => {
      const answer = answers[index];
      const text = answer?.kind === 'object' ? withoutVersion(answer.bytes.toString('utf8'), file) : id;
      return [versionKey(file), hash('sha1', text)];
    }),
  );
}

/** The entry at a path, symbolic links followed as a checkout would follow them. */
async function follow(search: Search, start: string): Promise<Followed> {
  let path = start;
  let found = search.found;
  for (let hop = 0; hop < mostHops; hop += 1) {
    const link = found.hasLinks
      ? prefixes(path).find((prefix) => found.entries.get(prefix)?.mode === linkMode)
      : undefined;
    if (link === undefined) return entryAt(found, path);
    const [answer] = await search.repository.blobs([found.entries.get(link)?.id ?? ''], longestTarget);
    if (answer?.kind !== 'object') return undefined;
    const target = answer.bytes.toString('utf8');
    const led = posix.isAbsolute(target)
      ? undefined
      : insidePath(posix.join(posix.dirname(link), target, path.slice(link.length)));
    if (led === undefined) return 'escapes';
    path = led;
    found = await search.walk.find(search.root, [path]);
  }
  return undefined;
}

function entryAt({ entries }: FoundEntries, path: string): Followed {
  const entry = entries.get(path);
  return entry && { path, entry };
}

/** `a`, `a/b`, `a/b/c`. */
function prefixes(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function inSubmodule(search: Search, path: string): boolean {
  return prefixes(path).some((prefix) => search.found.entries.get(prefix)?.mode === submoduleMode);
}

/** What may have been meant: names like the first one that is not there, and Dockerfiles that stand beside it. */
function nearPaths(search: Search, path: string): readonly string[] {
  const parts = path.split('/');
  const depth = prefixes(path).findIndex((prefix) => search.found.entries.get(prefix) === undefined);
  if (depth === -1) return [];
  const above = parts.slice(0, depth).join('/');
  const folder = search.walk.folder(above === '' ? search.root : (search.found.entries.get(above)?.id ?? ''));
  const isLast = depth === parts.length - 1;
  const names = [...(folder ?? [])]
    .filter(([, { mode }]) => (mode === treeMode) !== isLast)
    .map(([name]) => name);
  const alike = nearestOf(parts[depth] ?? '', names, 3);
  const dockerfiles = isLast ? names.filter((name) => /dockerfile|containerfile/i.test(name)) : [];
  const rest = parts.slice(depth + 1);
  return [...new Set([...alike, ...dockerfiles])]
    .slice(0, 3)
    .map((name) => [...(above === '' ? [] : [above]), name, ...rest].join('/'));
}

async function rootOf(repository: SourceRepository, commit: string): Promise<string> {
  const [answer] = await repository.blobs([commit], 1024 * 1024);
  const tree =
    answer?.kind === 'object'
      ? /^tree ([0-9a-f]{40,64})\n/.exec(answer.bytes.toString('latin1', 0, 80))?.[1]
      : undefined;
  if (tree === undefined) throw new GitFailure('exit', 'cat-file', `commit ${commit} cannot be read`);
  return tree;
}
