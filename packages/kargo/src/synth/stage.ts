import { kargoApiVersion } from '../manifests/manifest.ts';
import type { RequestedFreight, StageManifest, StageSpec } from '../manifests/stage.ts';
import type { PromotionStep } from '../manifests/step.ts';
import type { SynthContext } from './context.ts';
import { metaOf, type MetaOptions } from './meta.ts';

export function stage(
  { kargo }: SynthContext,
  name: string,
  options: Omit<MetaOptions, 'wave'>,
  spec: StageSpec,
): StageManifest {
  return {
    apiVersion: kargoApiVersion,
    kind: 'Stage',
    metadata: metaOf(kargo.namespace, name, { wave: 'stages', ...options }),
    spec,
  };
}

export function directFrom(name: string): RequestedFreight {
  return { origin: { kind: 'Warehouse', name }, sources: { direct: true } };
}

export function verifiedBy(name: string, stageName: string): RequestedFreight {
  return { origin: { kind: 'Warehouse', name }, sources: { stages: [stageName] } };
}

/** Kargo verifies only what was promoted: a promotion that does nothing but say what it is about. */
export function nothingToDo(subject: Readonly<Record<string, string>>): PromotionStep {
  return { uses: 'compose-output', as: 'subject', config: subject };
}
