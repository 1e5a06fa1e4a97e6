import type { SourceFile, WantedFile } from '@image-factory/core/ports/source.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { dockerfileText } from './dockerfile-text.ts';
import type { ObjectAnswer } from './object-reader.ts';
import { findInCommit, type FoundPaths } from './source-paths.ts';
import {
  branchMissing,
  dockerfileUnreadable,
  largestDockerfile,
  sourceProblem,
  type SourceName,
} from './source-problems.ts';
import { addedSource } from './patched-source.ts';
import type { Environment } from './environment.ts';
import type { SourceAdditions } from './source-additions.ts';
import type { SourceRepository } from './source-repository.ts';
import { wantedOf, type Branch } from './wanted-revision.ts';

export interface WantedSource {
  readonly source: WantedFile;
  /** Undefined: the source is plain. */
  readonly additions: SourceAdditions | undefined;
}

/** Sources of one repository. */
export interface RepositoryReading {
  read(
    sources: readonly WantedSource[],
    label: string,
    signal: AbortSignal | undefined,
  ): Promise<readonly Result<SourceFile, Problem>[]>;
  close(): void;
}

interface TextRequest {
  readonly name: SourceName;
  readonly resolve: (text: Result<string, Problem>) => void;
}

/** Texts fetched at once; each may be a mebibyte. */
const textsAtOnce = 2000;

/** `ownState`: the factory's state folder in this repository, which is no content of any image. */
export function createRepositoryReading(
  repository: SourceRepository,
  ownState: string | undefined,
  environment: Environment,
): RepositoryReading {
  /** What was found per commit and paths; kept for the heads of the last cycle only. */
  let known = new Map<string, Map<string, Result<FoundPaths, Problem>>>();
  /** By blob: copies of one Dockerfile are read once. */
  let requests = new Map<string, TextRequest[]>();
  let answering: Promise<void> = Promise.resolve();

  async function read(
    sources: readonly WantedSource[],
    label: string,
    signal: AbortSignal | undefined,
  ): Promise<readonly Result<SourceFile, Problem>[]> {
    const heads = await repository.heads(
      new Set<Branch>(sources.map(({ source }) => wantedOf(source))),
      signal,
    );
    const next: typeof known = new Map();
    const problems = new Map<Branch, Problem>();
    for (const [branch, members] of Map.groupBy(sources, ({ source }) => wantedOf(source))) {
      const commit = heads.get(branch);
      if (commit === undefined)
        problems.set(branch, branchMissing(label, branch, await repository.branches()));
      else {
        // Two branches may stand at one commit: the second adds to what was found for the first.
        const answers =
          next.get(commit) ?? known.get(commit) ?? new Map<string, Result<FoundPaths, Problem>>();
        next.set(commit, answers);
        const plain = members.flatMap(({ source, additions }) => (additions ? [] : [source]));
        await findNew(answers, commit, plain, label);
      }
    }
    known = next;
    return sources.map(({ source, additions }) => {
      const branch = wantedOf(source);
      const commit = heads.get(branch);
      const problem = problems.get(branch);
      if (additions && commit !== undefined)
        return ok(addedSource(repository, environment, { source, additions, commit, label }, inTurn));
      const found = known.get(commit ?? '')?.get(keyOf(source));
      if (problem !== undefined || commit === undefined || found === undefined)
        return err(problem ?? branchMissing(label, branch, []));
      if (!found.ok) return found;
      const name = { label, branch, dockerfile: source.dockerfile };
      return ok({ commit, ...found.value, text: () => text(found.value.blob, name) });
    });
  }

  async function findNew(
    answers: Map<string, Result<FoundPaths, Problem>>,
    commit: string,
    sources: readonly WantedFile[],
    label: string,
  ): Promise<void> {
    const wanted = new Map(sources.map((source) => [keyOf(source), source]));
    for (const key of answers.keys()) wanted.delete(key);
    if (wanted.size === 0) return;
    const names = [...wanted.values()].map((source) => ({
      label,
      branch: wantedOf(source),
      dockerfile: source.dockerfile,
      context: source.context,
      versionFiles: source.versionFiles,
    }));
    const found = await findInCommit(repository, commit, names, ownState);
    for (const [index, key] of [...wanted.keys()].entries()) {
      const answer = found[index];
      if (answer !== undefined) answers.set(key, answer);
    }
  }

  /** Everybody who asks in the same turn is answered by one read. */
  function text(blob: string, name: SourceName): Promise<Result<string, Problem>> {
    const { promise, resolve } = Promise.withResolvers<Result<string, Problem>>();
    const others = requests.get(blob);
    if (others) others.push({ name, resolve });
    else requests.set(blob, [{ name, resolve }]);
    if (requests.size === 1 && !others) {
      queueMicrotask(() => {
        const batch = [...requests];
        requests = new Map();
        answering = answering.then(() => answerAll(batch));
      });
    }
    return promise;
  }

  /** A fetch of its own beside another one of this repository would find its locks. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = answering.then(work);
    answering = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  async function answerAll(batch: readonly (readonly [blob: string, TextRequest[]])[]): Promise<void> {
    for (let start = 0; start < batch.length; start += textsAtOnce) {
      const part = batch.slice(start, start + textsAtOnce);
      try {
        const answers = await repository.blobs(
          part.map(([blob]) => blob),
          largestDockerfile,
          knownBlobs,
        );
        for (const [index, [, waiting]] of part.entries()) {
          const text = textOf(answers[index]);
          for (const { name, resolve } of waiting)
            resolve(text.ok ? text : err(dockerfileUnreadable(name, text.error)));
        }
      } catch (error) {
        const cause: unknown = error;
        for (const { name, resolve } of part.flatMap(([, waiting]) => waiting))
          resolve(err(sourceProblem(cause, name.label)));
      }
    }
  }

  /** Whoever reads one Dockerfile that must be fetched will read the others soon: one fetch brings them all. */
  function knownBlobs(): readonly string[] {
    return [...known.values()].flatMap((answers) =>
      [...answers.values()].flatMap((answer) => (answer.ok ? [answer.value.blob] : [])),
    );
  }

  /** A cached repository that is broken is made anew, once. */
  async function readMending(
    sources: readonly WantedSource[],
    label: string,
    signal: AbortSignal | undefined,
  ) {
    try {
      return await read(sources, label, signal);
    } catch (error) {
      if (signal?.aborted || !(await repository.mend(error))) throw error;
      return read(sources, label, signal);
    }
  }

  return {
    async read(sources, label, signal) {
      try {
        return await readMending(sources, label, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        const problem = sourceProblem(error, label);
        return sources.map(() => err(problem));
      }
    },
    close: () => repository.close(),
  };
}

/** The failure says why it is no text. */
function textOf(answer: ObjectAnswer | undefined): Result<string, string> {
  if (answer?.kind === 'object') return dockerfileText(answer.bytes);
  if (answer?.kind === 'too-large') return err(`has ${answer.size} bytes`);
  return err('could not be fetched: the remote did not send it');
}

function keyOf(source: WantedFile): string {
  const { dockerfile, context, versionFiles = [] } = source;
  const written = versionFiles.map(({ path, key }) => [path, ...key]);
  return `${wantedOf(source) ?? ''}\0${dockerfile}\0${context}\0${JSON.stringify(written)}`;
}
