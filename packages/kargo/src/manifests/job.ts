import type { KubernetesManifest, NamespacedMeta } from './manifest.ts';
import type { PodTemplate } from './pod.ts';

export interface JobSpec {
  readonly backoffLimit?: number;
  readonly activeDeadlineSeconds?: number;
  readonly ttlSecondsAfterFinished?: number;
  readonly parallelism?: number;
  readonly completions?: number;
  readonly template: PodTemplate;
}

export interface JobManifest extends KubernetesManifest {
  readonly apiVersion: 'batch/v1';
  readonly kind: 'Job';
  readonly metadata: NamespacedMeta;
  readonly spec: JobSpec;
}

export interface CronJobSpec {
  /** Five fields. */
  readonly schedule: string;
  /** @default the controller's own zone */
  readonly timeZone?: string;
  readonly concurrencyPolicy?: 'Allow' | 'Forbid' | 'Replace';
  readonly startingDeadlineSeconds?: number;
  readonly suspend?: boolean;
  readonly successfulJobsHistoryLimit?: number;
  readonly failedJobsHistoryLimit?: number;
  readonly jobTemplate: {
    readonly metadata?: PodTemplate['metadata'];
    readonly spec: JobSpec;
  };
}

export interface CronJobManifest extends KubernetesManifest {
  readonly apiVersion: 'batch/v1';
  readonly kind: 'CronJob';
  readonly metadata: NamespacedMeta;
  readonly spec: CronJobSpec;
}
