import type { KargoDuration } from './duration.ts';
import type { KubernetesManifest, kargoApiVersion, NamespacedMeta } from './manifest.ts';

/** What an image subscription has whatever its strategy. Source: kargo v1.11, api/v1alpha1/warehouse_types.go. */
interface ImageSubscriptionBase {
  /** Without scheme, tag and digest: `ghcr.io/acme/web`. */
  readonly repoURL: string;
  /** `os/arch` or `os/arch/variant`. Only for images that are an index: Kargo then matches no plain manifest. */
  readonly platform?: string;
  readonly insecureSkipTLSVerify?: boolean;
  /**
   * How many tags are looked at, 1 to 100; each costs a manifest GET.
   * @default 20
   */
  readonly discoveryLimit?: number;
  /**
   * Takes a tag for immutable.
   * @default false
   */
  readonly cacheByTag?: boolean;
}

export interface SemVerImageSubscription extends ImageSubscriptionBase {
  readonly imageSelectionStrategy?: 'SemVer';
  /** A range of versions; without one the highest version wins. */
  readonly constraint?: string;
  /** @default true */
  readonly strictSemvers?: boolean;
  readonly allowTagsRegexes?: readonly string[];
  readonly ignoreTagsRegexes?: readonly string[];
}

/** Follows the digest of one tag: the cheapest way. */
export interface DigestImageSubscription extends ImageSubscriptionBase {
  readonly imageSelectionStrategy: 'Digest';
  /** The tag. */
  readonly constraint: string;
}

/** Both lists are required here: an unbounded look meets signatures and attestations, which end it with an error. */
export interface TagImageSubscription extends ImageSubscriptionBase {
  readonly imageSelectionStrategy: 'Lexical' | 'NewestBuild';
  /** Anchored RE2. */
  readonly allowTagsRegexes: readonly [string, ...string[]];
  /** Must refuse the fallback tags of OCI referrers: `^sha256-`. */
  readonly ignoreTagsRegexes: readonly [string, ...string[]];
}

export type ImageSubscription = SemVerImageSubscription | DigestImageSubscription | TagImageSubscription;

interface GitSubscriptionBase {
  /** http or https. */
  readonly repoURL: string;
  /** A bare expression, without `${{ }}`. */
  readonly expressionFilter?: string;
  /** Paths; `glob:`, `regex:` or `regexp:` before one makes it a pattern. */
  readonly includePaths?: readonly string[];
  readonly excludePaths?: readonly string[];
  /** @default 20 */
  readonly discoveryLimit?: number;
  readonly insecureSkipTLSVerify?: boolean;
  readonly blobless?: boolean;
}

export interface BranchGitSubscription extends GitSubscriptionBase {
  readonly commitSelectionStrategy?: 'NewestFromBranch';
  /** At most 255 characters; without one the default branch. */
  readonly branch?: string;
  /** RFC 3339: older commits are not looked at. */
  readonly since?: string;
}

export interface TagGitSubscription extends GitSubscriptionBase {
  readonly commitSelectionStrategy: 'SemVer' | 'Lexical' | 'NewestTag';
  /** Only with SemVer. */
  readonly semverConstraint?: string;
  /** @default true */
  readonly strictSemvers?: boolean;
  readonly allowTagsRegexes?: readonly string[];
  readonly ignoreTagsRegexes?: readonly string[];
}

export type GitSubscription = BranchGitSubscription | TagGitSubscription;

/** Exactly one key: the CRD takes anything here, the admission webhook does not. */
export type Subscription =
  | { readonly image: ImageSubscription; readonly git?: never }
  | { readonly git: GitSubscription; readonly image?: never };

export interface WarehouseSpec {
  /** Below five minutes it has no effect on a default install. */
  readonly interval: KargoDuration;
  /** @default 'Automatic' */
  readonly freightCreationPolicy?: 'Automatic' | 'Manual';
  /** A bare expression of `imageFrom`, `commitFrom`, `chartFrom` and `artifactFrom`. */
  readonly freightCreationCriteria?: { readonly expression: string };
  readonly shard?: string;
  readonly subscriptions: readonly [Subscription, ...Subscription[]];
}

export interface WarehouseManifest extends KubernetesManifest {
  readonly apiVersion: typeof kargoApiVersion;
  readonly kind: 'Warehouse';
  readonly metadata: NamespacedMeta;
  readonly spec: WarehouseSpec;
}
