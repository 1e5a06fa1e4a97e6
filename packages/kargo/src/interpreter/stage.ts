import type { Instant } from '@image-factory/core/time.ts';
import type { StageManifest } from '../manifests/stage.ts';
import type { Freight } from './freight.ts';
import type { Promotion } from './promotion.ts';
import type { AnalysisRun } from './verification.ts';

/** A Stage as it stands: its manifest, and what has happened in it. */
export interface Stage {
  readonly manifest: StageManifest;
  /** Freight of each origin that was promoted here last, with success. */
  readonly current: Map<string, Freight>;
  readonly promotions: Promotion[];
  /** Origins whose Freight waits until a person promotes the newest of it. */
  readonly held: Set<string>;
  verifying: AnalysisRun | undefined;
  readonly metadata: Map<string, unknown>;
}

export function newStage(): Omit<Stage, 'manifest'> {
  return {
    current: new Map(),
    promotions: [],
    held: new Set(),
    verifying: undefined,
    metadata: new Map(),
  };
}

/** The Freight with that of the other origins that the Stage has now. */
export function collectionOf({ current, manifest }: Stage, freight: Freight): readonly Freight[] {
  const wanted = new Set(manifest.spec.requestedFreight.map(({ origin }) => origin.name));
  const others = [...current].filter(([origin]) => origin !== freight.origin && wanted.has(origin));
  return [freight, ...others.map(([, each]) => each)];
}

export function pendingPromotion({ manifest, promotions }: Stage, freight: Freight, now: Instant): Promotion {
  const { name } = manifest.metadata;
  return {
    name: `${name}.${String(now)}.${promotions.length + 1}.${freight.name.slice(0, 7)}`,
    stage: name,
    freight,
    createdAt: now,
    phase: 'Pending',
    message: '',
    steps: [],
    vars: [],
    collection: [],
    at: 0,
    dueAt: now,
    records: new Map(),
    outputs: new Map(),
    trees: new Map(),
  };
}
