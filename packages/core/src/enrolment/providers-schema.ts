import { z } from 'zod';
import { count, flag, oneOf, text, texts } from './schema-parts.ts';

/** Exactly one of the keys; the reader says so where it is not. */
export function secret(description: string) {
  return z
    .strictObject({
      env: text({ title: 'variable name', description: 'Name of an environment variable.' }),
      file: text({ description: 'Path of a file that holds the secret: a mounted Kubernetes secret.' }),
      gitCredential: flag({ description: 'Ask `git credential fill` for the address.', default: false }),
    })
    .meta({ description })
    .optional();
}

const forge = {
  url: text({
    description: 'Address of the API, also with a path: https://github.example.com/api/v3.',
    examples: ['https://gitlab.example.com/git'],
  }),
  token: secret('Token, by reference. Default: the usual variable of the provider, such as GITHUB_TOKEN.'),
  ca: text({ description: 'File with the certificate authority of a private server (PEM).' }),
  claims: flag({
    description:
      'Do its workflows claim their build key before they build? Ours do; without the claim a doubled start builds twice.',
    default: true,
  }),
};

const listened = {
  ...forge,
  callBack: secret('Secret of the webhook by which it tells `image-factory serve` of runs, by reference.'),
};

const github = z.strictObject({
  ...listened,
  app: z
    .strictObject({
      id: z.union([z.string(), z.number().int()]).meta({ description: 'Id of the GitHub App.' }).optional(),
      installation: count({ description: 'Id of the installation. Default: looked up.' }, 1, 2 ** 52),
      privateKey: secret("The App's private key (PEM), by reference."),
    })
    .meta({ description: 'Authenticate as a GitHub App instead of by token.' })
    .optional(),
  start: oneOf(['workflow_dispatch', 'repository_dispatch'], {
    description:
      '`workflow_dispatch` starts one workflow and learns its run; `repository_dispatch` starts whatever listens.',
    default: 'workflow_dispatch',
  }),
});

const gitlab = z.strictObject({
  ...listened,
  triggerToken: secret('Pipeline trigger token, where the token may not start pipelines.'),
  start: oneOf(['inputs', 'variables'], {
    description: 'Hand over typed pipeline inputs (GitLab 17.11 and newer), or variables.',
    default: 'inputs',
  }),
});

const call = {
  url: text({
    description: 'Address, with places such as {{image}}, {{key}}, {{attempt}}, {{run}}.',
    examples: ['https://ci.example.com/job/{{workflow}}/buildWithParameters'],
  }),
  method: oneOf(['GET', 'POST', 'PUT', 'DELETE'], { description: 'HTTP method.' }),
  headers: z
    .record(z.string(), z.string())
    .meta({ description: 'Headers; no secrets.', title: 'name: value' })
    .optional(),
  secretHeaders: z
    .record(
      z.string(),
      z.strictObject({
        secret: secret('The secret, by reference.'),
        prefix: text({ description: 'What stands before it.', examples: ['Bearer '] }),
      }),
    )
    .meta({ description: 'Headers whose value is a secret.', title: 'name: secret' })
    .optional(),
  body: text({
    description: 'Body, with places; values are escaped for JSON where the content type is JSON.',
  }),
};

const items = text({
  description:
    'JSON path of a list in the answer: the run is the item that has key/attempt or key-attempt in one of its texts.',
  examples: ['$.builds'],
});

const sign = z.strictObject({
  header: text({ description: 'Header that carries the signature.', examples: ['X-Signature-256'] }),
  secret: secret('Key of the HMAC, by reference.'),
  algorithm: oneOf(['sha1', 'sha256', 'sha512'], { description: 'Hash.', default: 'sha256' }),
  prefix: text({ description: 'What stands before the hex digits.', examples: ['sha256='] }),
});

/** How an answer or a call-back says how a run is. */
const told = {
  state: text({ description: 'JSON path of the state.', examples: ['$.status'] }),
  success: texts({ description: 'States that mean success.' }),
  failure: texts({ description: 'States that mean failure.' }),
  cancelled: texts({ description: 'States that mean that it was cancelled.' }),
  superseded: texts({ description: 'States that mean that another run holds the claim of its key.' }),
  digest: text({ description: 'JSON path of the digest that was pushed.' }),
  link: text({ description: 'JSON path of a link to the run, for people.' }),
  log: text({ description: 'JSON path of a link to its log.' }),
};

const webhook = z.strictObject({
  start: z.strictObject(call).meta({ description: 'The request that starts a build.' }).optional(),
  sign: sign.meta({ description: 'Signs the body of every request that has one.' }).optional(),
  run: z
    .strictObject({
      path: text({ description: 'JSON path of the run id in the answer.', examples: ['$.id'] }),
      header: text({ description: 'Header of the answer that names the run.', examples: ['Location'] }),
    })
    .meta({
      description:
        'How the answer names the run. Default: its id is one that we choose, {{key}}-{{attempt}}.',
    })
    .optional(),
  status: z
    .strictObject({
      ...call,
      ...told,
      items,
    })
    .meta({ description: 'The request that asks how a run is. Without it the registry has to tell.' })
    .optional(),
  find: z
    .strictObject({ ...call, items })
    .meta({ description: 'Finds a run by key and attempt.' })
    .optional(),
  cancel: z.strictObject(call).meta({ description: 'Cancels a run.' }).optional(),
  callBack: z
    .strictObject({
      sign: sign.meta({ description: 'How its requests are signed; others are refused.' }).optional(),
      key: text({ description: 'JSON path of the build key in the body.', default: '$.key' }),
      attempt: text({ description: 'JSON path of the attempt.', default: '$.attempt' }),
      ...told,
    })
    .meta({
      description: 'What the system sends to `image-factory serve` at /hooks/webhook when a run has ended.',
    })
    .optional(),
  ca: forge.ca,
  claims: forge.claims,
});

export const providersShape = z
  .strictObject({
    github: github.meta({ description: 'GitHub Actions.' }).optional(),
    gitlab: gitlab.meta({ description: 'GitLab CI.' }).optional(),
    gitea: z.strictObject(listened).meta({ description: 'Gitea Actions.' }).optional(),
    forgejo: z.strictObject(listened).meta({ description: 'Forgejo Actions.' }).optional(),
    webhook: webhook.meta({ description: 'Any system with an HTTP endpoint.' }).optional(),
  })
  .meta({ description: "The team's own CI. Secrets by reference only." });

export type ProvidersShape = z.infer<typeof providersShape>;
