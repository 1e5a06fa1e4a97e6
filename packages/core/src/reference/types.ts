/** `algorithm:hex`, checked. Only the parser makes one. */
export type Digest = string & { readonly __digest: true };

/** A platform in normal form: `os/arch` or `os/arch/variant`, as containerd normalises it. */
export type PlatformName = string & { readonly __platform: true };

/** A normalised image reference (distribution/reference): the domain is always written, `library/` too. */
export interface Reference {
  /** `docker.io`, `ghcr.io`, `127.0.0.1:5000` */
  readonly domain: string;
  /** `library/node` */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}
