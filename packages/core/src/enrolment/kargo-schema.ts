import { z } from 'zod';
import { receiverTypes } from './kargo-settings.ts';
import { duration, flag, oneOf, text } from './schema-parts.ts';

const secretName = 'name of a Secret';

function quantities(description: string, examples: readonly unknown[]) {
  return z
    .record(z.string(), z.union([z.string(), z.number()]))
    .meta({ title: 'name: quantity', description, examples })
    .optional();
}

const intervals = z
  .strictObject({
    images: duration({ description: 'At the images that you build.', default: '5m' }),
    source: duration({ description: 'At the repositories that they are built from.', default: '5m' }),
    bases: duration({
      description: 'At base images and external images, where `registries` sets no `minInterval`.',
      default: '24h',
    }),
    intents: duration({ description: 'At the branch of the state, for rebuilds to start.', default: '5m' }),
  })
  .meta({
    description: 'How often Kargo looks. It looks every five minutes at most, unless installed otherwise.',
  });

const secrets = z
  .strictObject({
    git: text({
      title: secretName,
      description: 'With `username` and `password`, for the repositories of the factory and its state.',
      default: 'image-factory-git',
    }),
    github: text({
      title: secretName,
      description: "With `token`, for GitHub's API.",
      default: 'github-token',
    }),
    gitlab: text({
      title: secretName,
      description: "With `token`, for GitLab's API.",
      default: 'gitlab-token',
    }),
    server: text({
      title: secretName,
      description: 'With `token`, for the running Image Factory that `server` names.',
      default: 'image-factory-server',
    }),
    ci: text({
      title: secretName,
      description:
        'With one key for each environment variable that the server of the cluster needs for CI systems, such as `GITHUB_TOKEN`.',
      default: 'image-factory-ci',
    }),
    registries: text({
      title: secretName,
      description: 'Of type `kubernetes.io/dockerconfigjson`, for private registries. Default: none.',
      examples: ['registry-credentials'],
    }),
  })
  .meta({
    description: 'Secrets of the namespace that the generated resources name. They are yours to make.',
  });

const receiver = z.strictObject({
  type: oneOf(receiverTypes, { description: 'Who calls.' }),
  name: text({ description: 'Name of the receiver.', examples: ['ghcr'] }),
  secret: text({ title: secretName, description: 'What its address and authentication come from.' }),
});

const toleration = z.strictObject({
  key: text({ description: 'Key of the taint.' }),
  operator: oneOf(['Equal', 'Exists'], { description: 'How it is compared.', default: 'Equal' }),
  value: text({ description: 'Value of the taint.' }),
  effect: oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], {
    description: 'Effect of the taint. Default: all.',
  }),
});

export const kargoShape = z
  .strictObject({
    namespace: text({ description: 'Namespace and Kargo project.', default: 'image-factory-kargo' }),
    image: text({
      title: 'image with digest',
      description: 'Container image of Image Factory that the Jobs run; `synth` needs it.',
      examples: [`registry.example.com/image-factory@sha256:${'0'.repeat(64)}`],
    }),
    repository: text({
      title: 'URL',
      description: 'Repository that holds the factory directory. Default: `state.remote`.',
      examples: ['https://github.com/acme/factory.git'],
    }),
    branch: text({ description: 'Its branch.', default: 'main' }),
    directory: text({ title: 'path', description: 'The factory directory in it.', default: '.' }),
    server: text({
      title: 'URL',
      description:
        'Address of a running `image-factory serve` that starts the runs when Kargo asks it, with credentials that only it has. At `http://NAME.NAMESPACE.svc:PORT` in the namespace, `synth` generates it too. Default: Kargo asks GitHub and GitLab itself; other providers need the server.',
      examples: ['https://image-factory.example.com'],
    }),
    schedule: text({
      title: 'cron expression',
      description: 'When the Job runs that decides what is due; a time zone may go in front (`CRON_TZ=`).',
      default: '*/15 * * * *',
    }),
    intervals: intervals.optional(),
    secrets: secrets.optional(),
    imagePullSecrets: z
      .array(text({ title: secretName, description: 'One of them.' }))
      .meta({
        title: 'list of Secrets',
        description:
          'Secrets of type `kubernetes.io/dockerconfigjson` with which the nodes pull `image`, where its registry wants an account.',
        default: [],
        examples: [['image-factory-pull']],
      })
      .optional(),
    serviceAccount: text({ description: 'ServiceAccount of the Jobs.', default: 'image-factory' }),
    resources: z
      .strictObject({
        requests: quantities('What each Job asks for.', [{ cpu: '100m', memory: '256Mi' }]),
        limits: quantities('What each Job may take.', [{ cpu: '1', memory: '1Gi' }]),
      })
      .meta({ description: 'Resources of the Jobs.' })
      .optional(),
    receivers: z
      .array(receiver)
      .meta({
        description: 'Webhook receivers: registries and forges that tell Kargo of a push.',
        default: [],
      })
      .optional(),
    nodeSelector: z
      .record(z.string(), z.string())
      .meta({ title: 'label: value', description: 'Nodes that the Jobs may run on.' })
      .optional(),
    tolerations: z
      .array(toleration)
      .meta({ description: 'Taints that the Jobs tolerate.', default: [] })
      .optional(),
    partialClone: flag({
      description: 'Let Kargo clone without file contents. Set false where the git server cannot do that.',
      default: true,
    }),
  })
  .meta({ description: 'The Kargo engine: what `image-factory synth` needs to know.' });

export type KargoShape = z.infer<typeof kargoShape>;
