import { execFile } from 'node:child_process';
import { lutimes, mkdtemp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import { FactoryError } from '@image-factory/core/problem.ts';

export interface CheckedOut {
  /** The repository's root at the commit; it may hold only the Dockerfile and its context. */
  readonly dir: string;
  /** When the commit was made, in seconds since 1970; undefined for a plain directory. */
  readonly committedAt: number | undefined;
  dispose(): Promise<void>;
}

/** Files of a source as they were at a commit. Throws FactoryError with a SOURCE_ code. */
export type Checkout = (
  source: Source,
  commit: string | undefined,
  signal: AbortSignal,
) => Promise<CheckedOut>;

export interface GitCheckoutOptions {
  /** Relative repositories are taken from here: the factory directory. */
  readonly baseDir: string;
  readonly workDir: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Checks local repositories out with the git binary into a directory of their own: nothing is written to the repository,
 * no hook runs, and git itself refuses to write through a symbolic link. Files get the commit's time, so that the same
 * commit gives the same layers. Submodules are left out. Without a commit the path itself is the checkout.
 */
export function gitCheckout(options: GitCheckoutOptions): Checkout {
  return async (source, commit, signal) => {
    const repository = resolve(options.baseDir, source.repo);
    if (commit === undefined) return plainDirectory(repository);
    if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit))
      throw sourceError(`"${commit.slice(0, 60)}" is not a commit id`);
    await mkdir(options.workDir, { recursive: true });
    const root = await mkdtemp(join(options.workDir, 'checkout-'));
    const dispose = () => rm(root, { recursive: true, force: true });
    try {
      const dir = join(root, 'tree');
      await mkdir(dir);
      const environment = { ...withoutGit(options.environment), GIT_INDEX_FILE: join(root, 'index') };
      const found = gitRunner(['-C', repository], environment, signal);
      const gitDir = (await found(['rev-parse', '--absolute-git-dir'])).trim();
      const git = gitRunner(['--git-dir', gitDir, '--work-tree', dir], environment, signal);
      const committedAt = Number(await git(['show', '-s', '--format=%ct', `${commit}^{commit}`]));
      await git(['read-tree', commit]);
      const named = [source.context, source.dockerfile, `${source.dockerfile}.dockerignore`];
      const links = await Promise.all(named.map((path) => ledTo(git, commit, path)));
      const paths = [...new Set([...named, ...links.flat()])].map(pathspec);
      const files = await git(['ls-files', '-z', '--', ...paths]);
      await git(['checkout-index', '-q', '-z', '--stdin'], files);
      await stamp(dir, committedAt);
      return { dir, committedAt, dispose };
    } catch (error) {
      await dispose();
      throw error;
    }
  };
}

const mostHops = 40;

/**
 * The symbolic links on the way to a path, and what they lead to within the repository: discovery follows them, so the
 * build must find them too. A link out of the repository ends the way; whoever opens the path then refuses it.
 */
async function ledTo(git: Git, commit: string, path: string): Promise<readonly string[]> {
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
    const target = await git(['cat-file', 'blob', id]);
    found.push(link);
    wanted = posix.normalize(posix.join(posix.dirname(link), target, wanted.slice(link.length)));
    if (posix.isAbsolute(target) || wanted === '..' || wanted.startsWith('../')) return found;
  }
  return found;
}

async function plainDirectory(path: string): Promise<CheckedOut> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw sourceError(`${path} is not a directory`);
  return { dir: path, committedAt: undefined, dispose: async () => {} };
}

type Git = (args: readonly string[], input?: string) => Promise<string>;

const longestOutput = 256 * 1024 * 1024;

function gitRunner(
  place: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Git {
  const fixed = [...place, '-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false'];
  const env = { ...environment, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' };
  return (args, input) =>
    new Promise((resolvePromise, reject) => {
      const child = execFile(
        'git',
        [...fixed, ...args],
        { env, signal, maxBuffer: longestOutput, encoding: 'utf8' },
        (error, stdout, stderr) => {
          if (!error) return resolvePromise(stdout);
          if (signal.aborted) return reject(signal.reason as Error);
          reject(
            sourceError(
              `git ${args[0] ?? ''} failed in ${place[1] ?? ''}: ${lastLine(stderr) || error.message}`,
            ),
          );
        },
      );
      // A git that ends early closes its end; its exit code tells more than the broken pipe.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input ?? '');
    });
}

/** A pathspec of exactly this path; `.` is everything. */
function pathspec(path: string): string {
  const plain = path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  return plain === '.' || plain === '' ? ':(top)' : `:(top,literal)${plain}`;
}

/** A repository that the factory itself was started from (a hook, say) must not be mistaken for the source. */
function withoutGit(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const ours = Object.entries(environment).filter(([name]) => !/^GIT_(?!SSH|CONFIG)/.test(name));
  return Object.fromEntries(ours);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
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
