import { anything, listOf, object, oneOf, text, textMap } from '../shape.ts';
import { labelSelector } from './selector.ts';

/** What pushes: by type. The CRD allows no other target than Warehouses, whatever Kargo's pages say. */

const secretRef = object({}, { name: text });
const plain = object({}, { secretRef });

const target = object(
  { kind: oneOf('Warehouse') },
  {
    name: text,
    labelSelector,
    indexSelector: object(
      {},
      {
        matchIndices: listOf(
          object({
            key: oneOf('subscribedURLs', 'receiverPaths'),
            operator: oneOf('Equals', 'NotEquals'),
            value: text,
          }),
          1,
        ),
      },
    ),
  },
);

const action = object(
  { action: oneOf('Refresh') },
  { whenExpression: text, parameters: textMap, targetSelectionCriteria: listOf(target, 1) },
);

export const receiverTypes = {
  artifactory: object({}, { secretRef, virtualRepoName: text }),
  azure: plain,
  bitbucket: plain,
  dockerhub: plain,
  generic: object({}, { secretRef, actions: listOf(action, 1) }),
  gitea: plain,
  github: plain,
  gitlab: plain,
  harbor: plain,
  quay: plain,
} as const;

export const receivers = listOf(object({}, { name: anything, ...receiverTypes }));
