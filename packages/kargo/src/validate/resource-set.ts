import type { Resource } from './resource.ts';

/** All resources that are looked at together: a reference counts as broken only where its kind is in the set at all. */
export interface ResourceSet {
  readonly find: (kind: string, namespace: string, name: string) => Resource | undefined;
  readonly of: (kind: string, namespace: string) => readonly Resource[];
  /** The first of those that have this one's kind, namespace and name. */
  readonly firstLike: (resource: Resource) => Resource | undefined;
}

export function resourceSet(all: readonly Resource[]): ResourceSet {
  const byPlace = new Map<string, Resource[]>();
  const byName = new Map<string, Resource>();
  for (const resource of all) {
    const place = keyOf(resource.kind, resource.namespace);
    const there = byPlace.get(place);
    if (there) there.push(resource);
    else byPlace.set(place, [resource]);
    const whole = `${groupOf(resource)}\n${keyOf(resource.kind, resource.namespace)}\n${resource.name}`;
    if (!byName.has(whole)) byName.set(whole, resource);
  }
  const named = new Map(
    all.map((each) => [`${keyOf(each.kind, each.namespace)}\n${each.name}`, each] as const).toReversed(),
  );
  return {
    find: (kind, namespace, name) => named.get(`${keyOf(kind, namespace)}\n${name}`),
    of: (kind, namespace) => byPlace.get(keyOf(kind, namespace)) ?? [],
    firstLike: (resource) =>
      byName.get(`${groupOf(resource)}\n${keyOf(resource.kind, resource.namespace)}\n${resource.name}`),
  };
}

function keyOf(kind: string, namespace: string): string {
  return `${kind}\n${namespace}`;
}

function groupOf({ apiVersion }: Resource): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
