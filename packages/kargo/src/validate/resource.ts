import { imageLabel } from '../manifests/manifest.ts';
import { child, isRecord, items, reach, textOf, type At } from './at.ts';
import { isTaskKind, stepsOf, type Step } from './steps.ts';
import { bodiesWithin, type Body } from './expressions.ts';
import { shapeFaults, type ShapeFault } from './shape.ts';
import { shapeOfKind } from './shapes/kinds.ts';
import { subscriptionShapes } from './shapes/subscriptions.ts';

/** A manifest as the rules see it. */
export interface Resource {
  readonly root: At;
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  /** Empty for what is the whole cluster's, and where none is given. */
  readonly namespace: string;
  readonly image: string | undefined;
  /** Of the whole resource, without the steps' configurations. */
  readonly shapeFaults: readonly ShapeFault[];
  readonly steps: readonly Step[];
  /** Of all expressions in what Kargo evaluates. */
  readonly bodies: readonly Body[];
  readonly subscriptionFaults: readonly ShapeFault[];
}

/** Undefined: it says neither what it is nor what it is called. */
export function readResource(manifest: unknown): Resource | undefined {
  const root: At = { value: manifest };
  const kind = textOf(child(root, 'kind'));
  const apiVersion = textOf(child(root, 'apiVersion'));
  if (!isRecord(manifest) || kind === undefined || apiVersion === undefined) return undefined;
  const shape = shapeOfKind(apiVersion, kind);
  const kargo = apiVersion.startsWith('kargo.akuity.io/');
  const steps = kargo ? stepsOf(root, kind) : [];
  return {
    root,
    kind,
    apiVersion,
    name: textOf(reach(root, 'metadata', 'name')) ?? '',
    namespace: textOf(reach(root, 'metadata', 'namespace')) ?? '',
    image:
      textOf(reach(root, 'metadata', 'labels', imageLabel)) ??
      textOf(reach(root, 'metadata', 'annotations', imageLabel)),
    shapeFaults: shape ? shapeFaults(root, shape, { expressions: false }) : [],
    steps,
    bodies: kargo
      ? [
          ...bodiesWithin(reach(root, 'spec', 'vars')),
          ...bodiesWithin(reach(root, 'spec', 'promotionTemplate', 'spec', 'vars')),
          ...bodiesWithin(reach(root, 'spec', 'verification')),
          ...steps.flatMap(({ bodies }) => bodies),
        ]
      : [],
    subscriptionFaults: kind === 'Warehouse' ? subscriptionFaults(root) : [],
  };
}

function subscriptionFaults(root: At): readonly ShapeFault[] {
  return items(reach(root, 'spec', 'subscriptions')).flatMap((subscription) =>
    Object.entries(subscriptionShapes).flatMap(([type, shape]) => {
      const at = child(subscription, type);
      return isRecord(at.value) ? shapeFaults(at, shape, { expressions: false }) : [];
    }),
  );
}

/** The list of manifests that a `List` stands for; itself otherwise. */
export function membersOf(manifest: unknown): readonly unknown[] {
  const root: At = { value: manifest };
  if (textOf(child(root, 'kind')) !== 'List') return [manifest];
  return items(child(root, 'items')).map(({ value }) => value);
}

/** Lists of variables, wherever the kind has them. */
export function variableLists(resource: Resource): readonly { readonly at: At; readonly inputs: boolean }[] {
  const spec = child(resource.root, 'spec');
  const own = { at: child(spec, 'vars'), inputs: isTaskKind(resource.kind) };
  const template = { at: reach(spec, 'promotionTemplate', 'spec', 'vars'), inputs: false };
  const steps = resource.steps.map(({ at }) => ({ at: child(at, 'vars'), inputs: false }));
  return [own, template, ...steps];
}

export function subscriptionsOf(resource: Resource, kind: string): At[] {
  return items(reach(resource.root, 'spec', 'subscriptions'))
    .map((at) => child(at, kind))
    .filter(({ value }) => isRecord(value));
}

/** The names of a list of mappings with names. */
export function namesIn(list: At): string[] {
  return items(list).flatMap((item) => textOf(child(item, 'name')) ?? []);
}
