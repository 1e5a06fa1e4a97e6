import { listOf, object, oneOf, textMap, texts, word } from '../shape.ts';

/** How Kubernetes selects by labels. */
export const labelSelector = object(
  {},
  {
    matchLabels: textMap,
    matchExpressions: listOf(
      object({ key: word, operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist') }, { values: texts }),
    ),
  },
);
