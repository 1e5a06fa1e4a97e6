import { imageLabel } from '../manifests/manifest.ts';
import { child, isRecord, items, reach, textOf, type At } from './at.ts';
import { isTaskKind, stepsOf, type Step } from './steps.ts';
import { bodiesWithin, type Body } from './expressions.ts';
import { shapeFaults, type ShapeFault } from './shape.ts';
import { shapeOfKind } from './shapes/kinds.ts';
import { subscriptionShapes } from './shapes/subscriptions.ts';

/** What others refer to a resource by: all that is kept of it while they are looked at. */
export interface Identity {
  readonly root: At;
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  /** Empty for what is the whole cluster's, and where none is given. */
  readonly namespace: string;
  readonly image: string | undefined;
}

/** A manifest as the rules see it: what most of them ask for is read once. */
export interface Resource extends Identity {
  readonly metadata: At;
  readonly spec: At;
  /** What a Stage asks for. */
  readonly requests: readonly FreightRequest[];
  /** Of a Warehouse, by their type. */
  readonly subscriptions: Subscriptions;
  /** Of the whole resource, without the steps' configurations. */
  readonly shapeFaults: readonly ShapeFault[];
  readonly steps: readonly Step[];
  /** Of all expressions in what Kargo evaluates. */
  readonly bodies: readonly Body[];
  readonly subscriptionFaults: readonly ShapeFault[];
  readonly parts: readonly Part[];
}

/** What a resource may have and most have not; a rule that is about one of them is not asked without it. */
export type Part =
  | 'shape faults'
  | 'subscription faults'
  | 'configuration faults'
  | 'expressions'
  | 'steps'
  | 'verification'
  | SubscriptionType;

export type SubscriptionType = 'image' | 'git' | 'chart';
export type Subscriptions = Readonly<Record<SubscriptionType, readonly At[]>>;

export interface FreightRequest {
  readonly at: At;
  readonly sources: At;
  readonly warehouse: At;
}

/** Undefined: it says neither what it is nor what it is called. */
export function identify(manifest: unknown): Identity | undefined {
  const root: At = { value: manifest };
  const kind = textOf(child(root, 'kind'));
  const apiVersion = textOf(child(root, 'apiVersion'));
  if (!isRecord(manifest) || kind === undefined || apiVersion === undefined) return undefined;
  const metadata = child(root, 'metadata');
  return {
    root,
    kind,
    apiVersion,
    name: textOf(child(metadata, 'name')) ?? '',
    namespace: textOf(child(metadata, 'namespace')) ?? '',
    image:
      textOf(reach(metadata, 'labels', imageLabel)) ?? textOf(reach(metadata, 'annotations', imageLabel)),
  };
}

/** Everything else about it; of thousands, one at a time is kept. */
export function readResource(identity: Identity): Resource {
  const { root, kind, apiVersion, name, namespace, image } = identity;
  const spec = child(root, 'spec');
  const verification = child(spec, 'verification');
  const shape = shapeOfKind(apiVersion, kind);
  const kargo = apiVersion.startsWith('kargo.akuity.io/');
  const steps = kargo ? stepsOf(root, kind) : [];
  const subscribed = kind === 'Warehouse' ? items(child(spec, 'subscriptions')) : [];
  const read = {
    root,
    kind,
    apiVersion,
    name,
    namespace,
    image,
    metadata: child(root, 'metadata'),
    spec,
    requests: requestsOf(identity),
    subscriptions: subscriptionsOf(identity),
    shapeFaults: shape ? shapeFaults(root, shape, { expressions: false }) : [],
    steps,
    bodies: kargo
      ? [
          ...bodiesWithin(child(spec, 'vars')),
          ...bodiesWithin(reach(spec, 'promotionTemplate', 'spec', 'vars')),
          ...bodiesWithin(verification),
          ...steps.flatMap(({ bodies }) => bodies),
        ]
      : [],
    subscriptionFaults: subscribed.flatMap(subscriptionFaults),
  };
  return { ...read, parts: partsOf(read, verification) };
}

function partsOf(resource: Omit<Resource, 'parts'>, verification: At): readonly Part[] {
  const {
    shapeFaults: ofShape,
    subscriptionFaults: ofSubscriptions,
    steps,
    bodies,
    subscriptions,
  } = resource;
  const parts: Part[] = [];
  if (ofShape.length > 0) parts.push('shape faults');
  if (ofSubscriptions.length > 0) parts.push('subscription faults');
  if (steps.length > 0) parts.push('steps');
  if (steps.some(({ configFaults }) => configFaults.length > 0)) parts.push('configuration faults');
  if (bodies.length > 0) parts.push('expressions');
  if (verification.value !== undefined) parts.push('verification');
  for (const type of subscriptionTypes) if (subscriptions[type].length > 0) parts.push(type);
  return parts;
}

/** What a Stage asks for. */
export function requestsOf({ root }: Identity): readonly FreightRequest[] {
  return items(reach(root, 'spec', 'requestedFreight')).map((at) => ({
    at,
    sources: child(at, 'sources'),
    warehouse: reach(at, 'origin', 'name'),
  }));
}

const subscriptionTypes = ['image', 'git', 'chart'] as const;

export function subscriptionsOf({ root }: Identity): Subscriptions {
  const all = items(reach(root, 'spec', 'subscriptions'));
  const ofType = (type: SubscriptionType): At[] =>
    all.map((at) => child(at, type)).filter(({ value }) => isRecord(value));
  return { image: ofType('image'), git: ofType('git'), chart: ofType('chart') };
}

function subscriptionFaults(subscription: At): readonly ShapeFault[] {
  return Object.entries(subscriptionShapes).flatMap(([type, shape]) => {
    const at = child(subscription, type);
    return isRecord(at.value) ? shapeFaults(at, shape, { expressions: false }) : [];
  });
}

/** The list of manifests that a `List` stands for; itself otherwise. */
export function membersOf(manifest: unknown): readonly unknown[] {
  const root: At = { value: manifest };
  if (textOf(child(root, 'kind')) !== 'List') return [manifest];
  return items(child(root, 'items')).map(({ value }) => value);
}

/** Lists of variables, wherever the kind has them. */
export function variableLists(resource: Resource): readonly { readonly at: At; readonly inputs: boolean }[] {
  const { spec } = resource;
  const own = { at: child(spec, 'vars'), inputs: isTaskKind(resource.kind) };
  const template = { at: reach(spec, 'promotionTemplate', 'spec', 'vars'), inputs: false };
  const steps = resource.steps.map(({ at }) => ({ at: child(at, 'vars'), inputs: false }));
  return [own, template, ...steps];
}

/** The names of a list of mappings with names. */
export function namesIn(list: At): string[] {
  return items(list).flatMap((item) => textOf(child(item, 'name')) ?? []);
}
