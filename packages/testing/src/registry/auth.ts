import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { errorReply, jsonReply, type Reply } from './reply.ts';

export interface User {
  readonly password: string;
  /** Repositories that the user may read and write; default: all. */
  readonly repositories?: readonly string[];
}

export type AuthOptions =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly users: Readonly<Record<string, User>> }
  | {
      readonly kind: 'bearer';
      readonly users?: Readonly<Record<string, User>>;
      /** May repositories be read without a user? Default: all of them. */
      readonly anonymousPull?: boolean | readonly string[];
      /** Lifetime of a token in seconds; default 300. */
      readonly ttl?: number;
      /** Is `expires_in` written into the answer? Default: yes. */
      readonly announceTtl?: boolean;
      /** Default: `/token` of the registry itself. */
      readonly realm?: string;
      readonly challenges?: 'bearer' | 'bearer-and-basic-in-one' | 'basic-and-bearer-in-two';
      /** Identity tokens and the users that they stand for. */
      readonly identityTokens?: Readonly<Record<string, string>>;
      /** Does the token service know POST? Default: yes. */
      readonly post?: boolean;
      /** Token services that read only the first scope exist. */
      readonly scopesRead?: 'all' | 'first';
      /** What the challenge asks for, where it differs from `repository:<name>:pull`. */
      readonly challengeScope?: (repository: string) => string;
      readonly tokenField?: 'token' | 'access_token';
    };

interface Token {
  readonly expiresAt: number;
  readonly user: string | undefined;
  /** `repository:action` */
  readonly grants: ReadonlySet<string>;
}

const service = 'testing-registry';

/** Decides who may do what, and is the token service. */
export class RegistryAuth {
  readonly #options: AuthOptions;
  readonly #now: () => number;
  readonly #origin: () => string;
  readonly #tokens = new Map<string, Token>();

  constructor(options: AuthOptions, now: () => number, origin: () => string) {
    this.#options = options;
    this.#now = now;
    this.#origin = origin;
  }

  /** Undefined: go on. */
  refusal(headers: IncomingHttpHeaders, repository: string, action: 'pull' | 'push'): Reply | undefined {
    const options = this.#options;
    if (options.kind === 'none') return undefined;
    const authorization = headers.authorization ?? '';
    if (options.kind === 'basic') {
      const user = basicUser(authorization, options.users);
      if (!user) return this.#challenge(repository, action);
      return mayUse(options.users[user], repository) ? undefined : errorReply(403, 'DENIED', 'access denied');
    }
    if (!authorization.startsWith('Bearer ')) return this.#challenge(repository, action);
    const token = this.#tokens.get(authorization.slice(7));
    if (!token || token.expiresAt <= this.#now()) return this.#challenge(repository, action, 'invalid_token');
    if (repository === '' || token.grants.has(`${repository}:${action}`)) return undefined;
    return this.#challenge(repository, action, 'insufficient_scope');
  }

  #challenge(repository: string, action: string, error?: string): Reply {
    const basic = 'Basic realm="testing, registry"';
    if (this.#options.kind !== 'bearer') {
      return errorReply(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': basic });
    }
    const actions = action === 'push' ? 'pull,push' : action;
    const scope = this.#options.challengeScope?.(repository) ?? `repository:${repository}:${actions}`;
    const realm = this.#options.realm ?? `${this.#origin()}/token`;
    const bearer =
      `Bearer realm="${realm}",service="${service}"` +
      (repository === '' ? '' : `,scope="${scope}"`) +
      (error ? `,error="${error}"` : '');
    const header = {
      bearer,
      'bearer-and-basic-in-one': `${bearer}, ${basic}`,
      'basic-and-bearer-in-two': [basic, bearer],
    }[this.#options.challenges ?? 'bearer'];
    return errorReply(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': header });
  }

  /** The token service: GET with or without Basic credentials, POST with a refresh token or a password. */
  token(method: string, headers: IncomingHttpHeaders, query: URLSearchParams, body: Buffer): Reply {
    const options = this.#options;
    if (options.kind !== 'bearer') return errorReply(404, 'UNSUPPORTED', 'no token service');
    if (method !== 'POST') return this.#grant(headers.authorization, query);
    if (options.post === false) return errorReply(404, 'UNSUPPORTED', 'no such page');
    const form = new URLSearchParams(body.toString('utf8'));
    const user =
      form.get('grant_type') === 'refresh_token'
        ? options.identityTokens?.[form.get('refresh_token') ?? '']
        : passwordUser(form.get('username') ?? '', form.get('password') ?? '', options.users);
    return user ? this.#issue(user, form) : errorReply(401, 'UNAUTHORIZED', 'invalid grant');
  }

  #grant(authorization: string | undefined, query: URLSearchParams): Reply {
    const options = this.#options;
    if (options.kind !== 'bearer') return errorReply(404, 'UNSUPPORTED', 'no token service');
    if (authorization === undefined) return this.#issue(undefined, query);
    const user =
      basicUser(authorization, options.users) ?? identityUser(authorization, options.identityTokens);
    return user
      ? this.#issue(user, query)
      : errorReply(401, 'UNAUTHORIZED', 'incorrect username or password');
  }

  #issue(user: string | undefined, query: URLSearchParams): Reply {
    const options = this.#options;
    if (options.kind !== 'bearer') return errorReply(404, 'UNSUPPORTED', 'no token service');
    const asked = query.getAll('scope').flatMap((scope) => scope.split(' '));
    const read = options.scopesRead === 'first' ? asked.slice(0, 1) : asked;
    const grants = new Set(read.flatMap((scope) => this.#granted(user, scope)));
    const ttl = options.ttl ?? 300;
    const value = randomBytes(24).toString('base64url');
    this.#tokens.set(value, { expiresAt: this.#now() + ttl * 1000, user, grants });
    return jsonReply(200, {
      [options.tokenField ?? 'token']: value,
      ...(options.announceTtl === false ? {} : { expires_in: ttl }),
      issued_at: new Date(this.#now()).toISOString(),
    });
  }

  #granted(user: string | undefined, scope: string): string[] {
    const [kind, ...rest] = scope.split(':');
    const actions = rest.pop()?.split(',') ?? [];
    const repository = rest.join(':');
    if (kind !== 'repository' || this.#options.kind !== 'bearer') return [];
    const { users, anonymousPull = true } = this.#options;
    if (user !== undefined && mayUse(users?.[user], repository)) {
      return actions.map((action) => `${repository}:${action}`);
    }
    const open = anonymousPull === true || (anonymousPull !== false && anonymousPull.includes(repository));
    return open && actions.includes('pull') ? [`${repository}:pull`] : [];
  }
}

function mayUse(user: User | undefined, repository: string): boolean {
  return user !== undefined && (repository === '' || (user.repositories?.includes(repository) ?? true));
}

function decodeBasic(authorization: string): readonly [string, string] {
  if (!authorization.startsWith('Basic ')) return ['', ''];
  const text = Buffer.from(authorization.slice(6), 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function passwordUser(
  name: string,
  password: string,
  users: Readonly<Record<string, User>> | undefined,
): string | undefined {
  return users?.[name] && users[name].password === password ? name : undefined;
}

function basicUser(
  authorization: string,
  users: Readonly<Record<string, User>> | undefined,
): string | undefined {
  return passwordUser(...decodeBasic(authorization), users);
}

function identityUser(
  authorization: string,
  tokens: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const [name, secret] = decodeBasic(authorization);
  return name === '<token>' ? tokens?.[secret] : undefined;
}
