import { Buffer } from 'node:buffer';
import type { Remote } from './remote-url.ts';

export interface Credential {
  /** Git configuration for the environment of one process. */
  readonly config: readonly (readonly [string, string])[];
  /** Texts that no message may show. */
  readonly secrets: readonly string[];
}

/**
 * The token as a header that git sends to this origin alone. A token with a colon is `user:password`; without one the
 * user is `x-access-token`, which GitHub asks for and GitLab, Gitea and Forgejo accept. Redirects are not followed
 * then: git would send the header to wherever the redirect points.
 */
export function credentialFor(remote: Remote, token: string | undefined): Credential {
  const pair =
    token === undefined || token === ''
      ? remote.credential
      : token.includes(':')
        ? token
        : `x-access-token:${token}`;
  if (pair === undefined || remote.origin === undefined) return { config: [], secrets: [] };
  const encoded = Buffer.from(pair, 'utf8').toString('base64');
  const key = `http.${remote.origin}.extraHeader`;
  const password = pair.slice(pair.indexOf(':') + 1);
  return {
    // The empty value drops headers that the user's own configuration may have set: two of them are refused.
    config: [
      [key, ''],
      [key, `Authorization: Basic ${encoded}`],
      ['http.followRedirects', 'false'],
    ],
    secrets: [encoded, password].filter((secret) => secret.length >= 4),
  };
}

/** The text without the secrets, and without what stands between `//` and `@` in any URL. */
export function scrub(text: string, secrets: readonly string[]): string {
  let clean = text.replace(/(\/\/)(?!git@)[^/\s@'"]+@/g, '$1***@');
  for (const secret of secrets) clean = clean.replaceAll(secret, '***');
  return clean.replace(/((?:authorization|private-token|job-token)\s*:\s*)\S[^\r\n]*/gi, '$1***');
}
