import { isAbsolute, resolve } from 'node:path';
import { err, ok, type Result } from '@image-factory/core/result.ts';

/** A place that git can fetch from, with any credential taken out of it. */
export interface Remote {
  readonly kind: 'http' | 'ssh' | 'git' | 'path';
  /** What git is given and messages show: never with a credential. */
  readonly url: string;
  /** `https://host:port/` for http remotes. */
  readonly origin: string | undefined;
  /** `user:password` that was written in the URL. */
  readonly credential: string | undefined;
}

/** Longer user names are taken for tokens, which some write in front of the host. */
const longestUserName = 20;

/**
 * Reads a URL, `user@host:path` or a path (relative ones from `from`). Refuses what makes git run programs
 * (`ext::`, `transport::`) and what it would take for an option. The failure is a sentence.
 */
export function parseRemote(text: string, from: string): Result<Remote, string> {
  if (text === '' || text.length > 2000 || /\p{Cc}/u.test(text)) {
    return err('a repository address must be 1 to 2000 characters without control characters');
  }
  if (text.startsWith('-')) return err('a repository address must not start with a dash');
  if (/^[A-Za-z0-9+.-]+::/.test(text))
    return err(`git transport helpers such as "${text.split('::')[0]}::" are not used`);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) return parseUrl(text, scheme);
  if (/^([\w.+-]+@)?[\w.-]+:[^/\\-]/.test(text) && !isAbsolute(text)) {
    return ok({ kind: 'ssh', url: text, origin: undefined, credential: undefined });
  }
  return ok({ kind: 'path', url: resolve(from, text), origin: undefined, credential: undefined });
}

function parseUrl(text: string, scheme: string): Result<Remote, string> {
  const url = URL.parse(text);
  if (!url) return err('the repository URL cannot be read');
  if (scheme === 'file')
    return ok({
      kind: 'path',
      url: decodeURIComponent(url.pathname),
      origin: undefined,
      credential: undefined,
    });
  const kind = ({ http: 'http', https: 'http', ssh: 'ssh', git: 'git' } as const)[scheme];
  if (kind === undefined)
    return err(`"${scheme}:" is no protocol for repositories; use https, ssh or a path`);
  if (url.hostname === '' || url.hostname.startsWith('-')) return err('the repository URL has no valid host');
  const user = decodeURIComponent(url.username);
  const secret = kind === 'http' && (url.password !== '' || user.length > longestUserName);
  const credential = secret ? `${user}:${decodeURIComponent(url.password)}` : undefined;
  if (secret) url.username = '';
  url.password = '';
  return ok({
    kind,
    url: url.href,
    origin: kind === 'http' ? `${url.protocol}//${url.host}/` : undefined,
    credential,
  });
}
