import {
  anything,
  count,
  crdDuration,
  flag,
  listOf,
  object,
  oneOf,
  text,
  textMap,
  texts,
  word,
  type Shape,
} from '../shape.ts';
import { kargoApiVersion, rolloutsApiVersion } from '../../manifests/manifest.ts';
import { labelSelector } from './selector.ts';
import { receivers } from './receivers.ts';

/*
 * The kinds of Kargo and of Argo Rollouts as their CRDs have them. What a rule of its own speaks of stands as `anything`.
 * Source: the CRDs of Kargo v1.11.2 and Argo Rollouts v1.9.
 */

const variables = listOf(object({ name: anything }, { value: anything }));

const step = object(
  {},
  {
    uses: text,
    task: object({ name: word }, { kind: oneOf('PromotionTask', 'ClusterPromotionTask') }),
    as: text,
    if: text,
    continueOnError: flag,
    retry: object({}, { timeout: crdDuration, errorThreshold: count }),
    vars: variables,
    config: anything,
  },
);
const steps = listOf(step, 1);

const origin = object({ kind: oneOf('Warehouse'), name: word });

const sources = object(
  {},
  {
    direct: flag,
    stages: texts,
    requiredSoakTime: crdDuration,
    availabilityStrategy: oneOf('All', 'OneOf', ''),
    autoPromotionOptions: object({}, { selectionPolicy: oneOf('NewestFreight', 'MatchUpstream') }),
  },
);

const stage = object(
  { requestedFreight: listOf(object({ origin, sources }), 1) },
  {
    vars: variables,
    shard: text,
    promotionTemplate: object({ spec: object({ steps }, { vars: variables }) }),
    verification: object(
      {},
      {
        analysisTemplates: listOf(
          object({ name: word }, { kind: oneOf('AnalysisTemplate', 'ClusterAnalysisTemplate') }),
        ),
        analysisRunMetadata: object({}, { labels: textMap, annotations: textMap }),
        args: listOf(object({}, { name: anything, value: anything })),
      },
    ),
  },
);

const warehouse = object(
  { subscriptions: listOf({ is: 'map', of: anything }, 1) },
  {
    interval: crdDuration,
    freightCreationPolicy: oneOf('Automatic', 'Manual'),
    freightCreationCriteria: object({}, { expression: text }),
    shard: text,
  },
);

const links = listOf(object({ title: word, url: word }, { description: text, if: text }));

const projectConfig = object(
  {},
  {
    promotionPolicies: listOf(
      object(
        {},
        {
          stage: text,
          stageSelector: object({}, { ...labelSelector.optional, name: text }),
          autoPromotionEnabled: flag,
          autoRollback: object(
            {},
            {
              onPromotion: listOf(oneOf('Failed', 'Errored')),
              onVerification: listOf(oneOf('Failed', 'Error')),
            },
          ),
        },
      ),
    ),
    webhookReceivers: receivers,
    freightLinks: links,
    stageLinks: links,
  },
);

const clusterConfig = object(
  {},
  {
    webhookReceivers: receivers,
    freightLinks: links,
    stageLinks: links,
    gitClient: object({ name: word, email: word }, { signingKeySecret: object({}, { name: text }) }),
  },
);

const promotionTask = object({ steps }, { vars: variables });
const promotion = object({ stage: word }, { freight: text, origin, steps: listOf(step), vars: variables });

const numberOrText: Shape = { is: 'number-or-text' };
const metric = object(
  { name: text, provider: { is: 'map', of: anything, least: 1 } },
  {
    count: numberOrText,
    interval: text,
    initialDelay: text,
    successCondition: text,
    failureCondition: text,
    failureLimit: numberOrText,
    inconclusiveLimit: numberOrText,
    consecutiveErrorLimit: numberOrText,
    consecutiveSuccessLimit: numberOrText,
  },
);
const analysisTemplate = object(
  {},
  {
    args: listOf(object({ name: word }, { value: text, valueFrom: anything })),
    metrics: listOf(metric),
    dryRun: listOf(object({ metricName: text })),
    measurementRetention: listOf(object({ metricName: text, limit: count })),
    templates: listOf(object({}, { templateName: text, clusterScope: flag })),
  },
);

const metadata = anything;

function kind(spec: Shape): Shape {
  return object({ metadata, spec }, { apiVersion: text, kind: text, status: anything });
}

function kindWithOptionalSpec(spec: Shape): Shape {
  return object({ metadata }, { apiVersion: text, kind: text, spec, status: anything });
}

/** Kinds of `kargo.akuity.io/v1alpha1` whose contents are not ours to judge stand as `anything`. */
export const kargoKinds: Readonly<Record<string, Shape>> = {
  ClusterConfig: kindWithOptionalSpec(clusterConfig),
  ClusterPromotionTask: kind(promotionTask),
  Freight: anything,
  Project: kindWithOptionalSpec(anything),
  ProjectConfig: kindWithOptionalSpec(projectConfig),
  Promotion: kind(promotion),
  PromotionTask: kind(promotionTask),
  Stage: kind(stage),
  Warehouse: kind(warehouse),
};

const rolloutsKinds: Readonly<Record<string, Shape>> = {
  AnalysisTemplate: kind(analysisTemplate),
  ClusterAnalysisTemplate: kind(analysisTemplate),
};

export function shapeOfKind(apiVersion: string, kindName: string): Shape | undefined {
  const kinds =
    apiVersion === kargoApiVersion ? kargoKinds : apiVersion === rolloutsApiVersion ? rolloutsKinds : {};
  return Object.hasOwn(kinds, kindName) ? kinds[kindName] : undefined;
}
