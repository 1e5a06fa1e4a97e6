import { parseInstant, type Instant } from '@image-factory/core/time.ts';
import { kargoKeys } from '../manifests/manifest.ts';
import { slotLabel } from '../synth/meta.ts';
import { items, reach, textOf, type At } from '../validate/at.ts';
import { isDnsName } from '../validate/forms.ts';

/** What a cluster says of an upstream Warehouse, as far as its looks go. */
export interface WatchedWarehouse {
  readonly name: string;
  readonly resourceVersion: string;
  readonly slot: string | undefined;
  readonly interval: string | undefined;
  /** The end of Kargo's last look that did not fail. */
  readonly discoveredAt: Instant | undefined;
  /** Kargo is looking now, or looks again and again because it fails. */
  readonly isLooking: boolean;
  /** The last request for a look, whoever made it. */
  readonly asked: string | undefined;
  /** The last of these requests that Kargo has seen. */
  readonly handled: string | undefined;
}

/**
 * A Warehouse as the API server lists it; undefined for what could not be asked for a look, since it has no name or version.
 * Source: Kargo v1.11.2, CRD of Warehouses.
 */
export function readWatchedWarehouse(value: unknown): WatchedWarehouse | undefined {
  const at: At = { value };
  const text = (...keys: readonly string[]): string | undefined => textOf(reach(at, ...keys));
  const name = text('metadata', 'name');
  const resourceVersion = text('metadata', 'resourceVersion');
  if (name === undefined || resourceVersion === undefined || !isDnsName(name)) return undefined;
  const discoveredAt = text('status', 'discoveredArtifacts', 'discoveredAt');
  return {
    name,
    resourceVersion,
    slot: text('metadata', 'labels', slotLabel),
    interval: text('spec', 'interval'),
    discoveredAt: discoveredAt === undefined ? undefined : parseInstant(discoveredAt),
    isLooking: items(reach(at, 'status', 'conditions')).some(
      (each) => textOf(reach(each, 'type')) === 'Reconciling' && textOf(reach(each, 'status')) === 'True',
    ),
    asked: text('metadata', 'annotations', kargoKeys.refresh),
    handled: text('status', 'lastHandledRefresh'),
  };
}
