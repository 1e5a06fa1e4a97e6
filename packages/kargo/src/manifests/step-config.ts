import type { KargoDuration } from './duration.ts';
import type { Expression } from './manifest.ts';

/*
 * What each promotion step of open-source Kargo v1.11 takes. The CRD types none of it; Kargo refuses unknown keys when the
 * step runs. Where a number or a truth value stands an expression may stand too.
 */

type Flag = boolean | Expression;
type Count = number | Expression;
export type GitProvider = 'azure' | 'bitbucket' | 'gitea' | 'github' | 'gitlab';
type Scalar = string | number | boolean;

interface NameValue {
  readonly name: string;
  readonly value: string;
}

/** A value for a name, taken from what was read by a bare expression. */
export interface StepOutput {
  readonly name: string;
  readonly fromExpression: string;
}

interface GitIdentity {
  readonly name: string;
  readonly email: string;
  readonly signingKey?: string;
}

/**
 * A request. It ends with an answer that is success or failure, or with the timeout in `retry`; any other answer, and with
 * a `failureExpression` alone every answer that is no failure, makes Kargo send the request again.
 */
export interface HttpConfig {
  readonly url: string;
  /** @default 'GET' */
  readonly method?: 'DELETE' | 'GET' | 'HEAD' | 'PATCH' | 'POST' | 'PUT';
  readonly headers?: readonly NameValue[];
  readonly queryParams?: readonly NameValue[];
  readonly body?: string;
  /** @default 10s */
  readonly timeout?: KargoDuration | Expression;
  /** Between two requests; at least 10s. @default 30s */
  readonly pollInterval?: KargoDuration | Expression;
  readonly responseContentType?: 'application/json' | 'application/yaml' | 'text/plain';
  /**
   * A bare expression of `response`; with it the request is sent again until it is true. With POST only beside a
   * `failureExpression` that is its opposite.
   */
  readonly successExpression?: string;
  readonly failureExpression?: string;
  readonly errorExpression?: string;
  readonly outputs?: readonly StepOutput[];
  readonly proxy?: string;
  readonly insecureSkipTLSVerify?: Flag;
}

export interface HttpDownloadConfig {
  readonly url: string;
  readonly outPath: string;
  readonly headers?: readonly NameValue[];
  readonly queryParams?: readonly NameValue[];
  readonly timeout?: KargoDuration | Expression;
  readonly allowOverwrite?: Flag;
  readonly insecureSkipTLSVerify?: Flag;
}

interface CheckoutBase {
  readonly path: string;
  /** Makes the branch where it is missing. */
  readonly create?: Flag;
  readonly as?: string;
  readonly sparse?: readonly string[];
}

/** One working tree: of a branch, a commit or a tag, or of the default branch. */
export type Checkout = CheckoutBase &
  (
    | { readonly branch?: string; readonly commit?: never; readonly tag?: never }
    | { readonly commit: string; readonly branch?: never; readonly tag?: never }
    | { readonly tag: string; readonly branch?: never; readonly commit?: never }
  );

export interface GitCloneConfig {
  readonly repoURL: string;
  readonly checkout: readonly [Checkout, ...Checkout[]];
  readonly author?: GitIdentity;
  readonly blobless?: Flag;
  readonly recurseSubmodules?: Flag;
  readonly insecureSkipTLSVerify?: Flag;
}

export interface GitCommitConfig {
  readonly path: string;
  readonly message: string;
}

export type GitPushConfig = {
  readonly path: string;
  readonly maxAttempts?: Count;
  readonly force?: Flag;
  readonly provider?: GitProvider;
} & (
  | { readonly targetBranch?: string; readonly generateTargetBranch?: never; readonly tag?: never }
  | { readonly generateTargetBranch: Flag; readonly targetBranch?: never; readonly tag?: never }
  | { readonly tag: string; readonly targetBranch?: never; readonly generateTargetBranch?: never }
);

export interface GitOpenPrConfig {
  readonly repoURL: string;
  readonly sourceBranch: string;
  readonly targetBranch: string;
  readonly title?: string;
  readonly description?: string;
  readonly labels?: readonly string[];
  readonly provider?: GitProvider;
  readonly insecureSkipTLSVerify?: Flag;
}

export interface GitWaitForPrConfig {
  readonly repoURL: string;
  readonly prNumber: Count;
  readonly provider?: GitProvider;
  readonly pollInterval?: KargoDuration | Expression;
  readonly insecureSkipTLSVerify?: Flag;
}

export interface GitMergePrConfig extends GitWaitForPrConfig {
  readonly wait?: Flag;
  readonly mergeMethod?: string;
}

export interface GitClearConfig {
  readonly path: string;
}

export interface GitTagConfig {
  readonly path: string;
  readonly tag: string;
  readonly message: string;
  readonly force?: Flag;
}

export type GithubPushConfig = {
  readonly path: string;
  readonly force?: Flag;
  readonly maxAttempts?: Count;
  readonly insecureSkipTLSVerify?: Flag;
} & (
  | { readonly targetBranch?: string; readonly generateTargetBranch?: never }
  | { readonly generateTargetBranch: Flag; readonly targetBranch?: never }
);

/** Keys are sjson paths: `\.` is a dot within a key. */
export interface FileUpdateConfig {
  readonly path: string;
  readonly updates: readonly [
    { readonly key: string; readonly value: Scalar },
    ...{ readonly key: string; readonly value: Scalar }[],
  ];
}

export interface FileParseConfig {
  readonly path: string;
  readonly outputs: readonly [StepOutput, ...StepOutput[]];
}

export interface YamlMergeConfig {
  readonly inFiles: readonly string[];
  readonly outFile: string;
  readonly ignoreMissingFiles?: Flag;
}

export interface CopyConfig {
  readonly inPath: string;
  readonly outPath: string;
  readonly ignore?: string;
}

/** One path or several. */
export type DeleteConfig = {
  readonly pathsAreGlobs?: Flag;
  /** Fails where there is nothing to delete. */
  readonly strict?: Flag;
} & (
  | { readonly path: string; readonly paths?: never }
  | { readonly paths: readonly [string, ...string[]]; readonly path?: never }
);

export interface FileWriteConfig {
  readonly path: string;
  readonly contents: string;
  /** Octal: `0644`. */
  readonly permissions?: string;
  readonly overwrite?: Flag;
}

export interface UntarConfig {
  readonly inPath: string;
  readonly outPath: string;
  readonly stripComponents?: Count;
  readonly ignore?: string;
}

/** A tag or a digest, never both. */
export type KustomizeImage = {
  /** As it stands in the kustomization. */
  readonly image: string;
  readonly name?: string;
  readonly newName?: string;
} & ({ readonly tag: string; readonly digest?: never } | { readonly digest: string; readonly tag?: never });

export interface KustomizeSetImageConfig {
  readonly path: string;
  readonly images: readonly [KustomizeImage, ...KustomizeImage[]];
}

export interface KustomizeBuildConfig {
  readonly path: string;
  readonly outPath: string;
  readonly outputFormat?: 'kargo' | 'kustomize';
  readonly plugin?: {
    readonly helm?: { readonly apiVersions?: readonly string[]; readonly kubeVersion?: string };
  };
}

export interface HelmTemplateConfig {
  readonly path: string;
  readonly outPath: string;
  readonly releaseName: string;
  readonly useReleaseName?: Flag;
  readonly buildDependencies?: Flag;
  readonly disableHooks?: Flag;
  readonly skipTests?: Flag;
  readonly ignoreMissingValueFiles?: Flag;
  readonly namespace?: string;
  readonly valuesFiles?: readonly string[];
  readonly setValues?: readonly { readonly key: string; readonly value: string; readonly literal?: Flag }[];
  readonly outLayout?: 'helm' | 'flat';
  readonly includeCRDs?: Flag;
  readonly kubeVersion?: string;
  readonly apiVersions?: readonly string[];
}

export interface HelmUpdateChartConfig {
  readonly path: string;
  readonly charts: readonly {
    readonly repository: string;
    readonly name: string;
    readonly version: string;
  }[];
}

export interface OciPushConfig {
  readonly srcRef: string;
  readonly destRef: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly insecureSkipTLSVerify?: Flag;
}

export interface OciDownloadConfig {
  readonly imageRef: string;
  readonly outPath: string;
  readonly mediaType?: string;
  readonly allowOverwrite?: Flag;
  readonly insecureSkipTLSVerify?: Flag;
}

/** What is shown of a Stage or a Freight, by a name each. */
export interface SetMetadataConfig {
  readonly updates: readonly {
    readonly kind: 'Stage' | 'Freight';
    readonly name: string;
    readonly values: Readonly<Record<string, Scalar | readonly Scalar[]>>;
  }[];
}

/** A free map with one name at least. */
export type ComposeOutputConfig = Readonly<Record<string, Scalar>>;

export interface FailConfig {
  readonly message?: string;
}

export interface SetFreightAliasConfig {
  /** Of the Freight. */
  readonly name: string;
  readonly alias: string;
}

export interface ArgocdSourceUpdate {
  readonly repoURL: string;
  readonly chart?: string;
  readonly desiredRevision?: string;
  readonly updateTargetRevision?: Flag;
  readonly kustomize?: {
    readonly images: readonly {
      readonly repoURL: string;
      readonly tag?: string;
      readonly digest?: string;
      readonly newName?: string;
    }[];
  };
  readonly helm?: { readonly images: readonly { readonly key: string; readonly value: string }[] };
}

/** By its name or by labels. */
type ArgocdApp = { readonly namespace?: string } & (
  | { readonly name: string; readonly selector?: never }
  | {
      readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
      readonly name?: never;
    }
);

export interface ArgocdUpdateConfig {
  readonly apps: readonly [ArgocdApp & ArgocdSources, ...(ArgocdApp & ArgocdSources)[]];
}

interface ArgocdSources {
  readonly sources?: readonly ArgocdSourceUpdate[];
}

export interface ArgocdWaitConfig {
  readonly apps: readonly [ArgocdApp & ArgocdGoals, ...(ArgocdApp & ArgocdGoals)[]];
}

interface ArgocdGoals {
  readonly waitFor?: readonly ('health' | 'sync' | 'operation' | 'suspended' | 'degraded')[];
}
