import type { KargoDuration } from './duration.ts';
import type { JobSpec } from './job.ts';
import type { KubernetesManifest, NamespacedMeta, rolloutsApiVersion } from './manifest.ts';

/** An argument: given by the Stage, or a default. Used as `{{args.name}}`. */
export interface AnalysisArgument {
  readonly name: string;
  readonly value?: string;
}

/** A measurement by a Job. The name is at most 23 characters: it becomes part of the Job's. */
export interface JobMetric {
  readonly name: string;
  readonly count?: number;
  /** Only with `count`: without one it never ends. */
  readonly interval?: KargoDuration;
  readonly initialDelay?: KargoDuration;
  readonly failureLimit?: number;
  readonly consecutiveErrorLimit?: number;
  readonly provider: {
    readonly job: {
      readonly metadata?: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec: JobSpec;
    };
  };
}

export interface AnalysisTemplateSpec {
  readonly args?: readonly AnalysisArgument[];
  readonly metrics: readonly [JobMetric, ...JobMetric[]];
}

export interface AnalysisTemplateManifest extends KubernetesManifest {
  readonly apiVersion: typeof rolloutsApiVersion;
  readonly kind: 'AnalysisTemplate';
  readonly metadata: NamespacedMeta;
  readonly spec: AnalysisTemplateSpec;
}
