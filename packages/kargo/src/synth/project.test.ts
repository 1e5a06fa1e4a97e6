import { receiverTypes } from '@image-factory/core/enrolment/kargo-settings.ts';
import { stateOf } from '@image-factory/testing/records.ts';
import { expect, test } from 'vitest';
import { receiverSecretKeys } from '../manifests/webhook-receiver.ts';
import { crdMistakes, crdsMissing, crdValidators } from '../test-crds.ts';
import { validateManifests } from '../validate/validate-manifests.ts';
import { kargoSettings, synthesize } from './test-factory.ts';

const receivers = receiverTypes.map((type) => ({ type, name: `from-${type}`, secret: `${type}-webhook` }));
const { manifests } = synthesize([], stateOf(), { kargo: { ...kargoSettings().kargo, receivers } });

test('receivers of every type that Kargo has are accepted', ({ skip }) => {
  expect(receiverTypes.toSorted()).toEqual(Object.keys(receiverSecretKeys).toSorted());
  expect(validateManifests(manifests)).toEqual([]);
  const config = manifests.find(({ kind }) => kind === 'ProjectConfig');
  expect(config).toMatchObject({ spec: { webhookReceivers: receivers.map(({ name }) => ({ name })) } });
  if (crdsMissing !== undefined) skip(crdsMissing);
  const validators = crdValidators();
  expect(manifests.flatMap((each) => crdMistakes(validators, each) ?? [])).toEqual([]);
});
