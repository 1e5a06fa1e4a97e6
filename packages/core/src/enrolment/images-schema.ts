import { z } from 'zod';
import { duration, flag, oneOf, providers, text, texts } from './schema-parts.ts';

const buildArgs = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .meta({
    title: 'name: value',
    description:
      'Build arguments, used when the Dockerfile is read and handed to the build. Numbers and booleans become text as they are written.',
    examples: [{ NODE_VERSION: '22' }],
  })
  .optional();

const dockerfile = text({
  title: 'path',
  description:
    'Dockerfile, relative to the root of the repository. Default: `Dockerfile` in `context`, or at the root.',
  examples: ['apps/backstage/Dockerfile'],
});
const context = text({
  title: 'path',
  description:
    "Build context, relative to the root of the repository; `.` is the root. Default: the Dockerfile's folder.",
  examples: ['apps/backstage'],
});
const target = text({ description: 'Stage to build. Default: the last one.', examples: ['runtime'] });

const provider = oneOf(providers, {
  description: 'Who builds the image. With `local:` the default is `local`.',
  default: 'github',
});
const branch = text({
  description: "Branch that is built. Default: the repository's default branch.",
  examples: ['main'],
});
const workflow = text({
  description: 'Workflow, pipeline or job that builds the image, as the provider names it.',
  examples: ['backstage.yml'],
});
const repo = text({
  description:
    "Repository with the Dockerfile: `owner/name`, a URL, or a path (relative to the factory directory). `.` is the factory directory's own repository.",
  examples: ['acme/platform', 'https://git.example.com/acme/platform.git', '../platform'],
});

const tag = text({
  description: 'Tag that is built, instead of `branch`.',
  examples: ['v1.2.3'],
});
const commit = text({
  description: 'The whole id of the commit that is built, instead of `branch`.',
  examples: ['0123456789abcdef0123456789abcdef01234567'],
});
const patches = texts({
  title: 'list of paths',
  description:
    'Unified diffs (`.patch`, `.diff`) that are applied to the source in this order before the Dockerfile is read and before the build, for a repository that you do not own. Paths are relative to the factory directory.',
  examples: [['patches/node-22.patch']],
});
const workflowRepo = text({
  description:
    "Repository whose CI builds the image, where that is not `repo`: `owner/name`, a URL, or `.` for the factory directory's own repository, which is the default with `patches` and with `local.dockerfile` beside `repo`.",
  examples: ['acme/builds'],
});
const workflowBranch = text({
  description: 'Branch of `workflowRepo` that has the workflow. Default: its default branch.',
  examples: ['main'],
});

const source = z.strictObject({
  provider,
  repo,
  branch,
  tag,
  commit,
  dockerfile,
  context,
  target,
  buildArgs,
  patches,
  workflow,
  workflowRepo,
  workflowBranch,
});

const local = z.strictObject({ dockerfile, context, target, buildArgs }).meta({
  description:
    "A Dockerfile in the factory directory's own repository, instead of `source.repo`. `source` may still name provider, branch and workflow. With `source.repo` beside it only the Dockerfile comes from here, and the context (`source.context`, by default `.`) is that of `source.repo`.",
});

const schedule = z
  .union([
    z.string(),
    z.strictObject({
      cron: text({
        description: 'Cron expression with five fields, or six with seconds first.',
        examples: ['0 3 * * 1-5'],
      }),
      timeZone: text({
        description: 'Time zone of the expression.',
        default: 'UTC',
        examples: ['Europe/Zurich'],
      }),
    }),
  ])
  .meta({
    title: '`daily`, cron expression, or cron with timeZone',
    description:
      "When ordinary rebuilds start. `daily` is a minute of the day that comes from the image's name; a cron expression may start with `CRON_TZ=Europe/Zurich `.",
    default: 'daily',
    examples: [
      'daily',
      'CRON_TZ=Europe/Zurich 0 3 * * *',
      { cron: '0 3 * * 1-5', timeZone: 'Europe/Zurich' },
    ],
  })
  .optional();

const imageUser = z.strictObject({
  format: oneOf(['kustomize', 'yaml', 'helm'], {
    description: 'What stands there: a kustomization, any YAML file, or values of a Helm chart.',
  }),
  repo: text({
    title: 'repository',
    description:
      "Repository of the user: `owner/name`, an https URL, or `.` for the factory directory's own.",
    examples: ['acme/deploy'],
  }),
  provider: oneOf(['github', 'gitlab', 'gitea', 'forgejo'], {
    description: 'Forge of that repository.',
    default: 'github',
  }),
  branch: text({ description: 'Branch to change.', default: 'main' }),
  paths: texts({
    title: 'list of paths',
    description: 'Folders with a kustomization, or files.',
    examples: [['apps/web/overlays/production']],
  }),
  image: text({
    description:
      'Kustomize: the image as it stands in the kustomization. Default: registry and repository of this one.',
    examples: ['web'],
  }),
  part: oneOf(['tag', 'digest'], { description: 'Kustomize: what is set.', default: 'digest' }),
  keys: z
    .record(z.string(), z.enum(['tag', 'digest', 'reference']))
    .meta({
      title: 'key: part',
      description: 'YAML and Helm: what is written under which key; `reference` is `repository:tag@digest`.',
      examples: [{ 'image.tag': 'tag', 'image.digest': 'digest' }],
    })
    .optional(),
  mode: oneOf(['push', 'pull-request'], {
    description:
      'Push the change, or propose it: one pull request at a time, which is moved on to newer builds.',
    default: 'pull-request',
  }),
});

const versionFile = z.union([
  z.string(),
  z.strictObject({
    path: text({
      title: 'path',
      description: 'The file; its ending says its form.',
      examples: ['pyproject.toml'],
    }),
    key: text({
      title: 'keys',
      description: 'The value that is the version, as keys with dots between them.',
      examples: ['project.version'],
    }),
  }),
]);

/** Keys that an entry and `defaults` share. */
const shared = {
  registry: text({
    title: 'host',
    description:
      'Registry of the image. External images default to `docker.io`; a managed image must name one here or in `repository`.',
    examples: ['ghcr.io', '127.0.0.1:5000'],
  }),
  tags: texts({
    description:
      "Managed: the tags that the image's build moves; another image that is built FROM one of them is rebuilt after this one. External: the one tag to watch, instead of `allowTags`.",
    default: ['latest'],
    examples: [['1', 'latest']],
  }),
  platforms: texts({
    title: 'list of platforms',
    description: 'Platforms that count. Default: every platform that the image has.',
    default: [],
    examples: [['linux/amd64', 'linux/arm64']],
  }),
  imageSelectionStrategy: oneOf(['SemVer', 'Lexical', 'NewestBuild', 'Digest'], {
    description:
      'External images: which of the allowed tags is the newest. `Digest` follows the content of one tag. Default with `tags`: `Digest`.',
    default: 'SemVer',
  }),
  rebuildDelay: duration({
    description:
      'A base digest counts only after it has stood so long. For an image that is itself the base of others the delay applies only where its own entry sets it.',
    default: '7d',
    examples: ['7d', '12h', '1d12h', '0'],
  }),
  rebuildOn: oneOf(['all', 'final'], {
    description: 'Do the bases of builder stages count (`all`), or only that of the final stage (`final`)?',
    default: 'all',
  }),
  autoRebuild: flag({
    description: 'With `false` the image is planned and reported, and never started.',
    default: true,
  }),
  mode: oneOf(['dispatch', 'pull-request'], {
    description:
      'Start a build with pinned digests, or propose the new digest in the Dockerfile by a pull request.',
    default: 'dispatch',
  }),
  pullRequestGroup: text({
    title: 'name',
    description:
      'With `mode: pull-request`: images of one repository and branch that name the same group get one request together. Default: each image gets its own.',
    pattern: '^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$',
    examples: ['web'],
  }),
  versionFiles: oneOf(['request', 'commit'], {
    description:
      'How `versionFile` is written: by one pull request for each repository and branch, or by one commit on that branch.',
    default: 'request',
  }),
  schedule,
  criticality: oneOf(['low', 'normal', 'high'], { description: 'Which images go first.', default: 'normal' }),
  owner: text({ description: 'Who answers for the image; shown in reports.', examples: ['team-portal'] }),
};

export const entryShape = z
  .strictObject({
    name: text({
      title: 'name',
      description:
        'Name of the image in the factory: lower-case letters, digits and dashes, at most 50 characters; unique.',
      pattern: '^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$',
      examples: ['backstage'],
    }),
    repository: text({
      description: 'Repository of the image, with or without the registry in front, without a tag.',
      examples: ['acme/backstage', 'ghcr.io/acme/backstage'],
    }),
    ...shared,
    source: source.meta({ description: 'Where a managed image is built from; needs `repo`.' }).optional(),
    local: local.optional(),
    allowTags: text({
      title: 'regular expression',
      description:
        'External images: the tags to choose from, as a regular expression in the part of the syntax that RE2 (Go) and JavaScript share. Anchor it with `^` and `$`.',
      examples: ['^16[.0-9]*-alpine$'],
    }),
    versionFile: versionFile
      .meta({
        title: 'path, or path with key',
        description:
          'File that the version of a managed image is written to, after a build that `version next` gave one to has succeeded; relative to the root of its repository. A file of nothing but the version, the `version` of a JSON file, or the `key` (dots between keys) of a JSON, YAML or TOML file.',
        examples: ['apps/backstage/VERSION', { path: 'charts/web/Chart.yaml', key: 'appVersion' }],
      })
      .optional(),
    updates: z
      .array(imageUser)
      .meta({ description: 'Users of this image to be updated (Kargo engine).', default: [] })
      .optional(),
  })
  .meta({ title: 'enrolment', required: ['name', 'repository'] });

export const defaultsShape = z.strictObject({ ...shared, source: source.optional() }).meta({
  description:
    "Values for every entry that does not set the key itself; `source` is merged key by key, and only into entries that have `source` or `local`. Those of `images.yaml` hold for `images.d/*.yaml` too; a file's own go first.",
});

/** The object form of an images file. */
export const imagesObjectShape = z.strictObject({
  defaults: defaultsShape.optional(),
  images: z.array(entryShape).meta({ description: 'The enrolled images.' }).optional(),
});

export type EntryShape = z.infer<typeof entryShape>;
export type DefaultsShape = z.infer<typeof defaultsShape>;
