import type { KargoDuration } from './duration.ts';
import type { KubernetesManifest, kargoApiVersion, NamespacedMeta, Variable } from './manifest.ts';
import type { PromotionStep } from './step.ts';

/** From the Warehouse itself, or from Stages that verified it: soak time counts in these only. */
export type FreightSources =
  | {
      readonly direct: true;
      readonly autoPromotionOptions?: { readonly selectionPolicy: 'NewestFreight' };
    }
  | {
      readonly direct?: false;
      readonly stages: readonly [string, ...string[]];
      readonly requiredSoakTime?: KargoDuration;
      /** @default 'OneOf' */
      readonly availabilityStrategy?: 'OneOf' | 'All';
      readonly autoPromotionOptions?: { readonly selectionPolicy: 'NewestFreight' };
    }
  | {
      readonly direct?: false;
      /** MatchUpstream follows exactly one Stage. */
      readonly stages: readonly [string];
      readonly requiredSoakTime?: KargoDuration;
      readonly availabilityStrategy?: 'OneOf' | 'All';
      readonly autoPromotionOptions: { readonly selectionPolicy: 'MatchUpstream' };
    };

export interface RequestedFreight {
  readonly origin: { readonly kind: 'Warehouse'; readonly name: string };
  readonly sources: FreightSources;
}

export interface Verification {
  readonly analysisTemplates: readonly {
    readonly name: string;
    /** @default 'AnalysisTemplate' */
    readonly kind?: 'AnalysisTemplate' | 'ClusterAnalysisTemplate';
  }[];
  readonly analysisRunMetadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** Each must be declared by every template; values may hold expressions. */
  readonly args?: readonly Variable[];
}

export interface StageSpec {
  readonly requestedFreight: readonly [RequestedFreight, ...RequestedFreight[]];
  readonly vars?: readonly Variable[];
  readonly shard?: string;
  /** Without it the Stage promotes nothing and only gathers. */
  readonly promotionTemplate?: {
    readonly spec: {
      readonly vars?: readonly Variable[];
      readonly steps: readonly [PromotionStep, ...PromotionStep[]];
    };
  };
  readonly verification?: Verification;
}

export interface StageManifest extends KubernetesManifest {
  readonly apiVersion: typeof kargoApiVersion;
  readonly kind: 'Stage';
  readonly metadata: NamespacedMeta;
  readonly spec: StageSpec;
}
