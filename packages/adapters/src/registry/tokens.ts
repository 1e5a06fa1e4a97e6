import { createHash } from 'node:crypto';
import type { Credential } from '@image-factory/core/ports/credentials.ts';
import { hasCode } from './failures.ts';
import type { Token } from './token-service.ts';

/** One token, and the repositories that it was asked for. */
export interface CachedToken extends Token {
  readonly repositories: ReadonlySet<string>;
}

export interface TokenCacheOptions {
  readonly monotonic: () => number;
  /** Gets one token for these repositories. */
  readonly fetch: (
    repositories: readonly string[],
    credential: Credential | undefined,
    signal: AbortSignal | undefined,
  ) => Promise<Token>;
  /** Other repositories that wait for a token of the same credential. */
  readonly alsoWanted: (credential: Credential | undefined) => Promise<readonly string[]>;
}

/** Repositories in one token: requests stay under 8 KiB, and so do the tokens' own lists of grants. */
const mostInOneToken = 20;
const ids = new WeakMap<Credential, string>();

/** Names a credential without giving it away. */
export function credentialId(credential: Credential | undefined): string {
  if (!credential) return 'anonymous';
  const known = ids.get(credential);
  if (known !== undefined) return known;
  const id = createHash('sha256').update(JSON.stringify(credential)).digest('hex').slice(0, 24);
  ids.set(credential, id);
  return id;
}

/**
 * The tokens of one registry, by credential and repository. One fetch serves all who wait for it, and asks for other
 * wanted repositories in the same token; a service that cannot do that is asked for one at a time from then on.
 */
export class TokenCache {
  readonly #options: TokenCacheOptions;
  readonly #tokens = new Map<string, CachedToken>();
  readonly #underWay = new Map<string, Promise<CachedToken>>();
  #gathering: Promise<unknown> | undefined;
  #oneByOne = false;

  constructor(options: TokenCacheOptions) {
    this.#options = options;
  }

  /** A valid token. `fresh` is false if it was there already. */
  async get(
    repository: string,
    credential: Credential | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly token: CachedToken; readonly fresh: boolean }> {
    const known = this.#valid(keyOf(repository, credential));
    if (known) return { token: known, fresh: false };
    return { token: await this.#obtain(repository, credential, signal, !this.#oneByOne), fresh: true };
  }

  /** Another token than the one that the registry refused for this repository. */
  renew(
    repository: string,
    credential: Credential | undefined,
    refused: CachedToken,
    signal: AbortSignal | undefined,
  ): Promise<CachedToken> | CachedToken {
    const key = keyOf(repository, credential);
    const current = this.#valid(key);
    if (current && current !== refused) return current;
    this.#tokens.delete(key);
    return this.#obtain(repository, credential, signal, false);
  }

  /** A token for several repositories was refused where one of its own was not. */
  batchingFailed(): void {
    this.#oneByOne = true;
  }

  #valid(key: string): CachedToken | undefined {
    const token = this.#tokens.get(key);
    if (!token || token.expiresAt > this.#options.monotonic()) return token;
    this.#tokens.delete(key);
    return undefined;
  }

  /** Waits for a fetch that is under way and covers the repository, or starts one. */
  async #obtain(
    repository: string,
    credential: Credential | undefined,
    signal: AbortSignal | undefined,
    together: boolean,
  ): Promise<CachedToken> {
    const key = keyOf(repository, credential);
    const underWay = this.#underWay.get(key);
    if (!underWay && together && this.#gathering) {
      // A batch is being put together, which may take this repository along.
      await this.#gathering;
      return this.#valid(key) ?? this.#obtain(repository, credential, signal, together);
    }
    if (!underWay) return this.#fetch(repository, credential, signal, together);
    try {
      const token = await underWay;
      if (token.repositories.has(repository)) return token;
    } catch (error) {
      if (hasCode(error, 'REGISTRY_THROTTLED') || hasCode(error, 'REGISTRY_UNREACHABLE')) throw error;
      // Otherwise the one who asked was cancelled, or another repository of the batch refused: ask for ourselves.
      signal?.throwIfAborted();
    }
    return this.#obtain(repository, credential, signal, false);
  }

  async #fetch(
    repository: string,
    credential: Credential | undefined,
    signal: AbortSignal | undefined,
    together: boolean,
  ): Promise<CachedToken> {
    // The place is taken before anything is awaited: whoever comes now waits for this fetch.
    const own = Promise.withResolvers<CachedToken>();
    own.promise.catch(() => undefined);
    const batch = [repository];
    const announce = (other: string): unknown => this.#underWay.set(keyOf(other, credential), own.promise);
    announce(repository);
    try {
      if (together) {
        const gathered = Promise.withResolvers<void>();
        this.#gathering = gathered.promise;
        try {
          batch.push(...(await this.#companions(repository, credential)));
          for (const other of batch) announce(other);
        } finally {
          this.#gathering = undefined;
          gathered.resolve();
        }
      }
      const token = await this.#ask(batch, credential, signal);
      own.resolve(token);
      return token;
    } catch (error) {
      own.reject(error);
      throw error;
    } finally {
      for (const other of batch) {
        const key = keyOf(other, credential);
        if (this.#underWay.get(key) === own.promise) this.#underWay.delete(key);
      }
    }
  }

  async #companions(repository: string, credential: Credential | undefined): Promise<readonly string[]> {
    const wanted = await this.#options.alsoWanted(credential);
    const missing = wanted.filter((other) => {
      const key = keyOf(other, credential);
      return other !== repository && !this.#underWay.has(key) && !this.#valid(key);
    });
    return missing.slice(0, mostInOneToken - 1);
  }

  async #ask(
    batch: readonly string[],
    credential: Credential | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CachedToken> {
    const [repository = ''] = batch;
    try {
      return this.#keep(batch, credential, await this.#options.fetch(batch, credential, signal));
    } catch (error) {
      if (batch.length === 1 || !hasCode(error, 'REGISTRY_DENIED')) throw error;
      const alone = await this.#options.fetch([repository], credential, signal);
      this.#oneByOne = true;
      return this.#keep([repository], credential, alone);
    }
  }

  #keep(batch: readonly string[], credential: Credential | undefined, token: Token): CachedToken {
    const cached = { ...token, repositories: new Set(batch) };
    for (const repository of batch) this.#tokens.set(keyOf(repository, credential), cached);
    return cached;
  }
}

function keyOf(repository: string, credential: Credential | undefined): string {
  return `${credentialId(credential)} ${repository}`;
}
