import type {
  KubernetesManifest,
  kargoApiVersion,
  NamespacedMeta,
  ObjectMeta,
  Variable,
} from './manifest.ts';
import type { UsesStep } from './step.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';

/** A cluster-wide kind without a `spec`; its name is the namespace's. */
export interface ProjectManifest extends KubernetesManifest {
  readonly apiVersion: typeof kargoApiVersion;
  readonly kind: 'Project';
  readonly metadata: ObjectMeta;
}

/** Which Stages promote by themselves. `name` may start with `glob:` or `regex:`. */
export interface PromotionPolicy {
  readonly stageSelector: {
    readonly name?: string;
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly {
      readonly key: string;
      readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
      readonly values?: readonly string[];
    }[];
  };
  /** @default false */
  readonly autoPromotionEnabled?: boolean;
}

export interface ResourceLink {
  readonly title: string;
  readonly url: string;
  readonly description?: string;
  readonly if?: string;
}

export interface ProjectConfigSpec {
  readonly promotionPolicies?: readonly PromotionPolicy[];
  readonly webhookReceivers?: readonly WebhookReceiver[];
  readonly freightLinks?: readonly ResourceLink[];
  readonly stageLinks?: readonly ResourceLink[];
}

/** Its name must be its namespace's. */
export interface ProjectConfigManifest extends KubernetesManifest {
  readonly apiVersion: typeof kargoApiVersion;
  readonly kind: 'ProjectConfig';
  readonly metadata: NamespacedMeta;
  readonly spec: ProjectConfigSpec;
}

/** Its name must be `cluster`. */
export interface ClusterConfigManifest extends KubernetesManifest {
  readonly apiVersion: typeof kargoApiVersion;
  readonly kind: 'ClusterConfig';
  readonly metadata: ObjectMeta & { readonly name: 'cluster' };
  readonly spec: {
    readonly webhookReceivers?: readonly WebhookReceiver[];
    readonly gitClient?: {
      readonly name: string;
      readonly email: string;
      readonly signingKeySecret?: { readonly name: string };
    };
    readonly freightLinks?: readonly ResourceLink[];
    readonly stageLinks?: readonly ResourceLink[];
  };
}

/** A variable without a value is an input that the user of the task must give. */
export interface TaskVariable {
  readonly name: Variable['name'];
  readonly value?: string;
}

export interface PromotionTaskSpec {
  readonly vars?: readonly TaskVariable[];
  readonly steps: readonly [UsesStep, ...UsesStep[]];
}

export interface PromotionTaskManifest extends KubernetesManifest {
  readonly apiVersion: typeof kargoApiVersion;
  readonly kind: 'PromotionTask';
  readonly metadata: NamespacedMeta;
  readonly spec: PromotionTaskSpec;
}
