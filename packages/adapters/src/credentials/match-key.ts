import type { Credential } from '@image-factory/core/ports/credentials.ts';

interface Key {
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

/** The key of Docker Hub, and the names under which people write it too. */
const dockerHub: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** `https://index.docker.io/v1/`, `*.azurecr.io`, `registry.example.com:5000/team` */
function parseKey(key: string): Key {
  const [authority = '', ...rest] = key.replace(/^https?:\/\//i, '').split('/');
  const path = rest.join('/').replace(/\/+$/, '');
  const [, host = authority, port = ''] = /^(.*?)(?::(\d+))?$/.exec(authority.toLowerCase()) ?? [];
  // The API's version in an address is no part of a repository's name.
  return {
    host: dockerHub.has(host) ? 'docker.io' : host,
    port,
    path: path === 'v1' || path === 'v2' ? '' : path,
  };
}

/** Label by label: a star stands for characters within one label, so `*.example.com` is not `a.b.example.com`. */
function hostMatches(pattern: string, host: string): boolean {
  const patterns = pattern.split('.');
  const labels = host.split('.');
  return (
    patterns.length === labels.length &&
    patterns.every((part, index) => labelMatches(part, labels[index] ?? ''))
  );
}

function labelMatches(pattern: string, label: string): boolean {
  if (!pattern.includes('*')) return pattern === label;
  const [start = '', ...rest] = pattern.split('*');
  if (!label.startsWith(start)) return false;
  let at = start.length;
  const end = rest.pop() ?? '';
  for (const part of rest) {
    const found = label.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return label.length - at >= end.length && label.endsWith(end);
}

function matches(key: Key, registry: Key, repository: string): boolean {
  if (!hostMatches(key.host, registry.host) || key.port !== registry.port) return false;
  return key.path === '' || repository === key.path || repository.startsWith(`${key.path}/`);
}

/**
 * The entries that apply to a repository, as Kubernetes matches them: hosts by globs, the port exactly, paths as a
 * prefix of whole parts. The most exact first: longer paths, then hosts without stars, then longer hosts.
 */
export function matchingCredentials(
  auths: ReadonlyMap<string, Credential>,
  registry: string,
  repository: string,
): readonly Credential[] {
  const wanted = parseKey(registry);
  return [...auths]
    .map(([text, credential]) => ({ key: parseKey(text), credential }))
    .filter(({ key }) => matches(key, wanted, repository))
    .toSorted(
      (one, other) =>
        other.key.path.length - one.key.path.length ||
        Number(one.key.host.includes('*')) - Number(other.key.host.includes('*')) ||
        other.key.host.length - one.key.host.length,
    )
    .map(({ credential }) => credential);
}
