import type { JobSpec } from '../manifests/job.ts';
import type { EnvironmentVariable, PodTemplate, Toleration, Volume } from '../manifests/pod.ts';
import type { SynthContext } from './context.ts';

const nobody = 65_532;
/** As long as the results of its Job are asked for. */
const keptSeconds = 3600;
const registryFolder = '/var/run/secrets/image-factory/registries';

export interface JobOptions {
  readonly component: 'analyze' | 'observe' | 'decide';
  /** The command and its own flags. */
  readonly args: readonly string[];
  readonly deadlineSeconds: number;
  readonly backoffLimit: number;
  readonly tokens: readonly ('github' | 'gitlab')[];
}

/** One run of our image on the factory directory in git: not root, nothing writable but /tmp, no token of the cluster. */
export function jobSpec(context: SynthContext, options: JobOptions): JobSpec {
  return {
    backoffLimit: options.backoffLimit,
    activeDeadlineSeconds: options.deadlineSeconds,
    ttlSecondsAfterFinished: keptSeconds,
    template: podTemplate(context, options),
  };
}

function podTemplate(context: SynthContext, { component, args, tokens }: JobOptions): PodTemplate {
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
  return {
    metadata: {
      labels: {
        'app.kubernetes.io/component': component,
        'app.kubernetes.io/managed-by': 'image-factory',
        'app.kubernetes.io/part-of': 'image-factory',
      },
    },
    spec: {
      serviceAccountName: kargo.serviceAccount,
      ...(kargo.imagePullSecrets.length > 0
        ? { imagePullSecrets: kargo.imagePullSecrets.map((name) => ({ name })) }
        : {}),
      automountServiceAccountToken: false,
      restartPolicy: 'Never',
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
          env: environment(context, tokens),
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
export const gitTokenVariable = 'FACTORY_GIT_TOKEN';

function environment(
  { kargo, tokenVariable }: SynthContext,
  tokens: JobOptions['tokens'],
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
