import type { FactoryConfig, ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { Problem } from '@image-factory/core/problem.ts';
import type { FactoryState } from '@image-factory/core/state/types.ts';
import type { KubernetesManifest } from '../manifests/manifest.ts';
import { analysisTemplates } from './analysis-templates.ts';
import { analyzedStages } from './analyzed.ts';
import { readContext, type SynthContext } from './context.ts';
import { decideJob } from './decide.ts';
import { startingForges } from './forge-requests.ts';
import { updateUsers } from './image-user.ts';
import { analyzeImage, forbiddenText } from './managed-image.ts';
import { project, projectConfig } from './project.ts';
import { rebuildImage } from './rebuild.ts';
import { serverManifests } from './server.ts';
import { startTask } from './start-task.ts';
import { upstreamsOf, watchUpstream } from './upstream.ts';

export interface Synthesized {
  /** In the order in which they may be applied; empty where the settings lack something. */
  readonly manifests: readonly KubernetesManifest[];
  /** What of the factory Kargo cannot do, or what is missing from the settings. */
  readonly problems: readonly Problem[];
}

/** Everything that Kargo needs to run this factory. The same inputs give the same manifests in the same order. */
export function synth(input: { readonly config: FactoryConfig; readonly state: FactoryState }): Synthesized {
  const read = readContext(input.config, input.state);
  if (!read.ok) return { manifests: [], problems: read.error };
  const context = read.value;
  const enrolments = input.config.images.toSorted((a, b) => (a.name < b.name ? -1 : 1));

  const watched = upstreamsOf(enrolments, input.state).flatMap((each) => watchUpstream(context, each));
  const managed = enrolments
    .filter((each) => each.kind === 'managed')
    .filter((each) => isUsable(context, each));
  const analyzed = managed.map((each) => analyzeImage(context, each));
  const rebuilt = managed.map((each) => rebuildImage(context, each));
  const images = analyzed.map(({ image }) => image);
  const final = analyzedStages(context, images);
  const updated = images.flatMap((image) =>
    updateUsers(context, image, final.stageOf.get(image.enrolment.name)),
  );

  const forges = startingForges.filter((forge) => managed.some(({ source }) => source.provider === forge));
  const starters = ([...startingForges, 'server'] as const).filter((starter) =>
    rebuilt.some((each) => each?.starter === starter),
  );
  const watching = [
    ...watched,
    ...analyzed.flatMap((each) => each.manifests),
    ...rebuilt.flatMap((each) => each?.manifests ?? []),
    ...final.manifests,
    ...updated,
  ];
  return {
    manifests: [
      project(context),
      projectConfig(context),
      ...analysisTemplates(context, forges),
      ...starters.map((starter) => startTask(context, starter)),
      ...byName(watching.filter(({ kind }) => kind === 'Warehouse')),
      ...byName(watching.filter(({ kind }) => kind === 'Stage')),
      decideJob(context, forges),
      ...serverManifests(context),
    ],
    problems: context.problems,
  };
}

function isUsable(context: SynthContext, enrolment: ManagedEnrolment): boolean {
  const problem = forbiddenText(enrolment);
  if (problem) context.problems.push(problem);
  return problem === undefined;
}

/** By code units: the same on every machine. */
function byName(manifests: readonly KubernetesManifest[]): readonly KubernetesManifest[] {
  return manifests.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}
