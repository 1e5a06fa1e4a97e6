import type { WarehouseManifest } from '../manifests/warehouse.ts';
import { discoverCommit } from './discover-commits.ts';
import { discoverImage } from './discover-images.ts';
import type { FreightCommit, FreightImage } from './freight.ts';
import type { Outside } from './outside.ts';

export interface Contents {
  readonly images: readonly FreightImage[];
  readonly commits: readonly FreightCommit[];
}

/** What Freight would be made of now; undefined where a subscription finds nothing: then there is none. */
export async function discoverContents(
  outside: Outside,
  subscriptions: WarehouseManifest['spec']['subscriptions'],
): Promise<Contents | undefined> {
  const images: FreightImage[] = [];
  const commits: FreightCommit[] = [];
  for (const { image, git } of subscriptions) {
    if (image) images.push(...some(await discoverImage(outside, image)));
    else if (git) commits.push(...some(await discoverCommit(outside, git)));
  }
  return images.length + commits.length < subscriptions.length ? undefined : { images, commits };
}

function some<T>(found: T | undefined): readonly T[] {
  return found === undefined ? [] : [found];
}
