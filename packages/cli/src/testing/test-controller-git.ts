import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  OutsideError,
  type CheckedOut,
  type Commit,
  type GitOutside,
  type NewCommit,
  type Pushed,
} from '@image-factory/kargo/interpreter/outside.ts';
import type { GitRemote } from '@image-factory/testing/git-remote.ts';

const run = promisify(execFile);

const notFastForward =
  /^\s*!\s+\[(?:remote )?rejected\].+\((?:non-fast-forward|fetch first|cannot lock ref.*|incorrect old value provided)\)\s*$/m;

/** What Kargo's controller does with git, by the real git: a clone of each remote, and a working tree for each step. */
export class ControllerGit implements GitOutside {
  readonly #remotes: ReadonlyMap<string, GitRemote>;
  readonly #clones = new Map<string, Promise<string>>();
  readonly #listed = new Map<string, { readonly head: string; readonly commits: readonly Commit[] }>();
  readonly #pushed: (repoUrl: string, branch: string, commit: string) => void;
  #folder: Promise<string> | undefined;
  /** Something that happens between a clone and the push. */
  beforePush: (repoUrl: string) => Promise<void> = () => Promise.resolve();
  readonly pushes: { readonly repoUrl: string; readonly branch: string }[] = [];

  constructor(
    remotes: ReadonlyMap<string, GitRemote>,
    pushed: (repoUrl: string, branch: string, commit: string) => void,
  ) {
    this.#remotes = remotes;
    this.#pushed = pushed;
  }

  async remove(): Promise<void> {
    if (this.#folder) await rm(await this.#folder, { recursive: true, force: true });
  }

  async listCommits(repoUrl: string, branch = 'main'): Promise<readonly Commit[]> {
    const clone = await this.#fetched(repoUrl);
    const head = await this.#resolve(clone, `refs/remotes/origin/${branch}`);
    if (head === undefined) return [];
    const known = this.#listed.get(`${repoUrl} ${branch}`);
    if (known?.head === head) return known.commits;
    const format = '%x1e%H%x1f%an <%ae>%x1f%cn <%ce>%x1f%ct%x1f%B%x1f';
    const log = await this.#git(clone, 'log', '--name-only', `--format=${format}`, head);
    const commits = log
      .split('\u001e')
      .slice(1)
      .map((entry): Commit => {
        const [id = '', author = '', committer = '', seconds = '', message = '', names = ''] =
          entry.split('\u001f');
        const paths = names.split('\n').filter((name) => name !== '');
        return { id, message, author, committer, at: Number(seconds) * 1000, paths };
      });
    this.#listed.set(`${repoUrl} ${branch}`, { head, commits });
    return commits;
  }

  async checkOut(
    repoUrl: string,
    { branch, commit, tag }: Parameters<GitOutside['checkOut']>[1],
  ): Promise<CheckedOut | undefined> {
    const clone = await this.#fetched(repoUrl);
    const wanted =
      commit ?? (tag === undefined ? `refs/remotes/origin/${branch ?? 'main'}` : `refs/tags/${tag}`);
    const found = await this.#resolve(clone, `${wanted}^{commit}`);
    if (found === undefined) return undefined;
    const names = (await this.#git(clone, 'ls-tree', '-r', '-z', '--name-only', found))
      .split('\0')
      .filter((name) => name !== '');
    const files = new Map<string, string>();
    for (const name of names) files.set(name, await this.#git(clone, 'cat-file', 'blob', `${found}:${name}`));
    return { commit: found, files };
  }

  commit(repoUrl: string, { onto, message, changes }: NewCommit): Promise<string> {
    return this.#within(repoUrl, onto, async (tree) => {
      for (const [path, text] of changes) {
        await mkdir(dirname(join(tree, path)), { recursive: true });
        await writeFile(join(tree, path), text);
      }
      await this.#git(tree, 'add', '--all');
      await this.#git(tree, 'commit', '--quiet', '--message', message);
      return (await this.#git(tree, 'rev-parse', 'HEAD')).trim();
    });
  }

  async push(
    repoUrl: string,
    branch: string,
    { commit, force }: { readonly commit: string; readonly force: boolean },
  ): Promise<Pushed> {
    this.pushes.push({ repoUrl, branch });
    await this.beforePush(repoUrl);
    const clone = await this.#fetched(repoUrl);
    const exists = (await this.#resolve(clone, `refs/remotes/origin/${branch}`)) !== undefined;
    return this.#within(repoUrl, commit, async (tree): Promise<Pushed> => {
      if (!force && exists) {
        const conflict = await this.#rebase(tree, branch);
        if (conflict) return 'conflict';
      }
      try {
        await this.#git(tree, 'push', 'origin', `HEAD:refs/heads/${branch}`, ...(force ? ['--force'] : []));
      } catch (thrown) {
        if (thrown instanceof OutsideError && notFastForward.test(thrown.message)) return 'behind';
        throw thrown;
      }
      const head = (await this.#git(tree, 'rev-parse', 'HEAD')).trim();
      this.#pushed(repoUrl, branch, head);
      return { commit: head };
    });
  }

  /** True: it meets a conflict. */
  async #rebase(tree: string, branch: string): Promise<boolean> {
    try {
      await this.#git(tree, 'pull', '--quiet', '--rebase', 'origin', branch);
      return false;
    } catch (thrown) {
      if (!(await this.#resolve(tree, 'REBASE_HEAD'))) throw thrown;
      await this.#git(tree, 'rebase', '--abort');
      return true;
    }
  }

  async #within<T>(repoUrl: string, commit: string, work: (tree: string) => Promise<T>): Promise<T> {
    const clone = await this.#clone(repoUrl);
    const tree = await mkdtemp(join(await this.#root(), 'tree-'));
    await this.#git(clone, 'worktree', 'add', '--quiet', '--detach', tree, commit);
    try {
      return await work(tree);
    } finally {
      await this.#git(clone, 'worktree', 'remove', '--force', tree);
    }
  }

  async #fetched(repoUrl: string): Promise<string> {
    const clone = await this.#clone(repoUrl);
    await this.#git(clone, 'fetch', '--quiet', '--prune', 'origin', '+refs/heads/*:refs/remotes/origin/*');
    return clone;
  }

  #clone(repoUrl: string): Promise<string> {
    const known = this.#clones.get(repoUrl) ?? this.#newClone(repoUrl);
    this.#clones.set(repoUrl, known);
    return known;
  }

  async #newClone(repoUrl: string): Promise<string> {
    const remote = this.#remotes.get(repoUrl);
    if (!remote) throw new OutsideError(`there is no repository ${repoUrl}`);
    const clone = await mkdtemp(join(await this.#root(), 'clone-'));
    await this.#git(clone, 'init', '--quiet', '--bare', '--template=');
    await this.#git(clone, 'remote', 'add', 'origin', remote.path);
    await this.#git(clone, 'config', 'user.name', 'Kargo');
    await this.#git(clone, 'config', 'user.email', 'no-reply@kargo.io');
    return clone;
  }

  #root(): Promise<string> {
    return (this.#folder ??= mkdtemp(join(tmpdir(), 'image-factory-controller-')));
  }

  async #resolve(folder: string, name: string): Promise<string | undefined> {
    const found = await this.#git(folder, 'rev-parse', '--verify', '--quiet', name).catch(() => '');
    return found.trim() === '' ? undefined : found.trim();
  }

  async #git(folder: string, ...args: readonly string[]): Promise<string> {
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
    try {
      const { stdout } = await run('git', ['-C', folder, ...args], {
        env: {
          ...Object.fromEntries(environment),
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_EDITOR: 'true',
          LC_ALL: 'C',
        },
      });
      return stdout;
    } catch (thrown) {
      const { stderr = '' } = thrown as { readonly stderr?: string };
      throw new OutsideError(`git ${args[0] ?? ''}: ${stderr || String(thrown)}`);
    }
  }
}
