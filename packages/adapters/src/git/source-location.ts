import { existsSync, lstatSync } from 'node:fs';
import { dirname, join, posix, resolve, sep } from 'node:path';
import type { Provider, Source } from '@image-factory/core/enrolment/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import { err, ok, type Result } from '@image-factory/core/result.ts';
import { parseRemote, type Remote } from './remote-url.ts';

/** Where a source's repository is. `prefix` is the factory's own folder in it, whose state is no content of an image. */
export type SourceLocation =
  | {
      readonly kind: 'repository';
      readonly gitDir: string;
      readonly label: string;
      readonly prefix: string | undefined;
    }
  | {
      readonly kind: 'folder';
      readonly root: string;
      readonly label: string;
      readonly prefix: string | undefined;
    }
  | { readonly kind: 'remote'; readonly remote: Remote; readonly provider: Provider; readonly label: string };

/** The forges' addresses in front of `owner/name`. */
export type BaseUrls = Readonly<Partial<Record<Provider, string>>>;

/** Where `owner/name` is, unless the settings say otherwise. */
export const publicForges: BaseUrls = {
  github: 'https://github.com',
  gitlab: 'https://gitlab.com',
  gitea: 'https://gitea.com',
  forgejo: 'https://codeberg.org',
};

/** Where `source.repo` points: `.`, a path, a URL, or `owner/name` at the provider's forge. */
export function locateSource(
  source: Source,
  factoryDir: string,
  baseUrls: BaseUrls,
): Result<SourceLocation, Problem> {
  const { repo, provider } = source;
  if (repo === '.') return ok(ownRepository(factoryDir));
  const written =
    /^(\.{0,2}\/|~)/.test(repo) || repo === '..'
      ? 'path'
      : /^[\w.-]+(\/[\w.-]+)+$/.test(repo)
        ? 'name'
        : 'address';
  if (written === 'name' && provider !== 'local') {
    const base = baseUrls[provider] ?? publicForges[provider];
    if (base === undefined)
      return invalid(repo, `provider ${provider} has no address for owner/name; write the whole URL`);
    return remoteAt(
      `${base.replace(/\/+$/, '')}/${repo.replace(/\.git$/, '')}.git`,
      source,
      factoryDir,
      repo,
    );
  }
  if (written !== 'address' || (provider === 'local' && !/:\/\/|^[^/]+:/.test(repo)))
    return ok(at(resolve(factoryDir, repo), repo, factoryDir));
  return remoteAt(repo, source, factoryDir, undefined);
}

function remoteAt(
  url: string,
  source: Source,
  factoryDir: string,
  name: string | undefined,
): Result<SourceLocation, Problem> {
  const remote = parseRemote(url, factoryDir);
  if (!remote.ok) return invalid(source.repo.replace(/\/\/[^/@]*@/, '//***@'), remote.error);
  const label = name ?? remote.value.url;
  return ok(
    remote.value.kind === 'path'
      ? at(remote.value.url, label, factoryDir)
      : { kind: 'remote', remote: remote.value, provider: source.provider, label },
  );
}

function invalid(repo: string, why: string): Result<never, Problem> {
  return err({
    code: 'CONFIG_INVALID_VALUE',
    message: `source.repo "${repo.slice(0, 200)}": ${why}`,
    hint: 'Correct source.repo in images.yaml.',
  });
}

function at(path: string, label: string, factoryDir: string): SourceLocation {
  const gitDir = gitDirOf(path);
  const prefix = within(path, factoryDir);
  return gitDir === undefined
    ? { kind: 'folder', root: path, label, prefix }
    : { kind: 'repository', gitDir, label, prefix };
}

/** The repository around the factory directory; without one, the factory directory itself. */
function ownRepository(factoryDir: string): SourceLocation {
  for (let folder = resolve(factoryDir); ; folder = dirname(folder)) {
    const gitDir = gitDirOf(folder);
    if (gitDir !== undefined)
      return { kind: 'repository', gitDir, label: '.', prefix: within(folder, factoryDir) };
    if (dirname(folder) === folder)
      return { kind: 'folder', root: resolve(factoryDir), label: '.', prefix: '' };
  }
}

/** The work tree of the repository around the factory directory; without one, the factory directory itself. */
export function ownFolder(factoryDir: string): string {
  for (let folder = resolve(factoryDir); ; folder = dirname(folder)) {
    if (gitDirOf(folder) !== undefined) return folder;
    if (dirname(folder) === folder) return resolve(factoryDir);
  }
}

/** What to give to git as `--git-dir`: a folder's `.git`, or the folder itself when it is a bare repository. */
function gitDirOf(path: string): string | undefined {
  const inside = join(path, '.git');
  if (existsSync(inside) && (lstatSync(inside).isFile() || existsSync(join(inside, 'HEAD')))) return inside;
  return ['HEAD', 'objects', 'refs'].every((name) => existsSync(join(path, name))) ? path : undefined;
}

/** `inner` as a path from `outer`, with forward slashes; empty when equal, undefined when not below it. */
function within(outer: string, inner: string): string | undefined {
  const [from, to] = [resolve(outer), resolve(inner)];
  if (from === to) return '';
  const start = from.endsWith(sep) ? from : from + sep;
  return to.startsWith(start) ? to.slice(start.length).split(sep).join('/') : undefined;
}

/** A path in a repository in its shortest form, `.` for the root; undefined when it leads out of it. */
export function insidePath(path: string): string | undefined {
  if (isShortest(path)) return path;
  if (path.includes('\0') || posix.isAbsolute(path)) return undefined;
  const normal = posix.normalize(path === '' ? '.' : path).replace(/(.)\/$/, '$1');
  return normal === '..' || normal.startsWith('../') ? undefined : normal;
}

/** No part that `normalize` would take away; nearly all paths come so from the configuration. */
function isShortest(path: string): boolean {
  return !/(?:^|\/)\.{0,2}(?:\/|$)|\0/.test(path);
}

/** Where the factory directory's own repository would be pushed to: what `state.remote` means when it is not set. */
export function ownGitDir(factoryDir: string): string | undefined {
  const own = ownRepository(factoryDir);
  return own.kind === 'repository' ? own.gitDir : undefined;
}
