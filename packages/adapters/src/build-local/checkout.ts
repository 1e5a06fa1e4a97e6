import { lutimes, mkdtemp, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import { applyPatches, type Patched } from '../git/apply-patches.ts';
import { GitFailure, runGit } from '../git/process.ts';
import { commitMissing, type CommitAtHand, type RemoteCommits } from '../git/remote-commits.ts';
import { readAdditions, type OwnDockerfile } from '../git/source-additions.ts';
import { locateSource } from '../git/source-location.ts';
import { sourceProblem } from '../git/source-problems.ts';
import { wantedOf } from '../git/wanted-revision.ts';

export interface CheckedOut {
  /** The repository's root at the commit; it may hold only the Dockerfile and its context. */
  readonly dir: string;
  /** The factory directory's own Dockerfile, outside of `dir`; undefined: it is the source's. */
  readonly dockerfile: string | undefined;
  /** When the commit was made, in seconds since 1970; undefined for a plain directory. */
  readonly committedAt: number | undefined;
  dispose(): Promise<void>;
}

/** Files of a source as they were at a commit, with the factory directory's patches. Throws FactoryError with a SOURCE_ code. */
export type Checkout = (
  source: Source,
  commit: string | undefined,
  signal: AbortSignal,
) => Promise<CheckedOut>;

export interface GitCheckoutOptions {
  /** Relative repositories are taken from here: the factory directory. */
  readonly baseDir: string;
  readonly workDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the commits of repositories elsewhere come from. */
  readonly remotes: RemoteCommits;
}

/**
 * Checks sources out with the git binary into a directory of their own: nothing is written to a repository on this
 * machine, of one elsewhere only what the build reads is fetched, no hook runs, and git itself refuses to write through a
 * symbolic link. Files get the commit's time, so that the same commit gives the same layers. Submodules are left out.
 * Without a commit the path itself is the checkout.
 */
export function gitCheckout(options: GitCheckoutOptions): Checkout {
  return async (source, commit, signal) => {
    const located = locateSource(source, options.baseDir, {});
    if (!located.ok) throw new FactoryError(located.error);
    const place = located.value;
    const additions = readAdditions(source, options.baseDir);
    if (!additions.ok) throw new FactoryError(additions.error);
    const { patches = [], dockerfile } = additions.value ?? {};
    if (commit === undefined && additions.value)
      throw sourceError(
        `${place.label} is no git repository, which is needed for patches and a Dockerfile elsewhere`,
      );
    if (commit === undefined)
      return plainDirectory(place.kind === 'folder' ? place.root : resolve(options.baseDir, source.repo));
    if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit))
      throw sourceError(`"${commit.slice(0, 60)}" is not a commit id`);
    if (place.kind === 'folder') throw sourceError(`${place.root} is no git repository`);
    await mkdir(options.workDir, { recursive: true });
    const root = await mkdtemp(join(options.workDir, 'checkout-'));
    const dispose = () => rm(root, { recursive: true, force: true });
    const checkOut = async (repository: CommitAtHand): Promise<CheckedOut> => {
      const { gitDir } = repository;
      const scratch = join(root, 'patched');
      await rm(scratch, { recursive: true, force: true });
      await mkdir(scratch);
      const { environment } = options;
      const { label } = place;
      const patched =
        patches.length === 0
          ? undefined
          : await applyPatches({
              gitDir,
              scratch,
              environment,
              signal,
              commit,
              patches,
              label,
              bring: (ids) => repository.bring(ids),
            });
      const git = gitRunner(gitDir, root, environment, signal, patched?.variables);
      const dir = join(root, 'tree');
      const committedAt = await writeTree(git, repository, source, { commit, patched }, dir);
      return { dir, dockerfile: await writeOwn(root, dockerfile), committedAt, dispose };
    };
    try {
      if (place.kind === 'remote') {
        const { remote, provider, label } = place;
        const wanted = { remote, provider, label, commit, branch: wantedOf(source) };
        return await options.remotes.use(wanted, signal, checkOut);
      }
      const { gitDir, label } = place;
      if (!(await hasCommit(gitRunner(gitDir, root, options.environment, signal), commit)))
        throw commitMissing(label, commit);
      return await checkOut({ gitDir, bring: async () => {} });
    } catch (error) {
      await dispose();
      if (error instanceof GitFailure && !signal.aborted)
        throw new FactoryError(sourceProblem(error, place.label), { cause: error });
      throw error;
    }
  };
}

async function hasCommit(git: Git, commit: string): Promise<boolean> {
  const said = await git(['cat-file', '--batch-check=%(objecttype)'], `${commit}\n`);
  return said.trim() === 'commit';
}

/** Writes what a build reads below `dir`, and answers when the commit was made. */
async function writeTree(
  git: Git,
  repository: CommitAtHand,
  source: Source,
  { commit, patched }: { readonly commit: string; readonly patched: Patched | undefined },
  dir: string,
): Promise<number> {
  const tree = patched?.commit ?? commit;
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir);
  const committedAt = Number(await git(['show', '-s', '--format=%ct', `${commit}^{commit}`]));
  await git(['read-tree', tree]);
  const named =
    source.ownDockerfile === true
      ? [source.context]
      : [source.context, source.dockerfile, `${source.dockerfile}.dockerignore`];
  const links: (readonly string[])[] = [];
  for (const path of named) links.push(await ledTo(git, repository, tree, path));
  const paths = [...new Set([...named, ...links.flat()])].map(pathspec);
  const entries = (await git(['ls-files', '-s', '-z', '--', ...paths])).split('\0').filter(Boolean);
  const files = entries.map((entry) => /^(\d+) ([0-9a-f]+) \d\t(.*)$/s.exec(entry) ?? []);
  await repository.bring(
    files.flatMap(([, mode, id]) =>
      mode === submodule || !id || patched?.made.has(id) === true ? [] : [id],
    ),
  );
  await git(
    ['checkout-index', '-q', '-z', '--stdin'],
    files.map(([, , , name = '']) => `${name}\0`).join(''),
  );
  await stamp(dir, committedAt);
  return committedAt;
}

const submodule = '160000';
const mostHops = 40;

/**
 * The symbolic links on the way to a path, and what they lead to within the repository: discovery follows them, so the
 * build must find them too. A link out of the repository ends the way; whoever opens the path then refuses it.
 */
async function ledTo(
  git: Git,
  repository: CommitAtHand,
  commit: string,
  path: string,
): Promise<readonly string[]> {
  const found: string[] = [];
  let wanted = posix.normalize(path).replace(/\/$/, '');
  for (let hop = 0; hop < mostHops; hop += 1) {
    const parts = wanted.split('/');
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    const entries = (await git(['ls-tree', '-z', commit, '--', ...prefixes])).split('\0');
    const links = entries.flatMap((entry) => {
      const [, id = '', name = ''] = /^120000 blob ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? [];
      return prefixes.includes(name) ? [{ id, name }] : [];
    });
    if (!links[0]) return [...found, wanted];
    const { id, name: link } = links[0];
    await repository.bring([id]);
    const target = await git(['cat-file', 'blob', id]);
    found.push(link);
    wanted = posix.normalize(posix.join(posix.dirname(link), target, wanted.slice(link.length)));
    if (posix.isAbsolute(target) || wanted === '..' || wanted.startsWith('../')) return found;
  }
  return found;
}

/** Under the name that BuildKit looks for, with what stands beside it. */
async function writeOwn(root: string, own: OwnDockerfile | undefined): Promise<string | undefined> {
  if (!own) return undefined;
  const path = join(root, 'own', 'Dockerfile');
  await mkdir(join(root, 'own'), { recursive: true });
  await writeFile(path, own.bytes);
  if (own.ignore) await writeFile(`${path}.dockerignore`, own.ignore);
  return path;
}

async function plainDirectory(path: string): Promise<CheckedOut> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw sourceError(`${path} is not a directory`);
  return { dir: path, dockerfile: undefined, committedAt: undefined, dispose: async () => {} };
}

type Git = (args: readonly string[], input?: string) => Promise<string>;

function gitRunner(
  gitDir: string,
  root: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Git {
  const variables = { ...more, GIT_INDEX_FILE: join(root, 'index'), GIT_WORK_TREE: join(root, 'tree') };
  return async (args, input = '') => {
    const { stdout } = await runGit(args, { gitDir, cwd: root, environment, variables, signal, input });
    return stdout.toString('utf8');
  };
}

/** A pathspec of exactly this path; `.` is everything. */
function pathspec(path: string): string {
  const plain = path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  return plain === '.' || plain === '' ? ':(top)' : `:(top,literal)${plain}`;
}

/** Gives every entry one time; links themselves, never what they point at. */
async function stamp(dir: string, seconds: number): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await stamp(path, seconds);
    else await lutimes(path, seconds, seconds);
  }
  await lutimes(dir, seconds, seconds);
}

function sourceError(message: string): FactoryError {
  return new FactoryError({
    code: 'SOURCE_UNREACHABLE',
    message,
    hint: 'Check source.repo of the image: a local path to a git repository that holds the commit.',
  });
}
