import type { Registry } from '@image-factory/core/ports/registry.ts';
import type { Digest, Reference } from '@image-factory/core/reference/types.ts';
import { attemptAnnotation, buildKeyAnnotation } from './annotations.ts';
import { repositoryOf } from './pin-contexts.ts';

export type PushedRegistry = Pick<Registry, 'look' | 'describe'>;

/** `registry/repository:tag` as a reference; only for targets that this folder wrote. */
export function targetReference(target: string): Reference {
  const repository = repositoryOf(target);
  const slash = repository.indexOf('/');
  return {
    domain: repository.slice(0, slash),
    path: repository.slice(slash + 1),
    tag: target.slice(repository.length + 1),
  };
}

/**
 * The digest that a build of this key and attempt pushed: every one of its tags points at it, and its manifest carries the
 * key. Undefined: not pushed, or not under every tag. Throws when the registry cannot be asked: then nothing is known.
 */
export async function findPushed(
  registry: PushedRegistry,
  targets: readonly string[],
  key: string,
  attempt: number,
  signal?: AbortSignal,
): Promise<Digest | undefined> {
  let found: Digest | undefined;
  for (const target of targets) {
    const reference = targetReference(target);
    const digest = await digestUnder(registry, reference, signal);
    if (digest === undefined || (found !== undefined && found !== digest)) return undefined;
    if (found === undefined && !(await carries(registry, reference, digest, key, attempt, signal)))
      return undefined;
    found = digest;
  }
  return found;
}

export async function digestUnder(
  registry: PushedRegistry,
  reference: Reference,
  signal?: AbortSignal,
): Promise<Digest | undefined> {
  const look = await registry.look(reference, { force: true, ...(signal ? { signal } : {}) });
  return look.kind === 'digest' ? look.digest : undefined;
}

async function carries(
  registry: PushedRegistry,
  reference: Reference,
  digest: Digest,
  key: string,
  attempt: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const described = await registry.describe(reference, digest, signal);
  const annotations = described?.annotations ?? {};
  return annotations[buildKeyAnnotation] === key && annotations[attemptAnnotation] === String(attempt);
}
