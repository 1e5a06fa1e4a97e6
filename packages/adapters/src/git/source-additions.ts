import { hash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import type { Source } from '@image-factory/core/enrolment/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { blobId } from '../directory/blob-id.ts';
import { codeOf } from '../directory/process-lock.ts';
import { ownFolder } from './source-location.ts';
import { dockerfileUnreadable, largestDockerfile } from './source-problems.ts';

export interface PatchFile {
  /** As enrolled: from the factory directory. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** What the factory directory adds to a source that is somebody else's. */
export interface SourceAdditions {
  readonly patches: readonly PatchFile[];
  readonly dockerfile: OwnDockerfile | undefined;
  /** Over all of it: equal id, equal additions. */
  readonly id: string;
}

export interface OwnDockerfile {
  readonly bytes: Buffer;
  readonly blob: string;
  /** What stands beside it as `<name>.dockerignore`, which BuildKit takes instead of the context's own. */
  readonly ignore: Buffer | undefined;
}

/** Bytes of one patch, and of all patches of an image. */
const largestPatch = 1024 * 1024;
const largestPatches = 4 * largestPatch;

/** Reads the files as they stand in the factory directory, like `images.yaml` itself. Undefined: the source is plain. */
export function readAdditions(
  source: Source,
  factoryDir: string,
): Result<SourceAdditions | undefined, Problem> {
  const { patches: paths = [], ownDockerfile = false } = source;
  if (paths.length === 0 && !ownDockerfile) return ok(undefined);
  const patches: PatchFile[] = [];
  let size = 0;
  for (const path of paths) {
    const read = readInside(factoryDir, path, largestPatch);
    if (!read.ok) return err(patchProblem(path, read.error));
    size += read.value.length;
    if (size > largestPatches)
      return err(
        patchProblem(path, { kind: 'refused', why: `brings all patches above ${largestPatches} bytes` }),
      );
    patches.push({ path, bytes: read.value });
  }
  const dockerfile = ownDockerfile ? readOwnDockerfile(source, factoryDir) : ok(undefined);
  if (!dockerfile.ok) return dockerfile;
  const parts = [
    ...patches.map(({ bytes }) => blobId(bytes)),
    dockerfile.value?.blob ?? '',
    dockerfile.value?.ignore ? blobId(dockerfile.value.ignore) : '',
  ];
  return ok({ patches, dockerfile: dockerfile.value, id: hash('sha256', parts.join(' ')) });
}

function readOwnDockerfile(source: Source, factoryDir: string): Result<OwnDockerfile, Problem> {
  const path = source.dockerfile;
  const root = ownFolder(factoryDir);
  const name = { label: '.', branch: undefined, dockerfile: path };
  const read = readInside(root, path, largestDockerfile);
  if (!read.ok) {
    if (read.error.kind === 'refused') return err(dockerfileUnreadable(name, read.error.why));
    return err({
      code: 'DOCKERFILE_MISSING',
      message: `there is no file "${path}" in the factory directory's own repository`,
      hint: `Check local.dockerfile: it is a path from ${root}.`,
    });
  }
  const ignore = readInside(root, `${path}.dockerignore`, largestDockerfile);
  if (!ignore.ok && ignore.error.kind === 'refused')
    return err(dockerfileUnreadable({ ...name, dockerfile: `${path}.dockerignore` }, ignore.error.why));
  const bytes = read.value;
  return ok({ bytes, blob: blobId(bytes), ignore: ignore.ok ? ignore.value : undefined });
}

interface Unread {
  readonly kind: 'missing' | 'refused';
  readonly why: string;
}

/** A regular file whose real place is below the folder. */
function readInside(folder: string, path: string, limit: number): Result<Buffer, Unread> {
  try {
    const root = realpathSync(resolve(folder));
    const real = realpathSync(join(root, path));
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep))
      return err({ kind: 'refused', why: 'is a symbolic link that leads out of the folder' });
    const found = statSync(real);
    if (!found.isFile()) return err({ kind: 'refused', why: 'is no regular file' });
    if (found.size > limit) return err({ kind: 'refused', why: `has ${found.size} bytes, above ${limit}` });
    const bytes = readFileSync(real);
    return bytes.length > limit ? err({ kind: 'refused', why: 'grew while it was read' }) : ok(bytes);
  } catch (error) {
    const code = codeOf(error);
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return err({ kind: 'missing', why: 'is not there' });
    if (code === '') throw error;
    return err({ kind: 'refused', why: `cannot be read (${code})` });
  }
}

function patchProblem(path: string, { kind, why }: Unread): Problem {
  return {
    code: kind === 'missing' ? 'SOURCE_PATCH_MISSING' : 'SOURCE_PATCH_REFUSED',
    message:
      kind === 'missing' ? `there is no patch "${path}" in the factory directory` : `patch "${path}" ${why}`,
    hint: 'Check source.patches: paths of text files below the factory directory.',
    place: { file: path },
  };
}
