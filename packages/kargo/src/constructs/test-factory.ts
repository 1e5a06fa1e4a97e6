import { App, Chart } from 'cdk8s';
import { hour, minute } from '@image-factory/core/time.ts';
import { kargoDuration } from '../manifests/duration.ts';
import type { PodTemplate } from '../manifests/pod.ts';
import {
  ConfigMap,
  CronJob,
  ExternalSecret,
  Job,
  Namespace,
  NetworkPolicy,
  Role,
  RoleBinding,
  Secret,
  ServiceAccount,
} from './core-constructs.ts';
import {
  AnalysisTemplate,
  ClusterConfig,
  Project,
  ProjectConfig,
  PromotionTask,
  Stage,
  Warehouse,
} from './kargo-constructs.ts';
import { Deployment, PodDisruptionBudget, Service } from './workload-constructs.ts';

const repoURL = 'ghcr.io/acme/web';
const gitUrl = 'https://github.com/acme/platform.git';

const pod: PodTemplate = {
  spec: {
    serviceAccountName: 'analyze',
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'analyze',
        image: 'ghcr.io/acme/image-factory@sha256:0',
        args: ['analyze', '--image', '{{args.image}}'],
        env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'git', key: 'token' } } }],
        resources: { requests: { cpu: '50m' }, limits: { memory: '256Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
  },
};

/** One construct of each kind and most of their fields, as a team would write them in an app of its own. */
export function everyConstruct(): App {
  const app = new App();
  const chart = new Chart(app, 'factory', { namespace: 'factory', disableResourceNameHashes: true });
  addProject(chart);
  addWarehouses(chart);
  addStages(chart);
  addJobs(chart);
  return app;
}

function addProject(chart: Chart): void {
  const secretRef = { name: 'hook' };
  new Namespace(chart, 'namespace', {
    metadata: { name: 'factory', labels: { 'kargo.akuity.io/project': 'true' } },
  });
  new Project(chart, 'project', { metadata: { name: 'factory' } });
  new ClusterConfig(chart, 'cluster', {
    spec: { webhookReceivers: [{ name: 'hub', dockerhub: { secretRef } }] },
  });
  new ProjectConfig(chart, 'config', {
    spec: {
      promotionPolicies: [{ stageSelector: { name: 'glob:rebuild-*' }, autoPromotionEnabled: true }],
      webhookReceivers: [
        { name: 'artifactory', artifactory: { secretRef, virtualRepoName: 'docker' } },
        { name: 'azure', azure: { secretRef } },
        { name: 'bitbucket', bitbucket: { secretRef } },
        { name: 'dockerhub', dockerhub: { secretRef } },
        { name: 'gitea', gitea: { secretRef } },
        { name: 'github', github: { secretRef } },
        { name: 'gitlab', gitlab: { secretRef } },
        { name: 'harbor', harbor: { secretRef } },
        { name: 'quay', quay: { secretRef } },
        {
          name: 'generic',
          generic: {
            secretRef,
            actions: [
              {
                action: 'Refresh',
                whenExpression: "request.header('X-Event') == 'push'",
                targetSelectionCriteria: [
                  {
                    kind: 'Warehouse',
                    indexSelector: {
                      matchIndices: [{ key: 'subscribedURLs', operator: 'Equals', value: repoURL }],
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
      stageLinks: [{ title: 'Source', url: 'https://github.com/acme/platform' }],
    },
  });
  new Secret(chart, 'credentials', {
    metadata: { labels: { 'kargo.akuity.io/cred-type': 'git' } },
    stringData: { repoURL: gitUrl, username: 'factory' },
  });
  new ExternalSecret(chart, 'fetched', {
    spec: {
      refreshInterval: '1h0m0s',
      secretStoreRef: { name: 'vault', kind: 'SecretStore' },
      target: {
        name: 'registry',
        template: {
          metadata: { labels: { 'kargo.akuity.io/cred-type': 'image' } },
          data: { repoURL, password: '{{ .password }}' },
        },
      },
      data: [{ secretKey: 'password', remoteRef: { key: 'registry', property: 'token' } }],
    },
  });
}

function addWarehouses(chart: Chart): void {
  new Warehouse(chart, 'images', {
    metadata: { name: 'web', labels: { 'image-factory.dev/image': 'web' } },
    spec: {
      interval: kargoDuration(24 * hour),
      freightCreationPolicy: 'Automatic',
      freightCreationCriteria: { expression: `imageFrom('${repoURL}').Tag != ''` },
      subscriptions: [
        { image: { repoURL, constraint: '^1.2', strictSemvers: true, discoveryLimit: 1 } },
        { image: { repoURL: 'postgres', imageSelectionStrategy: 'Digest', constraint: '16' } },
        {
          image: {
            repoURL: 'redis',
            imageSelectionStrategy: 'Lexical',
            allowTagsRegexes: ['^7\\.[0-9]+$'],
            ignoreTagsRegexes: ['^sha256-'],
            cacheByTag: true,
          },
        },
      ],
    },
  });
  new Warehouse(chart, 'intents', {
    metadata: { name: 'intents' },
    spec: {
      interval: kargoDuration(5 * minute),
      subscriptions: [
        { git: { repoURL: gitUrl, branch: 'main', includePaths: ['state/intents'], discoveryLimit: 1 } },
      ],
    },
  });
}

function addStages(chart: Chart): void {
  new PromotionTask(chart, 'task', {
    metadata: { name: 'trigger' },
    spec: {
      vars: [{ name: 'url' }, { name: 'ref', value: 'main' }],
      steps: [
        {
          uses: 'http',
          as: 'post',
          config: {
            url: '${{ vars.url }}',
            method: 'POST',
            headers: [{ name: 'Authorization', value: "Bearer ${{ secret('ci').token }}" }],
            body: '{"ref": "${{ vars.ref }}", "key": "${{ ctx.promotion }}"}',
            successExpression: 'response.status < 400',
            failureExpression: '!(response.status < 400)',
            outputs: [{ name: 'id', fromExpression: 'response.body.id' }],
          },
        },
        {
          uses: 'http',
          retry: { timeout: kargoDuration(hour) },
          config: {
            url: "${{ vars.url }}/${{ task.outputs['post'].id }}",
            successExpression: "response.body.status == 'completed'",
            failureExpression: 'response.status == 404',
            pollInterval: kargoDuration(minute),
          },
        },
      ],
    },
  });
  new Stage(chart, 'rebuild', {
    metadata: { name: 'rebuild-web' },
    spec: {
      requestedFreight: [{ origin: { kind: 'Warehouse', name: 'intents' }, sources: { direct: true } }],
      vars: [{ name: 'repo', value: gitUrl }],
      promotionTemplate: {
        spec: {
          steps: [
            {
              task: { name: 'trigger' },
              as: 'trigger',
              vars: [{ name: 'url', value: 'https://ci.example' }],
            },
            {
              uses: 'git-clone',
              config: { repoURL: '${{ vars.repo }}', checkout: [{ path: './src', branch: 'main' }] },
            },
            {
              uses: 'git-commit',
              as: 'commit',
              if: '${{ success() }}',
              config: { path: './src', message: 'Intent' },
            },
            { uses: 'git-push', config: { path: './src' } },
          ],
        },
      },
      verification: { analysisTemplates: [{ name: 'analyze' }], args: [{ name: 'image', value: 'web' }] },
    },
  });
  new Stage(chart, 'after', {
    metadata: { name: 'analyzed' },
    spec: {
      requestedFreight: [
        {
          origin: { kind: 'Warehouse', name: 'intents' },
          sources: {
            stages: ['rebuild-web'],
            requiredSoakTime: kargoDuration(168 * hour),
            autoPromotionOptions: { selectionPolicy: 'MatchUpstream' },
          },
        },
      ],
    },
  });
}

function addJobs(chart: Chart): void {
  new AnalysisTemplate(chart, 'analyze', {
    metadata: { name: 'analyze' },
    spec: {
      args: [{ name: 'image' }],
      metrics: [{ name: 'analyze', provider: { job: { spec: { backoffLimit: 1, template: pod } } } }],
    },
  });
  new ServiceAccount(chart, 'account', {
    metadata: { name: 'analyze' },
    automountServiceAccountToken: false,
  });
  new Role(chart, 'role', {
    rules: [{ apiGroups: ['kargo.akuity.io'], resources: ['warehouses'], verbs: ['get', 'patch'] }],
  });
  new RoleBinding(chart, 'binding', {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'factory-role' },
    subjects: [{ kind: 'ServiceAccount', name: 'analyze', namespace: 'factory' }],
  });
  new NetworkPolicy(chart, 'network', {
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ ports: [{ protocol: 'TCP', port: 443 }] }],
    },
  });
  new ConfigMap(chart, 'settings', { data: { 'factory.yaml': 'engine: kargo\n' } });
  new Job(chart, 'job', { spec: { backoffLimit: 0, template: pod } });
  new CronJob(chart, 'plan', {
    spec: { schedule: '0 * * * *', concurrencyPolicy: 'Forbid', jobTemplate: { spec: { template: pod } } },
  });
  const matchLabels = { app: 'server' };
  new Service(chart, 'service', {
    metadata: { name: 'server' },
    spec: { selector: matchLabels, ports: [{ name: 'http', port: 80, targetPort: 8480 }] },
  });
  new PodDisruptionBudget(chart, 'budget', {
    spec: { maxUnavailable: 1, selector: { matchLabels } },
  });
  new Deployment(chart, 'server', {
    spec: {
      selector: { matchLabels },
      template: { metadata: { labels: matchLabels }, spec: { ...pod.spec, restartPolicy: 'Always' } },
    },
  });
}
