import type { KargoDuration } from './duration.ts';
import type { Variable } from './manifest.ts';
import type {
  ArgocdUpdateConfig,
  ArgocdWaitConfig,
  ComposeOutputConfig,
  CopyConfig,
  DeleteConfig,
  FailConfig,
  FileParseConfig,
  FileUpdateConfig,
  FileWriteConfig,
  GitClearConfig,
  GitCloneConfig,
  GitCommitConfig,
  GitMergePrConfig,
  GitOpenPrConfig,
  GitPushConfig,
  GitTagConfig,
  GithubPushConfig,
  GitWaitForPrConfig,
  HelmTemplateConfig,
  HelmUpdateChartConfig,
  HttpConfig,
  HttpDownloadConfig,
  KustomizeBuildConfig,
  KustomizeSetImageConfig,
  OciDownloadConfig,
  OciPushConfig,
  SetFreightAliasConfig,
  SetMetadataConfig,
  UntarConfig,
  YamlMergeConfig,
} from './step-config.ts';

/** What each step takes, by the name that stands in `uses`. */
export interface StepConfigs {
  readonly 'argocd-update': ArgocdUpdateConfig;
  readonly 'argocd-wait': ArgocdWaitConfig;
  readonly 'compose-output': ComposeOutputConfig;
  readonly copy: CopyConfig;
  readonly delete: DeleteConfig;
  readonly fail: FailConfig;
  readonly 'file-write': FileWriteConfig;
  readonly 'git-clear': GitClearConfig;
  readonly 'git-clone': GitCloneConfig;
  readonly 'git-commit': GitCommitConfig;
  readonly 'git-merge-pr': GitMergePrConfig;
  readonly 'git-open-pr': GitOpenPrConfig;
  readonly 'git-push': GitPushConfig;
  readonly 'git-tag': GitTagConfig;
  readonly 'git-wait-for-pr': GitWaitForPrConfig;
  readonly 'github-push': GithubPushConfig;
  readonly 'helm-template': HelmTemplateConfig;
  readonly 'helm-update-chart': HelmUpdateChartConfig;
  readonly http: HttpConfig;
  readonly 'http-download': HttpDownloadConfig;
  readonly 'json-parse': FileParseConfig;
  readonly 'json-update': FileUpdateConfig;
  readonly 'kustomize-build': KustomizeBuildConfig;
  readonly 'kustomize-set-image': KustomizeSetImageConfig;
  readonly 'oci-download': OciDownloadConfig;
  readonly 'oci-push': OciPushConfig;
  readonly 'set-freight-alias': SetFreightAliasConfig;
  readonly 'set-metadata': SetMetadataConfig;
  readonly 'toml-parse': FileParseConfig;
  readonly 'toml-update': FileUpdateConfig;
  readonly untar: UntarConfig;
  readonly 'yaml-merge': YamlMergeConfig;
  readonly 'yaml-parse': FileParseConfig;
  readonly 'yaml-update': FileUpdateConfig;
}

export interface StepRetry {
  /** How long the step may take in all; it is looked at between two runs only. */
  readonly timeout?: KargoDuration;
  /** How many errors in a row end it. @default 1 */
  readonly errorThreshold?: number;
}

interface StepFrame {
  /** Name for its outputs; unique, and not `step-1` or `task-1`. */
  readonly as?: string;
  /** An expression; without one the step runs if all before it went well. */
  readonly if?: string;
  readonly continueOnError?: boolean;
  readonly retry?: StepRetry;
  readonly vars?: readonly Variable[];
  readonly task?: never;
}

/** A step by the name in `uses`, with what that step takes. */
export type UsesStep = {
  [Name in keyof StepConfigs]: StepFrame & { readonly uses: Name } & (object extends StepConfigs[Name]
      ? { readonly config?: StepConfigs[Name] }
      : { readonly config: StepConfigs[Name] });
}[keyof StepConfigs];

/** The steps of a PromotionTask in one's place: it takes nothing but variables. */
export interface TaskStep {
  readonly task: { readonly name: string; readonly kind?: 'PromotionTask' | 'ClusterPromotionTask' };
  readonly as?: string;
  readonly vars?: readonly Variable[];
  readonly uses?: never;
}

export type PromotionStep = UsesStep | TaskStep;
