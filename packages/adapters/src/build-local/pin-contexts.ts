import type { BuildRequest } from '@image-factory/core/ports/builder.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import type { Dependency, Pin } from '@image-factory/core/state/types.ts';

/** Name of a named build context to its value, `docker-image://repository@digest`. */
export type PinContexts = ReadonlyMap<string, string>;

/**
 * The named build contexts that make a builder read the approved digests without a change to the Dockerfile.
 *
 * BuildKit looks a base up by its expanded, normalised name, so one key per reference is enough. Buildah compares the
 * word of FROM before its expansion, letter by letter, quotes included; for `--from` and mounts it compares the
 * unquoted word. Both look stage names up among the same keys: a base that has the same name as a stage cannot be
 * pinned, and is refused here, because a build with another digest than the approved one must not start.
 */
export function pinContexts(
  tool: 'buildah' | 'docker',
  request: Pick<BuildRequest, 'pins' | 'dependencies'>,
  stages: ReadonlySet<string>,
): Result<PinContexts, Problem> {
  const contexts = new Map<string, string>();
  const unused = new Set(request.pins);
  for (const dependency of request.dependencies) {
    if (dependency.kind === 'syntax' && tool === 'buildah') continue;
    const pin = pinOf(dependency, request.pins);
    const isDigest = dependency.reference.includes('@');
    if (isDigest) {
      if (!pin) continue;
      unused.delete(pin);
      if (dependency.reference.endsWith(`@${pin.digest}`)) continue;
      return err(
        unpinnable(
          pin,
          `the Dockerfile names ${dependency.reference} by digest`,
          'Move the digest in the source; pull-request mode proposes it.',
        ),
      );
    }
    if (pin) unused.delete(pin);
    // Without a pin the name is still spelled out for buildah, whose short names do not always mean docker.io.
    if (!pin && tool === 'docker') continue;
    const value = pin
      ? `docker-image://${repositoryOf(pin.reference)}@${pin.digest}`
      : `docker-image://${dependency.reference}`;
    const needed = tool === 'docker' ? [dependency.reference] : writtenKeys(dependency);
    for (const key of needed) {
      const clash =
        tool === 'docker'
          ? familiarForms(key).find((form) => stages.has(form))
          : stages.has(key.toLowerCase()) && key;
      if (clash && !pin) continue;
      if (clash) {
        return err(
          unpinnable(
            pin as Pin,
            `the Dockerfile also has a stage named "${clash}"`,
            'Give the stage another name.',
          ),
        );
      }
      if (key.includes('=')) {
        if (!pin) continue;
        return err(
          unpinnable(
            pin,
            `the word "${key}" holds an equals sign`,
            'Write the base without a default that holds "=".',
          ),
        );
      }
      const before = contexts.get(key);
      if (before !== undefined && before !== value && pin) {
        return err(
          unpinnable(
            pin,
            `"${key}" would mean two images`,
            'Write the bases with their registries and tags.',
          ),
        );
      }
      contexts.set(key, value);
    }
    if (tool === 'docker') continue;
    for (const key of familiarForms(dependency.reference)) {
      if (!stages.has(key) && !contexts.has(key)) contexts.set(key, value);
    }
  }
  for (const pin of unused) {
    return err(
      unpinnable(pin, 'the Dockerfile does not name it', 'Run check: the dependencies may be out of date.'),
    );
  }
  return ok(contexts);
}

function pinOf(dependency: Dependency, pins: readonly Pin[]): Pin | undefined {
  return pins.find(
    (pin) =>
      pin.reference === dependency.reference ||
      (dependency.base !== undefined && pin.base === dependency.base),
  );
}

/** Where quotes hide the word in a flag, `written` is the whole flag; the familiar forms have to do then. */
function writtenKeys(dependency: Dependency): readonly string[] {
  if (dependency.kind === 'from') return [dependency.written];
  if (dependency.written.startsWith('--')) return [];
  return [...new Set([dependency.written, dependency.written.replace(/["']/g, '')])];
}

/** `docker.io/library/node:latest` is also written `library/node`, `node:latest` and `node`. */
function familiarForms(reference: string): readonly string[] {
  const names = [reference];
  if (reference.startsWith('docker.io/')) names.push(reference.slice('docker.io/'.length));
  if (/^docker\.io\/library\/[^/]+$/.test(reference))
    names.push(reference.slice('docker.io/library/'.length));
  return names.flatMap((name) =>
    name.endsWith(':latest') ? [name, name.slice(0, -':latest'.length)] : [name],
  );
}

/** A normalised reference without tag and digest. */
export function repositoryOf(reference: string): string {
  const bare = reference.split('@')[0] ?? reference;
  const colon = bare.lastIndexOf(':');
  return colon > bare.lastIndexOf('/') ? bare.slice(0, colon) : bare;
}

function unpinnable(pin: Pin, why: string, hint: string): Problem {
  return {
    code: 'BUILDER_UNSUPPORTED',
    message: `expected to build on ${pin.reference}@${pin.digest}, but it cannot be pinned: ${why}`,
    hint,
  };
}
