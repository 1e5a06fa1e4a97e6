import type { Duration } from '@image-factory/core/time.ts';
import { kargoDuration } from '../manifests/duration.ts';
import { kargoApiVersion } from '../manifests/manifest.ts';
import type { Subscription, WarehouseManifest } from '../manifests/warehouse.ts';
import type { SynthContext } from './context.ts';
import { metaOf, type MetaOptions } from './meta.ts';

/** A Warehouse with one subscription: several would make no Freight at all while one of them finds nothing. */
export function warehouse(
  { kargo }: SynthContext,
  name: string,
  options: Omit<MetaOptions, 'wave'>,
  interval: Duration,
  subscription: Subscription,
): WarehouseManifest {
  return {
    apiVersion: kargoApiVersion,
    kind: 'Warehouse',
    metadata: metaOf(kargo.namespace, name, { wave: 'warehouses', ...options }),
    spec: { interval: kargoDuration(interval), subscriptions: [subscription] },
  };
}
