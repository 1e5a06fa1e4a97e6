import type { KargoReceiver } from '@image-factory/core/enrolment/kargo-settings.ts';
import { kargoApiVersion, kargoKeys } from '../manifests/manifest.ts';
import type { ProjectConfigManifest, ProjectManifest } from '../manifests/project.ts';
import type { WebhookReceiver } from '../manifests/webhook-receiver.ts';
import type { SynthContext } from './context.ts';
import { marksOf, metaOf } from './meta.ts';

/** The Project keeps its namespace when it goes: the credentials in it are not ours to delete. */
export function project({ kargo }: SynthContext): ProjectManifest {
  const marks = marksOf({ wave: 'project' });
  return {
    apiVersion: kargoApiVersion,
    kind: 'Project',
    metadata: {
      name: kargo.namespace,
      labels: marks.labels,
      annotations: { ...marks.annotations, [kargoKeys.keepNamespace]: 'true' },
    },
  };
}

/** Our Stages promote by themselves: what they promote was decided before it became Freight. */
export function projectConfig({ kargo }: SynthContext): ProjectConfigManifest {
  return {
    apiVersion: kargoApiVersion,
    kind: 'ProjectConfig',
    metadata: metaOf(kargo.namespace, kargo.namespace, { wave: 'projectConfig' }),
    spec: {
      promotionPolicies: [
        {
          stageSelector: { name: 'regex:^(analyze-dockerfile|observe|rebuild|update)-.+$' },
          autoPromotionEnabled: true,
        },
      ],
      ...(kargo.receivers.length > 0 ? { webhookReceivers: kargo.receivers.map(receiver) } : {}),
    },
  };
}

function receiver({ type, name, secret }: KargoReceiver): WebhookReceiver {
  const secretRef = { name: secret };
  if (type !== 'generic') return { name, [type]: { secretRef } } as WebhookReceiver;
  return {
    name,
    generic: {
      secretRef,
      actions: [
        {
          action: 'Refresh',
          whenExpression: 'request.body?.image != nil',
          targetSelectionCriteria: [
            {
              kind: 'Warehouse',
              indexSelector: {
                matchIndices: [
                  {
                    key: 'subscribedURLs',
                    operator: 'Equals',
                    value: '${{ normalizeImage(request.body.image) }}',
                  },
                ],
              },
            },
          ],
        },
      ],
    },
  };
}
