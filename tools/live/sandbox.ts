import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minute } from '@image-factory/core/time.ts';

export interface SandboxOptions {
  /** Address for git. */
  readonly remote: string;
  readonly token: string;
}

/** What the live test does to a repository, by git. */
export interface Sandbox {
  /** The file at the head of the default branch; undefined: it is not there. Throws where there is no commit. */
  fileAtHead(path: string): Promise<string | undefined>;
  /** A branch at the head of the default branch. */
  branchOfHead(branch: string): Promise<void>;
  /** A branch with one commit that has this file alone, so that nothing else of the repository is run for it. */
  branchOfFile(branch: string, path: string, text: string): Promise<void>;
  /** Removes the branch and the claims of keys that begin with its name; returns the refs that were there. */
  remove(branch: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openSandbox({ remote, token }: SandboxOptions): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-live-'));
  const env = environmentOf(remote, token);

  function git(args: readonly string[], input = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        'git',
        [`--git-dir=${folder}`, ...args],
        { env, timeout: 2 * minute, maxBuffer: 16 * 1024 * 1024 },
        (error, stdout, stderr) => {
          if (!error) return resolve(stdout.trim());
          const words = stderr.trim().split('\n').slice(-4).join(' ').replaceAll(token, '***');
          return reject(new Error(`git ${args[0]} at ${remote}: ${words || 'no answer in time'}`));
        },
      );
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
  }

  let fetched: Promise<string> | undefined;
  const head = (): Promise<string> =>
    (fetched ??= git(['fetch', '--quiet', '--depth=1', remote, 'HEAD']).then(() =>
      git(['rev-parse', 'FETCH_HEAD']),
    ));
  const push = (commit: string, branch: string): Promise<string> =>
    git(['push', '--quiet', remote, `${commit}:refs/heads/${branch}`]);

  await git(['init', '--quiet', '--bare', '--template=']);
  return {
    async fileAtHead(path) {
      const commit = await head();
      const listed = await git(['ls-tree', '--name-only', commit, '--', path]);
      return listed === '' ? undefined : git(['cat-file', 'blob', `${commit}:${path}`]);
    },
    async branchOfHead(branch) {
      await push(await head(), branch);
    },
    async branchOfFile(branch, path, text) {
      let object = await git(['hash-object', '-w', '--stdin'], text);
      let kind = '100644 blob';
      for (const part of path.split('/').toReversed()) {
        object = await git(['mktree'], `${kind} ${object}\t${part}\n`);
        kind = '040000 tree';
      }
      await push(await git(['commit-tree', '-m', 'Live test of Image Factory', object]), branch);
    },
    async remove(branch) {
      const listed = await git(['ls-remote', remote, `refs/heads/${branch}`, 'refs/factory/claims/*']);
      const refs = listed
        .split('\n')
        .map((line) => line.split('\t')[1] ?? '')
        .filter((ref) => ref === `refs/heads/${branch}` || ref.startsWith(`refs/factory/claims/${branch}-`));
      if (refs.length > 0) await git(['push', '--quiet', '--delete', remote, ...refs]);
      return refs;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The token goes by the environment: arguments can be seen by every process. */
function environmentOf(remote: string, token: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
  const identity = { NAME: 'image-factory', EMAIL: 'image-factory@localhost' };
  return {
    ...Object.fromEntries(own),
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: identity.NAME,
    GIT_AUTHOR_EMAIL: identity.EMAIL,
    GIT_COMMITTER_NAME: identity.NAME,
    GIT_COMMITTER_EMAIL: identity.EMAIL,
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: `http.${remote}.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
  };
}
