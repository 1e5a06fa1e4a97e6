import { minute, type Duration } from '@image-factory/core/time.ts';
import type { AnalysisTemplateManifest } from '../manifests/analysis-template.ts';
import { kargoDuration } from '../manifests/duration.ts';
import { kargoApiVersion, rolloutsApiVersion } from '../manifests/manifest.ts';
import type { ProjectConfigManifest, PromotionTaskManifest } from '../manifests/project.ts';
import type { FreightSources, StageManifest, Verification } from '../manifests/stage.ts';
import type { PromotionStep, UsesStep } from '../manifests/step.ts';
import type { Subscription, WarehouseManifest } from '../manifests/warehouse.ts';

const namespace = 'test';

export function warehouse(
  name: string,
  subscriptions: readonly Subscription[],
  interval: Duration = 10 * minute,
): WarehouseManifest {
  return {
    apiVersion: kargoApiVersion,
    kind: 'Warehouse',
    metadata: { name, namespace },
    spec: {
      interval: kargoDuration(interval),
      subscriptions: subscriptions as WarehouseManifest['spec']['subscriptions'],
    },
  };
}

export function digestOf(repoURL: string, tag = '1'): Subscription {
  return { image: { repoURL, imageSelectionStrategy: 'Digest', constraint: tag } };
}

export interface StageParts {
  readonly from: readonly string[];
  readonly sources?: FreightSources;
  readonly steps?: readonly PromotionStep[];
  readonly verification?: Verification;
}

export function stage(name: string, { from, sources, steps, verification }: StageParts): StageManifest {
  const requests = from.map((origin) => ({
    origin: { kind: 'Warehouse' as const, name: origin },
    sources: sources ?? ({ direct: true } as const),
  }));
  return {
    apiVersion: kargoApiVersion,
    kind: 'Stage',
    metadata: { name, namespace },
    spec: {
      requestedFreight: requests as unknown as StageManifest['spec']['requestedFreight'],
      ...(steps === undefined
        ? {}
        : { promotionTemplate: { spec: { steps: steps as readonly [PromotionStep, ...PromotionStep[]] } } }),
      ...(verification === undefined ? {} : { verification }),
    },
  };
}

export function task(
  name: string,
  vars: readonly string[],
  steps: readonly UsesStep[],
): PromotionTaskManifest {
  return {
    apiVersion: kargoApiVersion,
    kind: 'PromotionTask',
    metadata: { name, namespace },
    spec: { vars: vars.map((each) => ({ name: each })), steps: steps as readonly [UsesStep, ...UsesStep[]] },
  };
}

export function template(
  name: string,
  args: readonly string[],
  containerArgs: readonly string[],
): AnalysisTemplateManifest {
  return {
    apiVersion: rolloutsApiVersion,
    kind: 'AnalysisTemplate',
    metadata: { name, namespace },
    spec: {
      args: args.map((each) => ({ name: each })),
      metrics: [
        {
          name,
          provider: {
            job: {
              spec: {
                template: {
                  spec: {
                    serviceAccountName: 'x',
                    restartPolicy: 'Never',
                    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
                    containers: [
                      {
                        name: 'x',
                        image: 'x',
                        args: containerArgs,
                        resources: { requests: {}, limits: {} },
                        securityContext: {
                          allowPrivilegeEscalation: false,
                          readOnlyRootFilesystem: true,
                          capabilities: { drop: ['ALL'] },
                        },
                      },
                    ],
                  },
                },
              },
            },
          },
        },
      ],
    },
  };
}

/** Auto-promotion for every Stage of this name or pattern. */
export function policies(...names: readonly string[]): ProjectConfigManifest {
  return {
    apiVersion: kargoApiVersion,
    kind: 'ProjectConfig',
    metadata: { name: namespace, namespace },
    spec: {
      promotionPolicies: names.map((name) => ({ stageSelector: { name }, autoPromotionEnabled: true })),
    },
  };
}
