import type { JobSpec } from '../manifests/job.ts';
import type { SynthContext } from './context.ts';
import { podTemplate, type PodOptions } from './pod.ts';

/** As long as the results of its Job are asked for. */
const keptSeconds = 3600;

export interface JobOptions extends Pick<PodOptions, 'args' | 'tokens'> {
  readonly component: 'analyze' | 'observe' | 'decide';
  readonly deadlineSeconds: number;
  readonly backoffLimit: number;
}

/** One run of our image on the factory directory in git. */
export function jobSpec(context: SynthContext, options: JobOptions): JobSpec {
  return {
    backoffLimit: options.backoffLimit,
    activeDeadlineSeconds: options.deadlineSeconds,
    ttlSecondsAfterFinished: keptSeconds,
    template: podTemplate(context, { ...options, restartPolicy: 'Never' }),
  };
}
