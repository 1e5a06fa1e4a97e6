import { err, ok, type Result } from '@image-factory/core/result.ts';

/**
 * The path of a repository at a forge (`group/sub/name`), from every form in which `source.repo` is written: the path
 * itself, an http(s) URL with the forge's own path in front, `ssh://`, and `git@host:path`. The failure is a sentence.
 */
export function repositoryAt(repo: string, forge: string): Result<string, string> {
  const root = new URL(forge);
  const url = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(repo) ? URL.parse(repo) : undefined;
  const scp = url === undefined ? /^[\w.-]+@[\w.-]+:(?!\/\/)(.+)$/.exec(repo)?.[1] : undefined;
  if (url === null) return err(`source.repo ${repo} cannot be read`);
  let path = scp ?? repo;
  if (url) {
    const overHttp = url.protocol === 'https:' || url.protocol === 'http:';
    if (overHttp && url.host !== root.host)
      return err(`source.repo is at ${url.host}, the provider's settings name ${root.host}`);
    if (!overHttp && url.protocol !== 'ssh:' && url.protocol !== 'git:')
      return err(`source.repo ${url.protocol}// is no repository of ${root.host}`);
    const prefix = root.pathname.replace(/\/+$/, '');
    const whole = decoded(url.pathname);
    path = overHttp && prefix !== '' && whole.startsWith(`${prefix}/`) ? whole.slice(prefix.length) : whole;
  } else if (scp === undefined && !/^[\w.-]+(?:\/[\w.-]+)+$/.test(repo)) {
    return err(`source.repo "${repo.slice(0, 100)}" names no repository of ${root.host}`);
  }
  const parts = path
    .replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/, '')
    .split('/');
  const isPath =
    parts.length >= 2 && parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.{1,2}$/.test(part));
  return isPath ? ok(parts.join('/')) : err(`source.repo "${repo.slice(0, 100)}" has no owner/name in it`);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
