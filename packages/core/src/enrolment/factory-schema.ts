import { z } from 'zod';
import { kargoShape } from './kargo-schema.ts';
import { notificationsShape } from './notifications-schema.ts';
import { providersShape } from './providers-schema.ts';
import { serverShape } from './read-server.ts';
import { count, duration, flag, oneOf, providers, ratio, text, texts } from './schema-parts.ts';

const author = z.strictObject({
  name: text({ description: 'Author of the commits.', default: 'Image Factory' }),
  email: text({ description: "The author's address.", default: 'image-factory@localhost' }),
});

const state = z
  .strictObject({
    mode: oneOf(['directory', 'git'], {
      description:
        '`directory`: the folder `state/` in the factory directory. `git`: a branch, with one commit per change.',
      default: 'directory',
    }),
    remote: text({
      description:
        'Git mode: repository of the state. Default: the one that the factory directory stands in. Never with a password or token.',
      examples: ['https://github.com/acme/factory-state.git'],
    }),
    branch: text({ description: 'Git mode: branch of the state.', default: 'image-factory/state' }),
    author: author.optional(),
    signingKey: text({
      description:
        'Git mode: sign the commits with this key: its id, or the path of an ssh key. Never the key itself.',
      examples: ['~/.ssh/factory.pub'],
    }),
    tokenEnv: text({
      title: 'variable name',
      description: 'Git mode: name of the environment variable that holds a token for https remotes.',
      pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
      examples: ['FACTORY_GIT_TOKEN'],
    }),
  })
  .meta({ description: 'Where the state is kept.' });

const registry = z.strictObject({
  insecure: flag({ description: 'Use plain HTTP.', default: false }),
  minInterval: duration({
    description:
      'A tag is asked for at most once in this time. Default: `24h` for public registries, `0` for others.',
    examples: ['24h'],
  }),
  requestsPerSecond: z
    .number()
    .gt(0)
    .max(10_000)
    .meta({ description: 'Request rate; fractions are possible. Default: by registry.', examples: [5] })
    .optional(),
  concurrency: count({ description: 'Requests at once. Default: by registry.', examples: [8] }, 1, 1000),
  quotaFloor: count(
    { description: "Stop polling when the registry's remaining quota falls below this.", examples: [20] },
    0,
    1_000_000,
  ),
  allowPrivateAddresses: flag({
    description: 'May redirects and token realms point at private addresses (registries inside a cluster)?',
    default: false,
  }),
});

const timing = z
  .strictObject({
    settle: duration({
      description: 'After a change a tag is looked at once more, so long after the first look.',
      default: '30m',
    }),
    minStanding: duration({
      description:
        'A digest that was replaced counts only if it stood so long; never more than a fourteenth of the delay.',
      default: '12h',
    }),
    coordinationWindow: duration({
      description: 'Pushes of managed parents and emergencies wait so long for more of their kind.',
      default: '30m',
    }),
    lookAhead: duration({
      description: 'A start waits so long, once, for another digest that is about to mature.',
      default: '24h',
    }),
    interval: duration({ description: 'Pause between the cycles of `run`.', default: '5m' }),
  })
  .meta({ description: 'Waiting times.' });

const perProvider = z
  .strictObject(
    Object.fromEntries(
      providers.map((provider) => [
        provider,
        count({ description: `Rebuilds at once with ${provider}.` }, 1, 1000),
      ]),
    ) as Record<(typeof providers)[number], ReturnType<typeof count>>,
  )
  .meta({ description: 'Rebuilds running at once, by provider. Default: only the limit in all.' });

const limits = z
  .strictObject({
    concurrent: count({ description: 'Rebuilds running at once in all.', default: 10 }, 1, 1000),
    perProvider: perProvider.optional(),
    perCycle: count({ description: 'Rebuilds started in one cycle.', default: 50 }, 1, 10_000),
    perImageAndDay: count(
      { description: "Rebuilds of one image in 24 h; a person's requests are not counted.", default: 4 },
      1,
      1000,
    ),
    unknownEvidencePerDay: count(
      {
        description: 'Rebuilds in 24 h whose only reason is that nobody knows what the image contains.',
        default: 5,
      },
      0,
      10_000,
    ),
    buildTimeout: duration({ description: 'Longest time of one local build.', default: '1h' }),
    runTimeout: duration({
      description: 'Longest time of one run at a CI provider, its time in the queue included.',
      default: '6h',
    }),
  })
  .meta({ description: 'How much may happen.' });

const waves = z
  .strictObject({
    canaries: texts({
      description: 'Managed images that go first; the others wait until these have succeeded.',
      default: [],
    }),
    maxFailureRatio: ratio({
      description: 'No more starts when a larger share of the builds of a change has failed.',
      default: 0.3,
    }),
    minBuilds: count(
      { description: 'The share is judged from so many ended builds on.', default: 3 },
      1,
      10_000,
    ),
  })
  .meta({ description: 'Canaries, and when to stop.' });

const freezeWindow = z.strictObject({
  name: text({ description: 'Name of the window, for messages.', examples: ['year-end'] }),
  from: text({
    title: 'time',
    description: 'Start of a single window: ISO 8601; a date alone means 00:00.',
    examples: ['2026-12-20T18:00'],
  }),
  to: text({
    title: 'time',
    description: 'End of a single window; the window ends at this moment.',
    examples: ['2027-01-04'],
  }),
  cron: text({
    title: 'cron expression',
    description: 'Start of a recurring window.',
    examples: ['0 17 * * 5'],
  }),
  duration: duration({ description: 'Length of a recurring window.', examples: ['62h'] }),
  timeZone: text({
    description: 'Time zone of `cron`, and of `from` and `to` written without one.',
    default: 'UTC',
    examples: ['Europe/Zurich'],
  }),
  allowEmergency: flag({
    description: 'Do emergency rebuilds start in this window all the same?',
    default: false,
  }),
});

export const factoryShape = z.strictObject({
  engine: oneOf(['embedded', 'kargo'], { description: 'What runs the loop.', default: 'embedded' }),
  state: state.optional(),
  registries: z
    .record(z.string(), registry)
    .meta({
      title: 'host: settings',
      description: 'Settings of registries, by host.',
      examples: [{ '127.0.0.1:5000': { insecure: true } }],
    })
    .optional(),
  providers: providersShape.optional(),
  notifications: notificationsShape.optional(),
  kargo: kargoShape.optional(),
  server: serverShape.optional(),
  timing: timing.optional(),
  limits: limits.optional(),
  waves: waves.optional(),
  freezeWindows: z
    .array(freezeWindow)
    .meta({
      description:
        'Times in which nothing ordinary starts: each with `from` and `to`, or with `cron` and `duration`.',
      default: [],
    })
    .optional(),
  builder: z
    .strictObject({
      tool: oneOf(['auto', 'buildah', 'docker', 'layers'], {
        description:
          'Tool of the local builder. `auto` takes buildah, else docker buildx; `layers` adds files without executing anything (demonstrations only).',
        default: 'auto',
      }),
    })
    .meta({ description: 'The local builder.' })
    .optional(),
});

export type FactoryShape = z.infer<typeof factoryShape>;
