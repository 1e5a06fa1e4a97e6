import type { Digest, PlatformName, Reference } from '../reference/types.ts';
import type { PlatformContent } from '../state/types.ts';
import type { Instant } from '../time.ts';

/** A digest under a tag, and the last look that saw it there. */
export interface Sighting {
  readonly digest: Digest;
  /** The time before asking: however long the answer took, later than that nothing is known. */
  readonly lastSeenAt: Instant;
}

/** What one HEAD of a tag said. */
export type Look =
  | {
      readonly kind: 'digest';
      readonly digest: Digest;
      readonly mediaType?: string;
      /** The digest that stood under the tag before this one, as far as the local cache remembers. */
      readonly previous?: Sighting;
    }
  /** The tag, or the whole repository, is not there (404). */
  | { readonly kind: 'absent' }
  /** Asked too recently (public registries: once in 24 h per tag): nothing was sent. */
  | {
      readonly kind: 'not-asked';
      readonly until: Instant;
      /** What the last look saw: a ledger that does not know it yet was not written then. */
      readonly last?: Sighting & { readonly previous?: Sighting };
    };

export interface Described {
  readonly digest: Digest;
  /** One entry for a single-platform image, several for an index; attestation manifests left out. */
  readonly platforms: Readonly<Record<PlatformName, PlatformContent>>;
  /** Annotations of the index, or of the manifest where there is no index; those of the platform manifests added where equal on all. */
  readonly annotations: Readonly<Record<string, string>>;
  /** `org.opencontainers.image.created` or the registry's push time, whichever is later. A publisher's word. */
  readonly publishedAt?: Instant;
}

/** Reading an OCI registry. Every method throws a FactoryError with a REGISTRY_ or CREDENTIALS code. */
export interface Registry {
  /** One HEAD of the tag (GET only where the answer lacks the digest). `force` asks although the tag was asked lately. */
  look(
    reference: Reference,
    options?: { readonly force?: boolean; readonly signal?: AbortSignal },
  ): Promise<Look>;
  /** Reads manifests and configs of a digest. Undefined: the registry no longer serves it. */
  describe(reference: Reference, digest: Digest, signal?: AbortSignal): Promise<Described | undefined>;
  /** Is the digest still served? One HEAD. */
  serves(reference: Reference, digest: Digest, signal?: AbortSignal): Promise<boolean>;
  /**
   * All tags, every page; tags of signatures and attestations (`sha256-<hex>...`) left out. Where tags are looked at
   * once in a while only, the list is one that old at most; `force` asks anew.
   */
  listTags(
    reference: Reference,
    options?: { readonly force?: boolean; readonly signal?: AbortSignal },
  ): Promise<readonly string[]>;
  /** Descriptors of what refers to a digest; falls back to the referrers tag. */
  referrers(
    reference: Reference,
    digest: Digest,
    artifactType?: string,
    signal?: AbortSignal,
  ): Promise<
    readonly { readonly digest: Digest; readonly mediaType: string; readonly artifactType?: string }[]
  >;
  /**
   * Lets the tag of the reference point at a digest that its repository holds. Throws REGISTRY_DENIED where the registry
   * does not let tags be moved, and REGISTRY_NOT_FOUND where the digest is gone.
   */
  retag(reference: Reference, digest: Digest, signal?: AbortSignal): Promise<void>;
  /** `Date` headers seen since the last call, each with the local time at receipt. */
  takeClockReadings(): readonly { readonly remote: Instant; readonly local: Instant }[];
}
