import { imageLabel, type NamespacedMeta } from '../manifests/manifest.ts';
import { isLabelValue } from '../validate/forms.ts';

/** The order in which ArgoCD applies: a Project makes its namespace, and Kargo refuses a Stage before its namespace. */
export const syncWaves = {
  project: -40,
  projectConfig: -30,
  /** Not generated: Secrets and access, which the team deploys beside this. */
  credentials: -20,
  templates: -10,
  warehouses: 0,
  stages: 10,
  jobs: 20,
} as const;

const syncWave = 'argocd.argoproj.io/sync-wave';

/** Label, or annotation where the name is no label value. */
export const baseLabel = 'image-factory.dev/base';
/** Hour of the day, `00` to `23`, in which an upstream Warehouse is to be looked at by those who spread the looks. */
export const slotLabel = 'image-factory.dev/slot';

export interface MetaOptions {
  readonly wave: keyof typeof syncWaves;
  readonly component?: string;
  readonly image?: string;
  readonly base?: string;
  readonly slot?: string;
}

export function metaOf(namespace: string, name: string, options: MetaOptions): NamespacedMeta {
  return { name, namespace, ...marksOf(options) };
}

export function marksOf({ wave, component, image, base, slot }: MetaOptions): {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
} {
  const named = [
    [imageLabel, image],
    [baseLabel, base],
  ] as const;
  const labels: Record<string, string> = { ...podLabels(component) };
  const annotations: Record<string, string> = { [syncWave]: String(syncWaves[wave]) };
  for (const [key, value] of named)
    if (value !== undefined) (isLabelValue(value) ? labels : annotations)[key] = value;
  if (slot !== undefined) labels[slotLabel] = slot;
  return { labels, annotations };
}

/** Labels of a resource and of its pods, which network policies select by them. */
export function podLabels(component: string | undefined): Readonly<Record<string, string>> {
  return {
    ...(component === undefined ? {} : { 'app.kubernetes.io/component': component }),
    'app.kubernetes.io/managed-by': 'image-factory',
    'app.kubernetes.io/part-of': 'image-factory',
  };
}
