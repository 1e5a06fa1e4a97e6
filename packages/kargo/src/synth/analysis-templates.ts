import type { AnalysisTemplateManifest } from '../manifests/analysis-template.ts';
import { rolloutsApiVersion } from '../manifests/manifest.ts';
import type { SynthContext } from './context.ts';
import { jobSpec, type JobOptions } from './job.ts';
import { metaOf } from './meta.ts';

export const templateNames = { analyze: 'analyze', observe: 'observe' } as const;

/** What the two Jobs are told of the Freight; a tag or digest is empty where that Freight has not come yet. */
export const templateArguments = {
  analyze: ['image', 'tag', 'digest', 'dockerfile', 'source-repo', 'source-provider'],
  observe: ['name', 'tag', 'digest'],
} as const;

export function analysisTemplates(
  context: SynthContext,
  tokens: JobOptions['tokens'],
): readonly AnalysisTemplateManifest[] {
  return (['analyze', 'observe'] as const).map((name) => template(context, name, tokens));
}

/**
 * One measurement by one Job. Freight whose verification failed is not verified again by itself, so the Job goes on for an
 * hour, with longer and longer pauses, while a registry or forge is away.
 */
function template(
  context: SynthContext,
  name: 'analyze' | 'observe',
  tokens: JobOptions['tokens'],
): AnalysisTemplateManifest {
  const { namespace } = context.kargo;
  const given = templateArguments[name];
  return {
    apiVersion: rolloutsApiVersion,
    kind: 'AnalysisTemplate',
    metadata: metaOf(namespace, templateNames[name], { wave: 'templates', component: name }),
    spec: {
      args: given.map((argument) => ({ name: argument })),
      metrics: [
        {
          name,
          provider: {
            job: {
              spec: jobSpec(context, {
                component: name,
                args: [name, ...given.map((argument) => `--${argument}={{args.${argument}}}`)],
                deadlineSeconds: 3600,
                backoffLimit: 8,
                tokens,
              }),
            },
          },
        },
      ],
    },
  };
}
