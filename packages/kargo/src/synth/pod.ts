import type {
  Container,
  EnvironmentVariable,
  PodSpec,
  PodTemplate,
  Toleration,
  Volume,
} from '../manifests/pod.ts';
import type { SynthContext } from './context.ts';
import { podLabels } from './meta.ts';

const nobody = 65_532;
const registryFolder = '/var/run/secrets/image-factory/registries';

export interface PodOptions {
  readonly component: 'analyze' | 'observe' | 'decide' | 'server';
  /** The command and its own flags. */
  readonly args: readonly string[];
  readonly tokens: readonly ('github' | 'gitlab')[];
  readonly restartPolicy: PodSpec['restartPolicy'];
  /** Beyond what every pod of ours has. */
  readonly env?: readonly EnvironmentVariable[];
  readonly mounts?: NonNullable<Container['volumeMounts']>;
  readonly volumes?: readonly Volume[];
  readonly container?: Pick<
    Container,
    'envFrom' | 'ports' | 'startupProbe' | 'readinessProbe' | 'livenessProbe'
  >;
  readonly pod?: Pick<PodSpec, 'terminationGracePeriodSeconds' | 'topologySpreadConstraints'>;
}

/** Our image on the factory directory in git: not root, nothing writable but /tmp, no token of the cluster. */
export function podTemplate(context: SynthContext, options: PodOptions): PodTemplate {
  const { component, args, tokens } = options;
  const { kargo } = context;
  const { registries } = kargo.secrets;
  const volumes: Volume[] = [{ name: 'tmp', emptyDir: { sizeLimit: '2Gi' } }];
  if (registries !== undefined)
    volumes.push({
      name: 'registries',
      secret: {
        secretName: registries,
        defaultMode: 0o440,
        items: [{ key: '.dockerconfigjson', path: 'config.json' }],
      },
    });
  volumes.push(...(options.volumes ?? []));
  return {
    metadata: { labels: podLabels(component) },
    spec: {
      serviceAccountName: kargo.serviceAccount,
      ...(kargo.imagePullSecrets.length > 0
        ? { imagePullSecrets: kargo.imagePullSecrets.map((name) => ({ name })) }
        : {}),
      automountServiceAccountToken: false,
      restartPolicy: options.restartPolicy,
      ...options.pod,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: nobody,
        runAsGroup: nobody,
        fsGroup: nobody,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(Object.keys(kargo.nodeSelector).length > 0 ? { nodeSelector: sorted(kargo.nodeSelector) } : {}),
      ...(kargo.tolerations.length > 0 ? { tolerations: kargo.tolerations.map(tolerationOf) } : {}),
      containers: [
        {
          name: component,
          image: context.jobImage,
          imagePullPolicy: 'IfNotPresent',
          args: [...args, ...whereFlags(context)],
          env: [...environment(context, tokens), ...(options.env ?? [])],
          ...options.container,
          resources: {
            requests: sorted(kargo.resources.requests),
            limits: sorted(kargo.resources.limits),
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'tmp', mountPath: '/tmp' },
            ...(registries === undefined
              ? []
              : [{ name: 'registries', mountPath: registryFolder, readOnly: true }]),
            ...(options.mounts ?? []),
          ],
        },
      ],
      volumes,
    },
  };
}

/** Where the factory directory is. `=` keeps a value that begins with a dash from being taken for a flag. */
function whereFlags({ repository, kargo }: SynthContext): readonly string[] {
  return [
    `--git-repo=${repository}`,
    `--git-branch=${kargo.branch}`,
    `--image-factory-dir=${kargo.directory}`,
  ];
}

/** The token of git under the name that `state.tokenEnv` says, and under the usual one. */
const gitTokenVariable = 'FACTORY_GIT_TOKEN';

function environment(
  { kargo, tokenVariable }: SynthContext,
  tokens: PodOptions['tokens'],
): readonly EnvironmentVariable[] {
  const secret = (name: string, of: string, key: string): EnvironmentVariable => ({
    name,
    valueFrom: { secretKeyRef: { name: of, key } },
  });
  const forges = { github: 'GITHUB_TOKEN', gitlab: 'GITLAB_TOKEN' } as const;
  return [
    { name: 'HOME', value: '/tmp' },
    { name: 'IMAGE_FACTORY_CACHE_DIR', value: '/tmp/cache' },
    ...(kargo.secrets.registries === undefined ? [] : [{ name: 'DOCKER_CONFIG', value: registryFolder }]),
    ...[...new Set([gitTokenVariable, tokenVariable])].map((name) =>
      secret(name, kargo.secrets.git, 'password'),
    ),
    ...tokens
      .filter((forge) => forges[forge] !== tokenVariable)
      .map((forge) => secret(forges[forge], kargo.secrets[forge], 'token')),
  ];
}

function tolerationOf({
  key,
  operator,
  value,
  effect,
}: SynthContext['kargo']['tolerations'][number]): Toleration {
  return {
    ...(key === undefined ? {} : { key }),
    operator,
    ...(value === undefined ? {} : { value }),
    ...(effect === undefined ? {} : { effect }),
  };
}

function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
