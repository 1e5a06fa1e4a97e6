import type { RuleName } from './rules.ts';

/** Manifests to break in one place: each is good as it stands. */
export type Loose = Record<string, unknown>;

export const namespace = 'factory';

export function warehouse(subscriptions: unknown, spec: Loose = {}, name = 'web'): Loose {
  return {
    apiVersion: 'kargo.akuity.io/v1alpha1',
    kind: 'Warehouse',
    metadata: { name, namespace },
    spec: { interval: '5m0s', subscriptions, ...spec },
  };
}

export const repoURL = 'ghcr.io/acme/web';

export function image(subscription: Loose): Loose {
  return warehouse([{ image: { repoURL, ...subscription } }]);
}

export function byTag(subscription: Loose): Loose {
  return image({
    imageSelectionStrategy: 'NewestBuild',
    allowTagsRegexes: ['^\\d+$'],
    ignoreTagsRegexes: ['^sha256-'],
    ...subscription,
  });
}

export const gitUrl = 'https://github.com/acme/platform.git';

export function git(subscription: Loose): Loose {
  return warehouse([{ git: { repoURL: gitUrl, ...subscription } }]);
}

export const request = { origin: { kind: 'Warehouse', name: 'web' }, sources: { direct: true } };

export function stage(spec: Loose, name = 'rebuild-web'): Loose {
  return {
    apiVersion: 'kargo.akuity.io/v1alpha1',
    kind: 'Stage',
    metadata: { name, namespace },
    spec: { requestedFreight: [request], ...spec },
  };
}

export function sources(given: Loose): Loose {
  return stage({ requestedFreight: [{ ...request, sources: given }] });
}

export function steps(...list: readonly unknown[]): Loose {
  return stage({ promotionTemplate: { spec: { steps: list } } });
}

export function step(uses: string, config: Loose, rest: Loose = {}): Loose {
  return steps({ uses, config, ...rest });
}

export function http(config: Loose, rest: Loose = {}): Loose {
  return step(
    'http',
    {
      url: 'https://ci.example',
      successExpression: 'response.status < 400',
      failureExpression: '!(response.status < 400)',
      ...config,
    },
    rest,
  );
}

export function task(spec: Loose, name = 'open'): Loose {
  return {
    apiVersion: 'kargo.akuity.io/v1alpha1',
    kind: 'PromotionTask',
    metadata: { name, namespace },
    spec: { steps: [{ uses: 'fail', config: { message: 'no' } }], ...spec },
  };
}

export function verification(given: Loose): Loose {
  return stage({ verification: { analysisTemplates: [{ name: 'analyze' }], ...given } });
}

const job = { spec: { template: { spec: { containers: [] } } } };

export function metric(given: Loose): Loose {
  return { name: 'analyze', provider: { job }, ...given };
}

export function template(spec: Loose, name = 'analyze'): Loose {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: { name, namespace },
    spec: { metrics: [metric({})], ...spec },
  };
}

export function projectConfig(spec: Loose, name = namespace): Loose {
  return {
    apiVersion: 'kargo.akuity.io/v1alpha1',
    kind: 'ProjectConfig',
    metadata: { name, namespace },
    spec,
  };
}

export function receiver(given: Loose): Loose {
  return projectConfig({ webhookReceivers: [given] });
}

export function secret(type: string, stringData: Loose, name = 'registry'): Loose {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'kargo.akuity.io/cred-type': type } },
    stringData,
  };
}

/** Replaces or adds metadata. */
export function named(manifest: Loose, metadata: Loose): Loose {
  return { ...manifest, metadata: { ...(manifest['metadata'] as Loose), ...metadata } };
}

/** A rule; manifests that it alone refuses, and once; and the same mended. */
export type Case = readonly [rule: RuleName, broken: unknown, mended: unknown];
