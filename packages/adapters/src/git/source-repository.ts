import type { Environment } from './environment.ts';
import { createObjectReader, type ObjectAnswer } from './object-reader.ts';
import { GitFailure, runGit } from './process.ts';
import { createTreeWalk, type TreeWalk } from './tree-walk.ts';
import { commitIn, refOf, tagIn, type Branch } from './wanted-revision.ts';

/** One repository that Dockerfiles are read from. Its methods throw GitFailure. */
export interface SourceRepository {
  /** Where git finds it; another one after `mend`. */
  gitDir(): string;
  /** Commits at the heads, with all folders of them at hand. A branch that does not exist is left out. */
  heads(branches: ReadonlySet<Branch>, signal: AbortSignal | undefined): Promise<ReadonlyMap<Branch, string>>;
  /** For messages about a branch that does not exist. */
  branches(): Promise<readonly string[]>;
  walk(): TreeWalk;
  /** After a failure: was it in a cached repository of ours, and is that made anew? Then it is worth another try. */
  mend(failure: unknown): Promise<boolean>;
  /** File contents; `also` are worth having when anything must be fetched for them. */
  blobs(
    ids: readonly string[],
    limit: number,
    also?: () => readonly string[],
  ): Promise<readonly ObjectAnswer[]>;
  close(): void;
}

/** A repository on this machine, read where it is: nothing is written to it, its work tree is not looked at. */
export function createLocalRepository(gitDir: string, environment: Environment): SourceRepository {
  const reader = createObjectReader(gitDir, environment);
  const walk = createTreeWalk(reader);
  const git = async (args: readonly string[], signal?: AbortSignal) => {
    const { stdout } = await runGit(args, { gitDir, environment, signal });
    return stdout.toString('utf8').split('\n').filter(Boolean);
  };
  async function existing(commit: string | undefined): Promise<string | undefined> {
    if (commit === undefined) return undefined;
    const [answer] = await reader.read([commit], 0);
    return answer !== undefined && answer.kind !== 'missing' && answer.type === 'commit' ? commit : undefined;
  }
  async function atTag(branch: Branch, signal: AbortSignal | undefined): Promise<string | undefined> {
    const ref = refOf(branch);
    if (ref === undefined) return undefined;
    const lines = await git(
      ['for-each-ref', '--format=%(refname) %(objectname) %(*objectname)', '--', ref],
      signal,
    );
    const [, id, peeled] = lines.find((line) => line.startsWith(`${ref} `))?.split(' ') ?? [];
    return existing(peeled || id);
  }
  return {
    gitDir: () => gitDir,
    async heads(branches, signal) {
      const heads = new Map<Branch, string>();
      const named = [...branches].filter(
        (branch) => branch !== undefined && tagIn(branch) === undefined && commitIn(branch) === undefined,
      );
      // A checkout by a CI system often has the branch only as it came from the remote.
      const places = ['refs/remotes/origin/', 'refs/heads/'];
      const patterns = places.flatMap((place) => named.map((branch) => place + branch));
      const lines =
        named.length === 0
          ? []
          : await git(
              [
                'for-each-ref',
                '--format=%(objectname) %(refname)',
                ...(patterns.length <= 400 ? ['--', ...patterns] : []),
              ],
              signal,
            );
      const refs = new Map(
        lines.map((line) => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]),
      );
      for (const branch of named) {
        for (const place of places) {
          const commit = refs.get(place + branch);
          if (commit !== undefined) heads.set(branch, commit);
        }
      }
      for (const branch of branches) {
        const commit =
          tagIn(branch) === undefined ? await existing(commitIn(branch)) : await atTag(branch, signal);
        if (commit !== undefined) heads.set(branch, commit);
      }
      if (branches.has(undefined)) {
        const head = await currentHead(git, signal);
        if (head !== undefined) heads.set(undefined, head);
      }
      return heads;
    },
    branches: () => git(['for-each-ref', '--format=%(refname:lstrip=2)', '--count=2000', '--', 'refs/heads']),
    walk: () => walk,
    mend: async () => false,
    blobs: (ids, limit) => reader.read(ids, limit),
    close: () => reader.close(),
  };
}

type Git = (args: readonly string[], signal?: AbortSignal) => Promise<string[]>;

/** Undefined in a repository without a commit, which is no failure: `rev-parse` exits with 1 and says nothing. */
async function currentHead(git: Git, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const [commit] = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], signal);
    return commit;
  } catch (error) {
    if (error instanceof GitFailure && error.reason === 'exit' && error.stderr === '') return undefined;
    throw error;
  }
}
