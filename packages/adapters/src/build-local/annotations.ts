import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Dependency } from '@image-factory/core/state/types.ts';

export const buildKeyAnnotation = 'io.image-factory.build-key';
export const attemptAnnotation = 'io.image-factory.attempt';

/** The base that the final image starts with, where it is the same on every platform; undefined for `scratch` too. */
export function finalBase(dependencies: readonly Dependency[]): string | undefined {
  const references = new Set(
    dependencies.filter((item) => item.final && item.kind === 'from').map((item) => item.reference),
  );
  return references.size === 1 ? [...references][0] : undefined;
}

/**
 * What the manifest says about itself (OCI image-spec annotations, and our key).
 * Annotations and not labels, because an image inherits its base's labels. Buildah also hands the base's annotations
 * down, so each key is always written: an empty value means that there is nothing to say.
 */
export function manifestAnnotations(
  request: BuildRequest,
  baseDigest: string | undefined,
): ReadonlyMap<string, string> {
  const base = finalBase(request.dependencies);
  return new Map([
    ['org.opencontainers.image.base.name', base?.split('@')[0] ?? ''],
    ['org.opencontainers.image.base.digest', base === undefined ? '' : (baseDigest ?? '')],
    ['org.opencontainers.image.source', withoutCredentials(request.image.source.repo)],
    ['org.opencontainers.image.revision', request.commit ?? ''],
    [buildKeyAnnotation, request.key],
    [attemptAnnotation, String(request.attempt)],
  ]);
}

function withoutCredentials(repository: string): string {
  return repository.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}
