/** How to prove to a registry who we are. Never printed, never put into a message. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token: exchanged at the registry's token service, never sent to the registry itself. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A ready bearer token (`registrytoken` of the Docker config). */
  | { readonly kind: 'bearer'; readonly token: string };

/** Finds credentials for a repository of a registry. Throws a FactoryError with code CREDENTIALS. */
export interface CredentialSource {
  /**
   * The credentials that apply, to be tried in order; empty means anonymous.
   * `refresh` asks anew instead of trusting what is remembered: the registry refused what it was given.
   */
  find(
    registry: string,
    repository: string,
    options?: { readonly refresh?: boolean; readonly signal?: AbortSignal },
  ): Promise<readonly Credential[]>;
}
