import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { minute, type Duration } from '@image-factory/core/time.ts';
import { isBranchName } from './branch-name.ts';
import type { CacheSlot } from './cache-slot.ts';
import { credentialFor } from './credentials.ts';
import type { Environment } from './environment.ts';
import { troubleOf } from './failure.ts';
import { createObjectReader, type ObjectAnswer, type ObjectReader } from './object-reader.ts';
import { GitFailure, runGit, type GitOptions, type GitOutput } from './process.ts';
import type { Remote } from './remote-url.ts';
import type { Branch, SourceRepository } from './source-repository.ts';
import { createTreeWalk, type TreeWalk } from './tree-walk.ts';

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
    const valid = [...branches].filter((branch) => branch === undefined || isBranchName(branch));
    const listed = await list(valid.map(refOf), signal);
    const present = valid.filter((branch) => listed.has(refOf(branch)));
    const commits = new Map<Branch, string>(
      present.map((branch) => [branch, listed.get(refOf(branch)) ?? '']),
    );
    const missing = await absent([...commits.values()]);
    if (missing.size === 0) return commits;
    await tidy();
    const behind = present.filter((branch) => missing.has(commits.get(branch) ?? ''));
    await fetchHeads(behind, signal);
    for (const branch of behind) {
      const { stdout } = await runGit(
        ['rev-parse', '--verify', '--end-of-options', `${keptRefOf(branch)}^{commit}`],
        { environment, gitDir: here().slot.gitDir },
      );
      commits.set(branch, stdout.toString('latin1').trim());
    }
    return commits;
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
      input: branches.map((branch) => `+${refOf(branch)}:${keptRefOf(branch)}\n`).join(''),
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

function refOf(branch: Branch): string {
  return branch === undefined ? 'HEAD' : `refs/heads/${branch}`;
}

function keptRefOf(branch: Branch): string {
  return branch === undefined ? 'refs/factory/default' : `refs/factory/heads/${branch}`;
}
