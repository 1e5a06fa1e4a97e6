import type { AdmissionInput } from './admission-policy.ts';

export interface AdmissionCase {
  readonly about: string;
  readonly input: AdmissionInput;
  /** A part of the message; undefined: allowed. */
  readonly refused?: RegExp;
}

const username = 'system:serviceaccount:image-factory-kargo:image-factory-spread-looks';
const refresh = 'kargo.akuity.io/refresh';
const token = '2026-11-23T07:00:00Z';

interface Warehouse {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: Readonly<Record<string, unknown>>;
}

const warehouse: Warehouse = {
  metadata: {
    name: 'base-node-22',
    resourceVersion: '7',
    labels: { 'image-factory.dev/slot': '07' },
    annotations: { 'argocd.argoproj.io/sync-wave': '0' },
  },
  spec: {
    interval: '24h0m0s',
    subscriptions: [{ image: { repoURL: 'node', imageSelectionStrategy: 'Digest', constraint: '22' } }],
  },
};

function withMetadata(metadata: Readonly<Record<string, unknown>>): Warehouse {
  return { ...warehouse, metadata: { ...warehouse.metadata, ...metadata } };
}

function asking(annotations: Readonly<Record<string, unknown>> = {}): Warehouse {
  return withMetadata({
    annotations: { 'argocd.argoproj.io/sync-wave': '0', [refresh]: token, ...annotations },
  });
}

function update(
  object: unknown,
  oldObject: unknown = warehouse,
  request: Partial<AdmissionInput['request']> = {},
): AdmissionInput {
  return { request: { operation: 'UPDATE', userInfo: { username }, ...request }, object, oldObject };
}

function without(key: string): Warehouse {
  const { [key]: _, ...metadata } = warehouse.metadata;
  return { ...warehouse, metadata };
}

/** Every way in which an update by the ServiceAccount can differ, and who else is not concerned. */
export const admissionCases: readonly AdmissionCase[] = [
  { about: 'a first request', input: update(asking()) },
  { about: 'a later request', input: update(asking({ [refresh]: '2026-11-25T07:00:00Z' }), asking()) },
  {
    about: 'a request of what has no annotations and labels',
    input: update(
      {
        ...warehouse,
        metadata: { name: 'base-node-22', resourceVersion: '8', annotations: { [refresh]: token } },
      },
      { ...warehouse, metadata: { name: 'base-node-22', resourceVersion: '7' } },
    ),
  },
  {
    about: 'what others own is written too',
    input: update(withMetadata({ ...asking().metadata, managedFields: [{}] })),
  },
  {
    about: 'another interval',
    input: update({ ...asking(), spec: { ...warehouse.spec, interval: '5m0s' } }),
    refused: /watches/,
  },
  {
    about: 'another image',
    input: update({
      ...asking(),
      spec: { ...warehouse.spec, subscriptions: [{ image: { repoURL: 'evil' } }] },
    }),
    refused: /watches/,
  },
  {
    about: 'something more in a subscription',
    input: update({
      ...asking(),
      spec: {
        ...warehouse.spec,
        subscriptions: [
          {
            image: {
              repoURL: 'node',
              imageSelectionStrategy: 'Digest',
              constraint: '22',
              insecureSkipTLSVerify: true,
            },
          },
        ],
      },
    }),
    refused: /watches/,
  },
  { about: 'no spec', input: update({ metadata: asking().metadata }), refused: /watches/ },
  {
    about: 'another label',
    input: update(withMetadata({ ...asking().metadata, labels: { 'image-factory.dev/slot': '08' } })),
    refused: /labels/,
  },
  {
    about: 'a label more',
    input: update(withMetadata({ ...asking().metadata, labels: { 'image-factory.dev/slot': '07', a: 'b' } })),
    refused: /labels/,
  },
  {
    about: 'no labels',
    input: update(withMetadata({ ...asking().metadata, labels: {} })),
    refused: /labels/,
  },
  { about: 'labels for the first time', input: update(asking(), without('labels')), refused: /labels/ },
  {
    about: 'an annotation more',
    input: update(asking({ 'kargo.akuity.io/shard': 'x' })),
    refused: /other annotation/,
  },
  {
    about: 'another annotation',
    input: update(asking({ 'argocd.argoproj.io/sync-wave': '-90' })),
    refused: /other annotation/,
  },
  {
    about: 'an annotation less',
    input: update(withMetadata({ annotations: { [refresh]: token } })),
    refused: /other annotation/,
  },
  { about: 'a request taken back', input: update(warehouse, asking()), refused: /take a request back/ },
  {
    about: 'all annotations taken away',
    input: update(without('annotations'), asking()),
    refused: /annotation/,
  },
  {
    about: 'a request of any text',
    input: update(asking({ [refresh]: 'x'.repeat(1000) })),
    refused: /of an hour/,
  },
  {
    about: 'a request of two lines',
    input: update(asking({ [refresh]: `${token}\nx` })),
    refused: /of an hour/,
  },
  {
    about: 'a finalizer',
    input: update(withMetadata({ ...asking().metadata, finalizers: ['a/b'] })),
    refused: /finalizers/,
  },
  {
    about: 'a finalizer less',
    input: update(asking(), withMetadata({ finalizers: ['a/b'] })),
    refused: /finalizers/,
  },
  {
    about: 'an owner',
    input: update(withMetadata({ ...asking().metadata, ownerReferences: [{ kind: 'Pod', name: 'x' }] })),
    refused: /owners/,
  },
  {
    about: 'a new Warehouse',
    input: update(asking(), null, { operation: 'CREATE' }),
    refused: /neither make/,
  },
  {
    about: 'a Warehouse less',
    input: update(null, warehouse, { operation: 'DELETE' }),
    refused: /neither make/,
  },
  { about: 'its status', input: update(asking(), warehouse, { subResource: 'status' }), refused: /status/ },
  {
    about: 'anything by Kargo',
    input: update(warehouse, asking(), {
      userInfo: { username: 'system:serviceaccount:kargo:kargo-controller' },
    }),
  },
  {
    about: 'anything by a person',
    input: update(null, warehouse, { operation: 'DELETE', userInfo: { username: 'kim' } }),
  },
  {
    about: 'a finalizer, with the account in another namespace',
    input: update(withMetadata({ ...asking().metadata, finalizers: ['a/b'] }), warehouse, {
      userInfo: { username: 'system:serviceaccount:elsewhere:image-factory-spread-looks' },
    }),
    refused: /finalizers/,
  },
];
