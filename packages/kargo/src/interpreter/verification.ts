import type { AnalysisTemplateManifest } from '../manifests/analysis-template.ts';
import type { StageManifest } from '../manifests/stage.ts';
import { freightFunctions } from './environment.ts';
import type { Value } from './expression-values.ts';
import type { Freight } from './freight.ts';
import type { AnalysisJob, Outside } from './outside.ts';
import { render } from './template.ts';

/** One AnalysisRun: the Jobs of one verification of a Stage. */
export interface AnalysisRun {
  readonly name: string;
  readonly stage: string;
  readonly freight: Freight;
  phase: 'Running' | 'Successful' | 'Failed' | 'Error';
  message: string;
  readonly jobs: readonly AnalysisJob[];
}

/** Source: kargo.md section 3 and trap 12. */
export function newAnalysisRun(
  name: string,
  { metadata, spec }: StageManifest,
  templates: ReadonlyMap<string, AnalysisTemplateManifest>,
  freight: Freight,
  collection: readonly Freight[],
  outside: Outside,
): AnalysisRun {
  const run = { name, stage: metadata.name, freight };
  try {
    const names = freightFunctions(collection, outside);
    const vars: Record<string, Value> = {};
    names.set('ctx', { project: metadata.namespace, stage: metadata.name });
    names.set('vars', vars);
    for (const { name: variable, value } of spec.vars ?? []) vars[variable] = render(value, names);
    const args = new Map(
      (spec.verification?.args ?? []).map((arg) => {
        const value = render(arg.value, names);
        return [arg.name, typeof value === 'string' ? value : JSON.stringify(value)] as const;
      }),
    );
    const jobs = (spec.verification?.analysisTemplates ?? []).flatMap((reference) => {
      const template = templates.get(reference.name);
      if (!template) throw new Error(`there is no AnalysisTemplate ${reference.name}`);
      return jobsOf(run, template, args);
    });
    return { ...run, phase: 'Running', message: '', jobs };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return { ...run, phase: 'Error', message, jobs: [] };
  }
}

function jobsOf(
  { name, stage }: Pick<AnalysisRun, 'name' | 'stage'>,
  { metadata, spec }: AnalysisTemplateManifest,
  given: ReadonlyMap<string, string>,
): AnalysisJob[] {
  const declared = new Map((spec.args ?? []).map((arg) => [arg.name, given.get(arg.name) ?? arg.value]));
  for (const arg of given.keys())
    if (!declared.has(arg)) throw new Error(`template ${metadata.name} does not declare the argument ${arg}`);
  return spec.metrics.map((metric) => {
    if (metric.interval !== undefined || (metric.count ?? 1) !== 1)
      throw new Error(`metric ${metric.name}: repeated measurements are not known to this interpreter`);
    const [container] = metric.provider.job.spec.template.spec.containers;
    const args = (container.args ?? []).map((text) => filled(text, declared));
    return { id: `${name}.${metric.name}.1`, stage, template: metadata.name, metric: metric.name, args };
  });
}

function filled(text: string, args: ReadonlyMap<string, string | undefined>): string {
  return text.replace(/\{\{\s*args\.([A-Za-z0-9_-]+)\s*\}\}/g, (_all, name: string) => {
    const value = args.get(name);
    if (value === undefined) throw new Error(`the argument ${name} has no value`);
    return value;
  });
}

/** Asks its Jobs; one that failed fails the run. */
export async function followAnalysis(run: AnalysisRun, outside: Outside): Promise<void> {
  const phases = await Promise.all(run.jobs.map((job) => outside.job(job)));
  run.phase =
    phases.find((phase) => phase === 'Failed' || phase === 'Error') ??
    (phases.includes('Running') ? 'Running' : 'Successful');
}
