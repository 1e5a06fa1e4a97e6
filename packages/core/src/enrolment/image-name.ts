import { isDomain, isPath } from '../reference/grammar.ts';
import { err, ok, type Result } from '../result.ts';

/** As the reference grammar allows. */
const longestPath = 255;

export interface ImageName {
  readonly registry: string;
  readonly repository: string;
}

/** A registry host in the one form that we use for it: lower case, and `docker.io` for Docker Hub's other names. */
export function readHost(host: string): Result<string, string> {
  if (host.length > longestPath || !isDomain(host)) {
    return err(
      'is not a registry host: write a host name with an optional port, without https:// and without a path',
    );
  }
  const lower = host.toLowerCase();
  return ok(lower === 'index.docker.io' || lower === 'registry-1.docker.io' ? 'docker.io' : lower);
}

/** Takes the registry off `ghcr.io/acme/x`; a first part is a registry by the rule of distribution/reference. */
export function splitHost(repository: string): { readonly host: string | undefined; readonly path: string } {
  const slash = repository.indexOf('/');
  const first = slash < 0 ? '' : repository.slice(0, slash);
  const isHost = first === 'localhost' || /[.:]/.test(first);
  return isHost ? { host: first, path: repository.slice(slash + 1) } : { host: undefined, path: repository };
}

/** A repository path on a registry; official images of Docker Hub get their `library/`. */
export function readImageName(registry: string, path: string): Result<ImageName, string> {
  if (path.includes('@')) return err('must not have a digest: the factory finds digests out itself');
  if (path.includes(':')) return err('must not have a tag: write tags under "tags" or "allowTags"');
  if (path !== path.toLowerCase()) return err('must be written in lower case');
  if (path.length > longestPath) return err(`is longer than ${longestPath} characters`);
  if (!isPath(path)) {
    return err('is not a repository name: write parts of lower-case letters and digits, joined by "/"');
  }
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  return ok({ registry, repository });
}
