import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import type { SourceFile } from '@image-factory/core/ports/source.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { applyPatches, type Patched } from './apply-patches.ts';
import { dockerfileText } from './dockerfile-text.ts';
import type { Environment } from './environment.ts';
import { createObjectReader } from './object-reader.ts';
import type { SourceAdditions } from './source-additions.ts';
import { findInCommit } from './source-paths.ts';
import {
  dockerfileUnreadable,
  largestDockerfile,
  sourceProblem,
  type SourceName,
} from './source-problems.ts';
import type { SourceRepository } from './source-repository.ts';
import { createTreeWalk } from './tree-walk.ts';
import { wantedOf } from './wanted-revision.ts';

/** A source of somebody else with what the factory directory adds to it. */
export interface AddedTo {
  readonly source: Source;
  readonly additions: SourceAdditions;
  readonly commit: string;
  readonly label: string;
}

/**
 * What is known of it without applying a patch: commit and additions say whether it is as before. Only who asks for the
 * text has the patches applied, so that an unchanged source costs nothing.
 */
export function addedSource(
  repository: SourceRepository,
  environment: Environment,
  added: AddedTo,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): SourceFile {
  const { source, additions, commit } = added;
  const { patches, dockerfile } = additions;
  const content = `${commit} ${additions.id}`;
  const place = JSON.stringify([source.dockerfile, source.context]);
  return {
    commit,
    // With patches it is not known which text they give before they are applied, nor whether they fit.
    blob:
      patches.length === 0 && dockerfile
        ? dockerfile.blob
        : hash('sha256', `${content} ${place}`).slice(0, 40),
    revision: hash('sha256', `added ${content} ${place}`).slice(0, 40),
    text: () => inTurn(() => textOf(repository, environment, added)),
  };
}

async function textOf(
  repository: SourceRepository,
  environment: Environment,
  { source, additions, commit, label }: AddedTo,
): Promise<Result<string, Problem>> {
  const { patches, dockerfile } = additions;
  const name = { label, branch: wantedOf(source), dockerfile: source.dockerfile };
  try {
    const found =
      patches.length === 0 && dockerfile
        ? ok(dockerfile.bytes)
        : await inPatched(repository, environment, { commit, patches, label }, async (patched) =>
            dockerfile ? ok(dockerfile.bytes) : dockerfileIn(patched, { ...name, context: source.context }),
          );
    if (!found.ok) return found;
    const text = dockerfileText(found.value);
    return text.ok ? text : err(dockerfileUnreadable(name, text.error));
  } catch (error) {
    return err(error instanceof FactoryError ? error.problem : sourceProblem(error, label));
  }
}

async function inPatched<T>(
  repository: SourceRepository,
  environment: Environment,
  { commit, patches, label }: Pick<SourceAdditions, 'patches'> & { commit: string; label: string },
  work: (patched: SourceRepository & { readonly head: string }) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), 'image-factory-patched-'));
  const gitDir = repository.gitDir();
  let opened: SourceRepository | undefined;
  try {
    const applied = await applyPatches({
      gitDir,
      scratch,
      environment,
      signal: undefined,
      commit,
      patches,
      label,
      // With no room for their bytes they are only made sure of.
      bring: async (ids) => void (await repository.blobs(ids, 0)),
    });
    opened = patchedRepository(repository, environment, applied);
    return await work({ ...opened, head: applied.commit });
  } finally {
    opened?.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The repository, and the objects that the patches made. */
function patchedRepository(
  repository: SourceRepository,
  environment: Environment,
  { variables }: Patched,
): SourceRepository {
  const reader = createObjectReader(repository.gitDir(), environment, { variables });
  const walk = createTreeWalk(reader);
  return {
    ...repository,
    walk: () => walk,
    async blobs(ids, limit) {
      const answers = await reader.read(ids, limit);
      const missing = ids.filter((_, index) => answers[index]?.kind === 'missing');
      if (missing.length === 0) return answers;
      await repository.blobs(missing, 0);
      return reader.read(ids, limit);
    },
    close: () => reader.close(),
  };
}

async function dockerfileIn(
  patched: SourceRepository & { readonly head: string },
  name: SourceName & { readonly context: string },
): Promise<Result<Buffer, Problem>> {
  const [found] = await findInCommit(patched, patched.head, [name], undefined);
  if (!found?.ok) return found ?? err(dockerfileUnreadable(name, 'was not looked for'));
  const [answer] = await patched.blobs([found.value.blob], largestDockerfile);
  if (answer?.kind === 'object') return ok(answer.bytes);
  const why = answer?.kind === 'too-large' ? `has ${answer.size} bytes` : 'could not be fetched';
  return err(dockerfileUnreadable(name, why));
}
