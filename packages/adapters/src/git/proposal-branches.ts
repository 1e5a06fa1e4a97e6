import { resolve } from 'node:path';
import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import type {
  FileFault,
  ProposalBranches,
  ProposedCommit,
  ProposedSource,
} from '@image-factory/core/ports/proposals.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import { ownerOf } from '@image-factory/core/proposals/request-place.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { minute } from '@image-factory/core/time.ts';
import { createMutex } from '../directory/mutex.ts';
import { isBranchName } from './branch-name.ts';
import { takeSlot, type CacheSlot } from './cache-slot.ts';
import type { Author } from './commit-stream.ts';
import { credentialFor } from './credentials.ts';
import { dockerfileText } from './dockerfile-text.ts';
import type { Environment } from './environment.ts';
import { ownRemote } from './own-remote.ts';
import { GitFailure, runGit, type GitOptions } from './process.ts';
import { proposalStream, readOwnCommit } from './proposal-commit.ts';
import { readPushOutcome } from './push-outcome.ts';
import { keptPartial } from './remote-repository.ts';
import { parseRemote, type Remote } from './remote-url.ts';
import { insidePath, locateSource, type BaseUrls } from './source-location.ts';
import { largestDockerfile, sourceProblem } from './source-problems.ts';

export interface ProposalBranchesOptions {
  readonly factoryDir: string;
  /** For partial clones; losing it loses nothing. */
  readonly cacheDir: string;
  readonly clock: Clock;
  readonly environment: Environment;
  readonly author: Author;
  readonly baseUrls?: BaseUrls;
  /** What the image's repository is pushed to with; asked before each contact with an http remote. */
  readonly token: (image: ManagedEnrolment) => Promise<string | undefined>;
}

const intoRef = 'refs/factory/into';
const proposedRef = 'refs/factory/proposed';

/** Everything that one call works with. */
interface Place {
  readonly image: ManagedEnrolment;
  readonly label: string;
  readonly slot: CacheSlot;
  local(args: readonly string[], more?: Partial<GitOptions>): Promise<Buffer>;
  online(args: readonly string[], more?: Partial<GitOptions>): Promise<Buffer>;
}

interface Heads {
  readonly into: string;
  readonly commit: string;
  readonly proposed: string | undefined;
}

/** Commits made by git itself and pushed with the commit that the branch has to show: never over somebody else's. */
export function createProposalBranches(options: ProposalBranchesOptions): ProposalBranches {
  const queues = new Map<string, ReturnType<typeof createMutex>>();
  const factoryDir = resolve(options.factoryDir);

  async function remoteOf({ source }: ManagedEnrolment): Promise<{ remote: Remote; label: string }> {
    const location = locateSource(source, factoryDir, options.baseUrls ?? {});
    if (!location.ok) throw new FactoryError(location.error);
    const { value } = location;
    if (value.kind === 'remote') return value;
    if (value.kind === 'repository') {
      const address = source.repo === '.' ? await ownRemote(factoryDir, options.environment) : value.gitDir;
      const remote = address === undefined ? undefined : parseRemote(address, factoryDir);
      if (remote?.ok) return { remote: remote.value, label: value.label };
    }
    throw problem(
      'REQUEST_IMPOSSIBLE',
      `the source ${source.repo} is no repository that could be pushed to`,
      'Set source.repo to a repository at a forge, or mode: dispatch.',
    );
  }

  async function at<T>(image: ManagedEnrolment, work: (place: Place) => Promise<T>): Promise<T> {
    const { remote, label } = await remoteOf(image);
    const { clock, environment, cacheDir } = options;
    const queue = queues.get(remote.url) ?? createMutex();
    queues.set(remote.url, queue);
    return queue(async () => {
      const slot = takeSlot(cacheDir, `proposals ${remote.url}`, remote.url, clock, environment);
      const local: Place['local'] = async (args, more = {}) =>
        (await runGit(args, { environment, gitDir: slot.gitDir, timeout: minute, ...more })).stdout;
      const online: Place['online'] = async (args, more = {}) => {
        const credential = credentialFor(
          remote,
          remote.kind === 'http' ? await options.token(image) : undefined,
        );
        return local([...keptPartial, ...args], { timeout: 5 * minute, ...credential, ...more });
      };
      try {
        await slot.prepare();
        return await work({ image, label, slot, local, online });
      } catch (error) {
        if (!(error instanceof GitFailure)) throw error;
        throw new FactoryError(sourceProblem(error, label), { cause: error });
      } finally {
        slot.release();
      }
    });
  }

  async function push(
    place: Place,
    from: string,
    branch: string,
    expected: string | undefined,
  ): Promise<boolean> {
    const ref = `refs/heads/${branch}`;
    const args = ['push', '--porcelain', '--no-verify', '--no-signed', '--no-follow-tags'];
    try {
      // Not to be aborted: whether the remote took it would then be unknown.
      await place.online([
        ...args,
        `--force-with-lease=${ref}:${expected ?? ''}`,
        'origin',
        `${from}:${ref}`,
      ]);
      return true;
    } catch (error) {
      const outcome = error instanceof GitFailure ? readPushOutcome(error.stdout, error.stderr) : undefined;
      if (outcome?.kind === 'done') return true;
      if (outcome?.kind === 'stale') return false;
      if (outcome?.kind !== 'refused') throw error;
      throw problem(
        'SOURCE_DENIED',
        `${place.label} refused the branch ${branch}: ${outcome.message}`,
        branch.startsWith('image-factory/')
          ? 'Let the factory create and change branches below image-factory/ (branch protection, rulesets, push rules).'
          : `Let the factory push to ${branch}, or set versionFiles: request.`,
      );
    }
  }

  return {
    read: (image, branch, files, signal) =>
      at(image, (place) => read(place, { branch, files, signal }, options.author)),

    push: (image, commit) =>
      at(image, async (place) => {
        const heads = await fetchHeads(place, commit.branch);
        if (heads.commit !== commit.parent || heads.proposed !== commit.expected) return undefined;
        const owner = commit.branch === heads.into ? undefined : ownerOf(commit.branch);
        const id = await write(place, commit, owner, options);
        return (await push(place, id, commit.branch, commit.expected)) ? id : undefined;
      }),

    remove: (image, branch, expected) =>
      at(image, async (place) => {
        await push(place, '', branch, expected);
      }),
  };
}

async function fetchHeads(
  { image, label, local, online }: Place,
  branch: string,
  signal?: AbortSignal,
): Promise<Heads> {
  const named = image.source.branch;
  if (named !== undefined && !isBranchName(named))
    throw problem('SOURCE_BRANCH_MISSING', `"${named}" is no branch name`, 'Check source.branch.');
  const wanted = ['HEAD', ...(named === undefined ? [] : [`refs/heads/${named}`]), `refs/heads/${branch}`];
  const listed = await online(['ls-remote', '--symref', '--end-of-options', 'origin', ...wanted], { signal });
  const lines = listed.toString('utf8').split('\n');
  const head = lines.find((line) => line.startsWith('ref: ') && line.endsWith('\tHEAD'));
  const into = named ?? /^ref: refs\/heads\/(.+)\tHEAD$/.exec(head ?? '')?.[1];
  const has = (name: string): boolean =>
    lines.some((line) => /^[0-9a-f]{40}/.test(line) && line.endsWith(`\trefs/heads/${name}`));
  if (into === undefined || (named !== undefined && !has(named)))
    throw problem(
      'SOURCE_BRANCH_MISSING',
      `${label} has no branch ${into ?? 'that is its default'}`,
      'Check source.branch.',
    );
  const isProposed = has(branch);
  const refs = [
    `+refs/heads/${into}:${intoRef}`,
    ...(isProposed ? [`+refs/heads/${branch}:${proposedRef}`] : []),
  ];
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--force', '--depth=1'];
  await online([...args, '--end-of-options', 'origin', ...refs], { signal });
  const idOf = async (ref: string): Promise<string> =>
    (await local(['rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`])).toString('latin1').trim();
  return { into, commit: await idOf(intoRef), proposed: isProposed ? await idOf(proposedRef) : undefined };
}

async function read(
  place: Place,
  asked: {
    readonly branch: string;
    readonly files: readonly string[];
    readonly signal: AbortSignal | undefined;
  },
  author: Author,
): Promise<ProposedSource> {
  const { branch, signal } = asked;
  const { into, commit, proposed } = await fetchHeads(place, branch, signal);
  const files = new Map<string, Result<string, FileFault>>();
  await bring(place, proposed === undefined ? [commit] : [commit, proposed], asked.files, signal);
  for (const file of asked.files) files.set(file, await textAt(place, commit, file, signal));
  if (proposed === undefined) return { into, commit, files, proposed: undefined };
  const raw = (await place.local(['cat-file', 'commit', proposed])).toString('utf8');
  const known = readOwnCommit(raw, ownerOf(branch), author);
  const own = new Map<string, string | undefined>();
  // What somebody else made of it is nobody's to read here.
  for (const file of known.isOurs ? asked.files : []) {
    const text = await textAt(place, proposed, file, signal);
    own.set(file, text.ok ? text.value : undefined);
  }
  return { into, commit, files, proposed: { head: proposed, ...known, files: own } };
}

/** Fetches the contents that are not here at once; git would ask for each one by itself. */
async function bring(
  place: Place,
  commits: readonly string[],
  files: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (files.length < 2) return;
  const ids = new Set<string>();
  for (const commit of commits)
    for (const file of files) {
      const found = await fileAt(place, commit, file, signal);
      if (found.ok) ids.add(found.value.id);
    }
  const checked = await place.local(['cat-file', '--batch-check'], { input: lines(ids), signal });
  const missing = checked.toString('latin1').matchAll(/^([0-9a-f]+) missing$/gm);
  const wanted = [...missing].flatMap(([, id]) => id ?? []);
  if (wanted.length < 2) return;
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--stdin'];
  await place.online(['-c', 'fetch.negotiationAlgorithm=noop', ...args, '--end-of-options', 'origin'], {
    input: lines(wanted),
    signal,
  });
}

function lines(ids: Iterable<string>): string {
  return [...ids].map((id) => `${id}\n`).join('');
}

async function textAt(
  place: Place,
  commit: string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Result<string, FileFault>> {
  const found = await fileAt(place, commit, file, signal);
  if (!found.ok) return found;
  const bytes = await place.online(['cat-file', 'blob', found.value.id], { signal });
  const text = dockerfileText(bytes);
  // What is no UTF-8 would come back changed.
  if (text.ok && bytes.length <= largestDockerfile && Buffer.from(text.value, 'utf8').equals(bytes))
    return text;
  const why = text.ok ? 'is no clean UTF-8 text' : text.error;
  return err({ kind: 'unfit', message: `"${file}" in ${place.label} ${why}` });
}

/** A regular file; a link would be replaced by what it points to. */
async function fileAt(
  { label, local }: Place,
  commit: string,
  file: string,
  signal?: AbortSignal,
): Promise<Result<{ readonly mode: string; readonly id: string }, FileFault>> {
  if (insidePath(file) !== file || /^"|[\p{Cc}]/u.test(file))
    return err({ kind: 'unfit', message: `"${file}" is no path for a commit` });
  const listed = await local(['ls-tree', '-z', '--full-tree', '--end-of-options', commit, file], { signal });
  const [, mode, type, id] = /^(\d+) (\w+) ([0-9a-f]+)\t/.exec(listed.toString('utf8')) ?? [];
  if (mode === undefined || id === undefined)
    return err({ kind: 'missing', message: `there is no file "${file}" in ${label}` });
  if (type === 'blob' && mode.startsWith('100')) return ok({ mode, id });
  const what = mode === '120000' ? 'a symbolic link' : 'no regular file';
  return err({ kind: 'unfit', message: `"${file}" in ${label} is ${what}` });
}

async function write(
  place: Place,
  commit: ProposedCommit,
  owner: string | undefined,
  { author, clock }: ProposalBranchesOptions,
): Promise<string> {
  const modes = new Map<string, string>();
  for (const file of commit.files.keys()) {
    const found = await fileAt(place, commit.parent, file);
    if (!found.ok) throw problem('REQUEST_IMPOSSIBLE', found.error.message, 'Name a regular file.');
    modes.set(file, found.value.mode);
  }
  const input = proposalStream(commit, { owner, author, now: clock.now(), ref: proposedRef, modes });
  const args = ['fast-import', '--quiet', '--done', '--force', '--date-format=raw'];
  const id = (await place.local(args, { input })).toString('latin1').trim();
  if (/^[0-9a-f]{40,64}$/.test(id)) return id;
  throw new GitFailure('exit', 'fast-import', `expected a commit id, got "${id.slice(0, 200)}"`);
}

function problem(code: ProblemCode, message: string, hint: string): FactoryError {
  return new FactoryError({ code, message, hint });
}
