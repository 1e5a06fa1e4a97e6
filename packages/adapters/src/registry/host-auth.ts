import type { Credential, CredentialSource } from '@image-factory/core/ports/credentials.ts';
import type { Clock } from '@image-factory/core/ports/clock.ts';
import { parseChallenges, type Challenge } from './challenges.ts';
import { second } from '@image-factory/core/time.ts';
import { hasCode, registryFailure } from './failures.ts';
import type { Reach } from './reach.ts';
import { mayHaveCredentials } from './realms.ts';
import { basicAuthorization, fetchToken, type Token, type TokenService } from './token-service.ts';
import { credentialId, TokenCache, type CachedToken } from './tokens.ts';
import type { AnswerHeaders } from './answer-headers.ts';
import type { Wire } from './wire.ts';

export interface HostAuthOptions {
  readonly registry: string;
  readonly origin: URL;
  readonly insecure: boolean;
  readonly allowPrivateAddresses: boolean;
  readonly tokenHosts: readonly string[];
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly wire: Wire;
}

/** How a registry wants to be asked; learned from its first refusal. */
type Scheme =
  | { readonly kind: 'open' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly service: TokenService; readonly trusted: boolean };

/** What one request was sent with, and what has been tried for it before. */
export interface Lease {
  readonly authorization: string | undefined;
  readonly credential: Credential | undefined;
  readonly token: CachedToken | undefined;
  /** The token had been in use before, so it may have been the token's fault. */
  readonly reused: boolean;
  /** Identifiers of the credentials that were refused. */
  readonly refused: ReadonlySet<string>;
  readonly refreshed: boolean;
}

const plainLease: Lease = {
  authorization: undefined,
  credential: undefined,
  token: undefined,
  reused: false,
  refused: new Set(),
  refreshed: false,
};
const mostCredentials = 4;
const longestRealm = 2048;
/** A token that is refused at this age has not run out: it never covered the repository. */
const youngToken = 30 * second;

/** Proves to one registry who we are, in whichever way it asks for. */
export class HostAuth {
  readonly #options: HostAuthOptions;
  readonly #tokens: TokenCache;
  /** Repositories with requests waiting or under way. */
  readonly #wanted = new Map<string, number>();
  /** What the challenge asked for, where it is not the usual scope. */
  readonly #scopes = new Map<string, string>();
  #scheme: Scheme = { kind: 'open' };

  constructor(options: HostAuthOptions) {
    this.#options = options;
    this.#tokens = new TokenCache({
      monotonic: () => options.clock.monotonic(),
      fetch: (repositories, credential, signal) => this.#fetch(repositories, credential, signal),
      alsoWanted: (credential) => this.#alsoWanted(credential),
    });
  }

  /** Announces a repository until the returned function is called, so that tokens can be fetched for several. */
  want(repository: string): () => void {
    this.#wanted.set(repository, (this.#wanted.get(repository) ?? 0) + 1);
    return () => {
      const left = (this.#wanted.get(repository) ?? 1) - 1;
      if (left > 0) this.#wanted.set(repository, left);
      else this.#wanted.delete(repository);
    };
  }

  /** What to send with the next request. */
  async lease(repository: string, signal: AbortSignal | undefined): Promise<Lease> {
    if (this.#scheme.kind === 'open') return plainLease;
    const [credential] = await this.#find(repository, false, signal);
    return this.#leaseOf(repository, credential, plainLease, signal);
  }

  /** After a 401 or 403: what to try next, or undefined if nothing is left. */
  async recover(
    repository: string,
    lease: Lease,
    status: number,
    headers: AnswerHeaders,
    signal: AbortSignal | undefined,
  ): Promise<Lease | undefined> {
    if (status === 401) this.#learn(repository, headers);
    if (this.#scheme.kind === 'open') return undefined;
    const sentNothing = lease.authorization === undefined;
    if (sentNothing && !lease.refreshed) {
      const [credential] = await this.#find(repository, false, signal);
      const next = await this.#leaseOf(repository, credential, lease, signal);
      if (next.authorization !== undefined) return next;
    }
    if (lease.token && lease.reused) {
      const age = this.#options.clock.monotonic() - lease.token.obtainedAt;
      if (lease.token.repositories.size > 1 && age < youngToken) this.#tokens.batchingFailed();
      const token = await this.#tokens.renew(repository, lease.credential, lease.token, signal);
      const reused = token.repositories.size > 1;
      return { ...lease, authorization: `Bearer ${token.value}`, token, reused };
    }
    return this.#otherCredential(repository, lease, signal);
  }

  async #otherCredential(
    repository: string,
    lease: Lease,
    signal: AbortSignal | undefined,
  ): Promise<Lease | undefined> {
    const refused = new Set([...lease.refused, credentialId(lease.credential)]);
    if (refused.size > mostCredentials) return undefined;
    // Credentials may have been rotated since they were read: they are asked for anew, once.
    const all = await this.#find(repository, !lease.refreshed, signal);
    const credential = all.find((other) => !refused.has(credentialId(other)));
    if (!credential) return undefined;
    return this.#leaseOf(repository, credential, { ...lease, refused, refreshed: true }, signal);
  }

  async #leaseOf(
    repository: string,
    credential: Credential | undefined,
    before: Lease,
    signal: AbortSignal | undefined,
  ): Promise<Lease> {
    const lease: Lease = { ...before, credential, token: undefined, reused: false, authorization: undefined };
    const scheme = this.#scheme;
    if (scheme.kind === 'open') return lease;
    if (credential?.kind === 'bearer') return { ...lease, authorization: `Bearer ${credential.token}` };
    if (scheme.kind === 'basic') {
      return credential ? { ...lease, authorization: basicAuthorization(credential) } : lease;
    }
    let got: { readonly token: CachedToken; readonly fresh: boolean };
    try {
      got = await this.#tokens.get(repository, credential, signal);
    } catch (error) {
      // The token service refused the credential: there may be a newer or another one.
      const next = hasCode(error, 'REGISTRY_DENIED')
        ? await this.#otherCredential(repository, lease, signal)
        : undefined;
      if (!next) throw error;
      return next;
    }
    const { token, fresh } = got;
    // A batch's token may lack this repository although it is fresh: worth one more try with one of its own.
    const reused = !fresh || token.repositories.size > 1;
    return { ...lease, authorization: `Bearer ${token.value}`, token, reused };
  }

  #find(
    repository: string,
    refresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<readonly Credential[]> {
    const options = { refresh, ...(signal ? { signal } : {}) };
    return this.#options.credentials.find(this.#options.registry, repository, options);
  }

  async #alsoWanted(credential: Credential | undefined): Promise<readonly string[]> {
    const id = credentialId(credential);
    const matching: string[] = [];
    for (const repository of this.#wanted.keys()) {
      if (matching.length >= 64) break;
      if (this.#scopes.has(repository)) continue;
      const [own] = await this.#find(repository, false, undefined);
      if (credentialId(own) === id) matching.push(repository);
    }
    return matching;
  }

  #fetch(
    repositories: readonly string[],
    credential: Credential | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const { registry, wire, clock, insecure, allowPrivateAddresses } = this.#options;
    const scheme = this.#scheme;
    if (scheme.kind !== 'bearer') throw new Error('tokens are fetched only after a bearer challenge');
    const { service, trusted } = scheme;
    return fetchToken(wire, clock, {
      registry,
      service,
      scopes: repositories.flatMap((repository) => this.#scopesOf(repository)),
      credential: trusted ? credential : undefined,
      reach: this.#reachOf(service.realm),
      elsewhere: allowPrivateAddresses ? 'any' : 'public',
      plainHttp: insecure,
      signal,
    });
  }

  /** The challenge's own scope goes first: some services read no other. */
  #scopesOf(repository: string): readonly string[] {
    const usual = `repository:${repository}:pull`;
    const asked = this.#scopes.get(repository);
    return asked === undefined ? [usual] : [asked, usual];
  }

  #reachOf(realm: URL): Reach {
    if (this.#options.allowPrivateAddresses) return 'any';
    return realm.host === this.#options.origin.host ? 'network' : 'public';
  }

  /** Bearer before Basic: a token shows the password to the registry less often, and is what clients commonly prefer. */
  #learn(repository: string, headers: AnswerHeaders): void {
    const challenges = parseChallenges(headers['www-authenticate']);
    const bearer = challenges.find(
      ({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'),
    );
    if (bearer) {
      const scope = bearer.parameters.get('scope');
      const usual = [`repository:${repository}:pull`, ''];
      if (scope !== undefined && scope.length <= longestRealm && !usual.includes(scope)) {
        this.#scopes.set(repository, scope);
      }
      const service = this.#serviceOf(bearer);
      this.#scheme = { kind: 'bearer', service, trusted: this.#trusts(service.realm) };
      return;
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) this.#scheme = { kind: 'basic' };
  }

  #serviceOf(challenge: Challenge): TokenService {
    const { registry, origin, insecure } = this.#options;
    const text = challenge.parameters.get('realm') ?? '';
    const realm = text.length <= longestRealm ? URL.parse(text, origin.href) : undefined;
    const schemes = insecure ? ['https:', 'http:'] : ['https:'];
    if (!realm || !schemes.includes(realm.protocol) || realm.username !== '' || realm.password !== '') {
      throw registryFailure(
        'REGISTRY_BLOCKED',
        registry,
        `its token service must be an ${insecure ? 'http or https' : 'https'} address without a user name, got "${(realm ? `${realm.protocol}//${realm.host}` : text.replace(/[^\x20-\x7e]/g, '?')).slice(0, 80)}"`,
      );
    }
    return { realm, service: challenge.parameters.get('service') };
  }

  #trusts(realm: URL): boolean {
    const { registry, origin, tokenHosts } = this.#options;
    return mayHaveCredentials(registry, origin, realm, tokenHosts);
  }

  /** For the message of a refusal that nothing could turn. */
  explain(lease: Lease): string {
    const scheme = this.#scheme;
    if (scheme.kind === 'bearer' && !scheme.trusted && lease.credential) {
      return `; credentials were withheld because its token service ${scheme.service.realm.host} is not known to belong to it`;
    }
    return lease.credential ? '; with credentials' : '; without credentials, none are configured for it';
  }
}
