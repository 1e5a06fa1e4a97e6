import { err, ok, type Result } from '../result.ts';

/*
 * The grammar of distribution/reference for a registry host and a repository path, without tag and digest.
 */

const hostPattern =
  /^(?:\[[0-9a-fA-F:]{2,45}\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]{1,5})?$/;
const pathPartPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const longestName = 255;

export interface ImageName {
  readonly registry: string;
  readonly repository: string;
}

/** A registry host in the one form that we use for it: Docker Hub is `docker.io`. */
export function normaliseHost(host: string): Result<string, string> {
  if (host.length > longestName || !hostPattern.test(host)) {
    return err('is not a registry host: write a host name with an optional port, without https:// and without a path');
  }
  const lower = host.toLowerCase();
  return ok(lower === 'index.docker.io' || lower === 'registry-1.docker.io' ? 'docker.io' : lower);
}

/** Does the first part of `ghcr.io/acme/x` name a registry? (distribution/reference, splitDockerDomain) */
export function splitHost(repository: string): { readonly host: string | undefined; readonly path: string } {
  const slash = repository.indexOf('/');
  const first = slash < 0 ? '' : repository.slice(0, slash);
  const isHost = first === 'localhost' || /[.:]/.test(first);
  return isHost ? { host: first, path: repository.slice(slash + 1) } : { host: undefined, path: repository };
}

/** Joins host and path; official images of Docker Hub get their `library/`. */
export function imageName(host: string, path: string): Result<ImageName, string> {
  if (path.includes('@')) return err('must not have a digest: the factory finds out digests itself');
  if (/:[^/]*$/.test(path)) return err('must not have a tag: write tags under "tags" or "allowTags"');
  if (path !== path.toLowerCase()) return err('must be written in lower case');
  if (path.length > longestName) return err(`is longer than ${longestName} characters`);
  if (!path.split('/').every((part) => pathPartPattern.test(part))) {
    return err('is not a repository name: parts of lower-case letters, digits and single separators (. _ -), joined by "/"');
  }
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  return ok({ registry: host, repository });
}
