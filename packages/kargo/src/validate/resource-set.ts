import type { Identity } from './resource.ts';

/** All resources that are looked at together: a reference counts as broken only where its kind is in the set at all. */
export interface ResourceSet {
  readonly find: (kind: string, namespace: string, name: string) => Identity | undefined;
  readonly of: (kind: string, namespace: string) => readonly Identity[];
  /** The first of those that have this one's API group, kind, namespace and name. */
  readonly firstLike: (resource: Identity) => Identity | undefined;
}

/** The resources of one kind in one namespace. */
interface Place {
  readonly all: Identity[];
  /** The first of each name. */
  readonly named: Map<string, Identity>;
  /** Those of the same name and another API group, by both: hardly ever any. */
  readonly namesakes: Map<string, Identity>;
}

export function resourceSet(all: readonly Identity[]): ResourceSet {
  const places = new Map<string, Map<string, Place>>();
  for (const resource of all) add(placeFor(places, resource), resource);
  const placeOf = (kind: string, namespace: string): Place | undefined => places.get(kind)?.get(namespace);
  return {
    find: (kind, namespace, name) => placeOf(kind, namespace)?.named.get(name),
    of: (kind, namespace) => placeOf(kind, namespace)?.all ?? [],
    firstLike(resource) {
      const place = placeOf(resource.kind, resource.namespace);
      const first = place?.named.get(resource.name);
      if (!place || !first || groupOf(first) === groupOf(resource)) return first;
      return place.namesakes.get(namesakeKey(resource));
    },
  };
}

function placeFor(places: Map<string, Map<string, Place>>, { kind, namespace }: Identity): Place {
  const ofKind = places.get(kind) ?? new Map<string, Place>();
  places.set(kind, ofKind);
  const there = ofKind.get(namespace);
  if (there) return there;
  const place: Place = { all: [], named: new Map(), namesakes: new Map() };
  ofKind.set(namespace, place);
  return place;
}

function add({ all, named, namesakes }: Place, resource: Identity): void {
  all.push(resource);
  const first = named.get(resource.name);
  if (!first) named.set(resource.name, resource);
  else if (groupOf(first) !== groupOf(resource) && !namesakes.has(namesakeKey(resource)))
    namesakes.set(namesakeKey(resource), resource);
}

function namesakeKey(resource: Identity): string {
  return `${groupOf(resource)}\n${resource.name}`;
}

function groupOf({ apiVersion }: Identity): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}
