import type { CronJobManifest } from '../manifests/job.ts';
import type { SynthContext } from './context.ts';
import { jobSpec, type JobOptions } from './job.ts';
import { metaOf } from './meta.ts';

/** Decides what is due, writes intents, and follows the runs that Kargo started. */
export function decideJob(context: SynthContext, tokens: JobOptions['tokens']): CronJobManifest {
  const { kargo } = context;
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: metaOf(kargo.namespace, 'decide', { wave: 'jobs', component: 'decide' }),
    spec: {
      schedule: kargo.schedule.expression,
      timeZone: kargo.schedule.timeZone,
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 300,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: jobSpec(context, {
          component: 'decide',
          args: ['run', '--once'],
          deadlineSeconds: 3600,
          // The next run is soon enough.
          backoffLimit: 0,
          tokens,
        }),
      },
    },
  };
}
