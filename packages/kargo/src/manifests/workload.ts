import type { KubernetesManifest, NamespacedMeta } from './manifest.ts';
import type { PodTemplate } from './pod.ts';

interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
}

export interface DeploymentSpec {
  readonly replicas?: number;
  readonly selector: Selector;
  readonly strategy?: {
    readonly type: 'RollingUpdate';
    readonly rollingUpdate?: {
      readonly maxUnavailable?: number | string;
      readonly maxSurge?: number | string;
    };
  };
  readonly revisionHistoryLimit?: number;
  readonly template: PodTemplate;
}

/** Pods that go on. Source: Kubernetes apps/v1. */
export interface DeploymentManifest extends KubernetesManifest {
  readonly apiVersion: 'apps/v1';
  readonly kind: 'Deployment';
  readonly metadata: NamespacedMeta;
  readonly spec: DeploymentSpec;
}

export interface ServiceSpec {
  readonly type?: 'ClusterIP';
  readonly selector: Readonly<Record<string, string>>;
  readonly publishNotReadyAddresses?: boolean;
  readonly ports: readonly {
    readonly name: string;
    readonly port: number;
    readonly targetPort: number | string;
    readonly protocol?: 'TCP';
  }[];
}

/** A name for them. Source: Kubernetes core/v1. */
export interface ServiceManifest extends KubernetesManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Service';
  readonly metadata: NamespacedMeta;
  readonly spec: ServiceSpec;
}

export interface PodDisruptionBudgetSpec {
  readonly maxUnavailable: number | string;
  readonly unhealthyPodEvictionPolicy?: 'AlwaysAllow' | 'IfHealthyBudget';
  readonly selector: Selector;
}

/** How many of them may be taken away at once. Source: Kubernetes policy/v1. */
export interface PodDisruptionBudgetManifest extends KubernetesManifest {
  readonly apiVersion: 'policy/v1';
  readonly kind: 'PodDisruptionBudget';
  readonly metadata: NamespacedMeta;
  readonly spec: PodDisruptionBudgetSpec;
}
