import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { minute, type Duration } from '@image-factory/core/time.ts';
import type { CacheSlot } from './cache-slot.ts';
import { credentialFor } from './credentials.ts';
import type { Environment } from './environment.ts';
import { troubleOf } from './failure.ts';
import { createObjectReader, type ObjectAnswer, type ObjectReader } from './object-reader.ts';
import { GitFailure, runGit, type GitOptions, type GitOutput } from './process.ts';
import type { Remote } from './remote-url.ts';
import type { SourceRepository } from './source-repository.ts';
import { createTreeWalk, type TreeWalk } from './tree-walk.ts';
import { commitIn, refOf, tagIn, type Branch } from './wanted-revision.ts';

export interface RemoteRepositoryOptions {
  readonly remote: Remote;
  /** Taken when the repository is first used. */
  readonly takeSlot: () => CacheSlot;
  readonly token: () => Promise<string | undefined>;
  readonly environment: Environment;
  /** One fetch, from its start to its end; questions get a minute at most. @default 10 minutes */
  readonly fetchTimeout?: Duration | undefined;
}

/**
 * Given on the command line and kept out of the repository's configuration: fetches then leave file contents out,
 * while everything that only reads says "missing" instead of asking the network for one object at a time.
 */
export const keptPartial = [
  '-c',
  'remote.origin.promisor=true',
  '-c',
  'remote.origin.partialclonefilter=blob:none',
];
/** Plain files behind a web server: whatever is asked for, they cannot leave anything out. */
export const isDumb = /dumb http/i;
/** So many fetches leave so many packs; starting anew is cheap. */
export const mostPacks = 60;
/** More patterns do not fit on a command line everywhere. */
const mostPatterns = 400;

/**
 * A repository elsewhere: its newest commits without history, and of the files only the Dockerfiles that were asked
 * for. One question per cycle; a fetch only when a head has moved.
 */
export function createRemoteRepository(options: RemoteRepositoryOptions): SourceRepository {
  const { remote, environment, fetchTimeout = 10 * minute } = options;
  let opened: { slot: CacheSlot; reader: ObjectReader; walk: TreeWalk } | undefined;
  let shallow = true;
  let dumb = false;

  function here(): { slot: CacheSlot; reader: ObjectReader; walk: TreeWalk } {
    if (opened !== undefined) return opened;
    const slot = options.takeSlot();
    const reader = createObjectReader(slot.gitDir, environment);
    opened = { slot, reader, walk: createTreeWalk(reader) };
    return opened;
  }

  async function online(args: readonly string[], more: Partial<GitOptions>): Promise<GitOutput> {
    const credential = credentialFor(remote, await options.token());
    const timeout = Math.min(minute, fetchTimeout);
    return runGit(args, { environment, gitDir: here().slot.gitDir, timeout, ...credential, ...more });
  }

  async function fetch(args: readonly string[], more: Partial<GitOptions>): Promise<void> {
    // A server that cannot leave files out would be asked for each one again, by a fetch of its own, without end.
    const partial = dumb ? [] : keptPartial;
    await online([...partial, ...args], { timeout: fetchTimeout, ...more });
  }

  async function list(patterns: readonly string[], signal?: AbortSignal): Promise<Map<string, string>> {
    const { stdout } = await online(
      ['ls-remote', '--end-of-options', 'origin', ...(patterns.length > mostPatterns ? [] : patterns)],
      { signal },
    );
    const lines = stdout.toString('utf8').split('\n').filter(Boolean);
    return new Map(
      lines.map((line) => [line.slice(line.indexOf('\t') + 1), line.slice(0, line.indexOf('\t'))]),
    );
  }

  async function heads(
    branches: ReadonlySet<Branch>,
    signal: AbortSignal | undefined,
  ): Promise<Map<Branch, string>> {
    await here().slot.prepare();
    const named = [...branches].flatMap((branch) => {
      const ref = refOf(branch);
      return ref === undefined ? [] : [{ branch, ref }];
    });
    const patterns = named.flatMap(({ branch, ref }) =>
      tagIn(branch) === undefined ? [ref] : [ref, peeled(ref)],
    );
    // Without a pattern everything would be listed.
    const listed = patterns.length === 0 ? new Map<string, string>() : await list(patterns, signal);
    const commits = new Map<Branch, string>();
    for (const { branch, ref } of named) {
      const commit = listed.get(peeled(ref)) ?? listed.get(ref);
      if (commit !== undefined) commits.set(branch, commit);
    }
    for (const branch of branches) {
      const commit = commitIn(branch);
      if (commit !== undefined) commits.set(branch, commit);
    }
    const missing = await absent([...commits.values()]);
    if (missing.size === 0) return commits;
    await tidy();
    const behind = [...commits.keys()].filter((branch) => missing.has(commits.get(branch) ?? ''));
    const moved = behind.filter((branch) => commitIn(branch) === undefined);
    if (moved.length > 0) await fetchHeads(moved, signal);
    for (const branch of moved) {
      const { stdout } = await runGit(
        ['rev-parse', '--verify', '--end-of-options', `${keptRefOf(branch)}^{commit}`],
        { environment, gitDir: here().slot.gitDir },
      );
      commits.set(branch, stdout.toString('latin1').trim());
    }
    for (const branch of behind) {
      if (commitIn(branch) !== undefined && !(await fetchCommit(branch, signal))) commits.delete(branch);
    }
    return commits;
  }

  /** False where the remote does not have it, or gives nothing by its id. */
  async function fetchCommit(branch: Branch, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await fetchHeads([branch], signal);
      return true;
    } catch (error) {
      if (
        error instanceof GitFailure &&
        /not our ref|unadvertised object|no such remote ref/i.test(error.stderr)
      )
        return false;
      throw error;
    }
  }

  async function absent(ids: readonly string[]): Promise<Set<string>> {
    const answers = await here().reader.read(ids, 0);
    return new Set(ids.filter((_, index) => answers[index]?.kind === 'missing'));
  }

  async function fetchHeads(branches: readonly Branch[], signal: AbortSignal | undefined): Promise<void> {
    const args = (deep: boolean) => [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--force',
      ...(deep ? ['--depth=1'] : []),
      '--stdin',
      '--end-of-options',
      'origin',
    ];
    const more = {
      signal,
      input: branches
        .map((branch) => `+${commitIn(branch) ?? refOf(branch) ?? ''}:${keptRefOf(branch)}\n`)
        .join(''),
    };
    try {
      await fetch(args(shallow), more);
    } catch (error) {
      if (
        !shallow ||
        !(error instanceof GitFailure) ||
        !/dumb http|does not support shallow/i.test(error.stderr)
      )
        throw error;
      shallow = false;
      dumb = isDumb.test(error.stderr);
      await fetch(args(false), more);
    }
  }

  async function fetchBlobs(ids: readonly string[]): Promise<void> {
    const args = [
      '-c',
      'fetch.negotiationAlgorithm=noop',
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--stdin',
      '--end-of-options',
      'origin',
    ];
    await fetch(args, { input: `${ids.join('\n')}\n` });
  }

  async function tidy(): Promise<void> {
    const packs = join(here().slot.gitDir, 'objects', 'pack');
    if (existsSync(packs) && readdirSync(packs).filter((name) => name.endsWith('.pack')).length > mostPacks)
      await recreate();
  }

  async function recreate(): Promise<void> {
    const { slot, reader } = here();
    reader.close();
    opened = undefined;
    await slot.recreate();
    const fresh = createObjectReader(slot.gitDir, environment);
    opened = { slot, reader: fresh, walk: createTreeWalk(fresh) };
  }

  return {
    gitDir: () => here().slot.gitDir,
    heads,
    async mend(failure) {
      if (!(failure instanceof GitFailure) || failure.reason === 'too-large' || opened === undefined)
        return false;
      if (troubleOf(failure) !== 'local' && !failure.stderr.includes(opened.slot.gitDir)) return false;
      await recreate();
      return true;
    },
    branches: async () =>
      [...(await list(['refs/heads/*'])).keys()].map((ref) => ref.replace(/^refs\/heads\//, '')),
    walk: () => here().walk,
    async blobs(ids, limit, also = () => []) {
      const answers: ObjectAnswer[] = [...(await here().reader.read(ids, limit))];
      const missing = ids.filter((_, index) => answers[index]?.kind === 'missing');
      if (missing.length === 0) return answers;
      const more = await absent([...new Set(also())]);
      await fetchBlobs([...new Set([...missing, ...more])]);
      return here().reader.read(ids, limit);
    },
    close() {
      opened?.reader.close();
      opened?.slot.release();
      opened = undefined;
    },
  };
}

function peeled(ref: string): string {
  return `${ref}^{}`;
}

function keptRefOf(branch: Branch): string {
  if (branch === undefined) return 'refs/factory/default';
  const commit = commitIn(branch);
  const tag = tagIn(branch);
  if (commit !== undefined) return `refs/factory/commits/${commit}`;
  return tag === undefined ? `refs/factory/heads/${branch}` : `refs/factory/tags/${tag}`;
}
