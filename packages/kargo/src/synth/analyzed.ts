import { stableHash } from '@image-factory/core/reference/short-name.ts';
import type { RequestedFreight, StageManifest } from '../manifests/stage.ts';
import type { SynthContext } from './context.ts';
import type { AnalyzedImage } from './managed-image.ts';
import { stage, verifiedBy } from './stage.ts';

/** With their status, so many images stay far below what one object may hold (1.5 MB). */
export const mostPerStage = 500;

/**
 * The final Stages, which gather what was verified: one, or more where one object would be too large. An image's place
 * comes from its name; their number is a power of two, so that growth moves half of the images at most.
 */
export function analyzedStages(
  context: SynthContext,
  images: readonly AnalyzedImage[],
): { readonly manifests: readonly StageManifest[]; readonly stageOf: ReadonlyMap<string, string> } {
  const gathered = images.filter(({ analyzeStage }) => analyzeStage !== undefined);
  const shards = shardsOf(gathered);
  const stageOf = new Map<string, string>();
  const manifests: StageManifest[] = [];
  for (const [index, members] of shards.entries()) {
    const subject = shards.length === 1 ? '' : String(index).padStart(2, '0');
    const name = context.names.of('Stage', 'analyzed', subject);
    const [first, ...others] = members.flatMap(requestsOf);
    if (!first) continue;
    for (const { enrolment } of members) stageOf.set(enrolment.name, name);
    manifests.push(stage(context, name, { component: 'analyze' }, { requestedFreight: [first, ...others] }));
  }
  return { manifests, stageOf };
}

function requestsOf({ warehouses, analyzeStage }: AnalyzedImage): RequestedFreight[] {
  return analyzeStage === undefined ? [] : warehouses.map((name) => verifiedBy(name, analyzeStage));
}

function shardsOf(images: readonly AnalyzedImage[]): readonly (readonly AnalyzedImage[])[] {
  if (images.length <= mostPerStage) return [images];
  const places = images.map((image) => Number.parseInt(stableHash(image.enrolment.name).slice(0, 8), 16));
  for (let count = 2; ; count *= 2) {
    const shards = Array.from({ length: count }, (): AnalyzedImage[] => []);
    for (const [at, image] of images.entries()) shards[(places[at] ?? 0) % count]?.push(image);
    if (shards.every((shard) => shard.length <= mostPerStage)) return shards;
  }
}
