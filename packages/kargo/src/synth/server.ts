import type {
  DeploymentManifest,
  PodDisruptionBudgetManifest,
  ServiceManifest,
} from '../manifests/workload.ts';
import type { SynthContext } from './context.ts';
import { metaOf, podLabels } from './meta.ts';
import { serverTokenFile, type OwnServer } from './own-server.ts';
import { podTemplate, type PodOptions } from './pod.ts';

const listenPort = 8480;
/** The cycle in progress ends in order: a git command may take two minutes, then requests ten seconds. */
const graceSeconds = 150;
const tokenFolder = serverTokenFile.slice(0, serverTokenFile.lastIndexOf('/'));
const tokenFile = serverTokenFile.slice(tokenFolder.length + 1);

/** `image-factory serve` in the cluster, where `kargo.server` names a Service of the namespace; else nothing. */
export function serverManifests(
  context: SynthContext,
): readonly (DeploymentManifest | ServiceManifest | PodDisruptionBudgetManifest)[] {
  const { ownServer, kargo } = context;
  if (!ownServer) return [];
  const { name, port } = ownServer;
  const metadata = metaOf(kargo.namespace, name, { wave: 'jobs', component: 'server' });
  const selector = podLabels('server');
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        selector,
        // Its 503 has Kargo ask again; a connection that is refused is an error, and ten of them end the promotion.
        publishNotReadyAddresses: true,
        ports: [{ name: 'http', port, targetPort: 'http', protocol: 'TCP' }],
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: {
        maxUnavailable: 1,
        // One that cannot work, as while git is away, must not hold up the drain of its node.
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: selector },
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        // Several are safe: one takes an intent up, by a commit (docs/decisions/0010-server.md).
        replicas: 2,
        selector: { matchLabels: selector },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        revisionHistoryLimit: 3,
        template: podTemplate(context, podOf(context, ownServer)),
      },
    },
  ];
}

function podOf({ kargo }: SynthContext, { tokenVariable }: OwnServer): PodOptions {
  const { server: secretName, ci } = kargo.secrets;
  const key = 'token';
  return {
    component: 'server',
    args: ['serve', `--listen=0.0.0.0:${listenPort}`],
    // Those of the Jobs are for reading; the server has its own, by the same names.
    tokens: [],
    restartPolicy: 'Always',
    ...(tokenVariable === undefined
      ? {
          volumes: [
            {
              name: 'server',
              secret: { secretName, defaultMode: 0o440, items: [{ key, path: tokenFile }] },
            },
          ],
          mounts: [{ name: 'server', mountPath: tokenFolder, readOnly: true }],
        }
      : { env: [{ name: tokenVariable, valueFrom: { secretKeyRef: { name: secretName, key } } }] }),
    container: {
      envFrom: [{ secretRef: { name: ci } }],
      ports: [{ name: 'http', containerPort: listenPort, protocol: 'TCP' }],
      // It listens once it has cloned the factory directory.
      startupProbe: probe('/healthz', { periodSeconds: 5, failureThreshold: 60 }),
      readinessProbe: probe('/readyz', { periodSeconds: 10 }),
      // A large state may keep it from answering for a while.
      livenessProbe: probe('/healthz', { periodSeconds: 20, failureThreshold: 6 }),
    },
    pod: {
      terminationGracePeriodSeconds: graceSeconds,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: podLabels('server') },
        },
      ],
    },
  };
}

function probe(path: string, often: { readonly periodSeconds: number; readonly failureThreshold?: number }) {
  return { httpGet: { path, port: 'http' }, timeoutSeconds: 5, ...often };
}
