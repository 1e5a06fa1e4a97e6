import { createApi } from '@image-factory/adapters/ci-http/api.ts';
import { createGitea } from '@image-factory/adapters/gitea/create-gitea.ts';
import { createGitlab } from '@image-factory/adapters/gitlab/create-gitlab.ts';
import { createSecretSource } from '@image-factory/adapters/secrets/secret-source.ts';
import { createWebhookCallBacks } from '@image-factory/adapters/webhook/call-back.ts';
import { createWebhook } from '@image-factory/adapters/webhook/create-webhook.ts';
import {
  defaultProviders,
  type WebhookCallBack,
  type WebhookSettings,
} from '@image-factory/core/enrolment/provider-settings.ts';
import type { Builder } from '@image-factory/core/ports/builder.ts';
import { webhookSignatureHeader } from '@image-factory/testing/forges/call-back-signing.ts';
import { fakeGitea } from '@image-factory/testing/forges/gitea.ts';
import { fakeGitlab } from '@image-factory/testing/forges/gitlab.ts';
import { azureDevOps, tekton } from '@image-factory/testing/forges/webhook-systems.ts';
import { fakeWebhook } from '@image-factory/testing/forges/webhook.ts';
import type { WorkflowRun } from '@image-factory/testing/forges/workflow-runs.ts';
import type { AdapterSurroundings, ForgeSurroundings, ProviderUnderTest } from './test-provider-schedules.ts';

const token = 'a-token-of-a-test';
const repo = 'acme/app';

/** The claim step as these forges have it: a ref that only one run can create. */
function claimOf({ claims }: ForgeSurroundings): ((run: WorkflowRun) => boolean) | undefined {
  const refs = new Map<string, string>();
  if (!claims) return undefined;
  return ({ id, image, key, attempt }) => {
    const ref = `refs/factory/claims/${image}/${key}/${attempt}`;
    if (!refs.has(ref)) refs.set(ref, id);
    return refs.get(ref) === id;
  };
}

export function gitlabUnderTest(start: 'inputs' | 'variables'): ProviderUnderTest {
  const settings = { ...defaultProviders.gitlab, start };
  return {
    provider: 'gitlab',
    repo,
    forge: (surroundings) =>
      fakeGitlab({
        ...surroundings,
        claim: claimOf(surroundings),
        project: repo,
        token,
        pipelineName: start === 'inputs' ? 'image-factory {image} [{key}/{attempt}]' : undefined,
      }),
    builder({ exchange, clock, random, startWithin }) {
      const api = createApi({
        provider: 'gitlab',
        url: settings.url,
        ca: undefined,
        clock,
        random,
        exchange,
      });
      const secrets = createSecretSource({ baseDir: '/nowhere', environment: { GITLAB_TOKEN: token } });
      return createGitlab({
        settings,
        api,
        secrets,
        clock,
        ...(startWithin === undefined ? {} : { startWithin }),
      });
    },
  };
}

export function giteaUnderTest(provider: 'gitea' | 'forgejo', details: boolean): ProviderUnderTest {
  const settings = {
    url: 'https://git.test',
    token: undefined,
    ca: undefined,
    callBack: undefined,
    claims: true,
  };
  return {
    provider,
    repo,
    forge: (surroundings) =>
      fakeGitea({
        ...surroundings,
        claim: claimOf(surroundings),
        dialect: provider,
        repo,
        workflow: 'build-image.yml',
        token,
        details,
      }),
    builder({ exchange, clock, random, startWithin }) {
      const api = createApi({
        provider,
        url: settings.url,
        ca: undefined,
        clock,
        random,
        exchange,
      });
      const environment = { GITEA_TOKEN: token, FORGEJO_TOKEN: token };
      const secrets = createSecretSource({ baseDir: '/nowhere', environment });
      return createGitea({
        provider,
        settings,
        api,
        secrets,
        clock,
        ...(startWithin === undefined ? {} : { startWithin }),
      });
    },
  };
}

const webhookUrl = 'https://ci.test';

/** A system whose runs are asked for by their own id and found in a list. */
const webhookSettings: WebhookSettings = {
  start: {
    url: `${webhookUrl}/_apis/pipelines/12/runs?api-version=7.1`,
    method: 'POST',
    headers: {},
    secretHeaders: { authorization: { secret: { kind: 'env', name: 'CI_TOKEN' }, prefix: '' } },
    body: JSON.stringify({
      templateParameters: {
        factoryKey: '{{key}}',
        factoryAttempt: '{{attempt}}',
        factoryImage: '{{image}}',
        factoryPins: '{{pins}}',
      },
    }),
  },
  sign: undefined,
  run: { path: '$.id', header: undefined },
  status: {
    url: `${webhookUrl}/_apis/pipelines/12/runs/{{run}}`,
    method: 'GET',
    headers: {},
    secretHeaders: { authorization: { secret: { kind: 'env', name: 'CI_TOKEN' }, prefix: '' } },
    body: undefined,
    state: '$.result',
    success: ['succeeded'],
    failure: ['failed'],
    cancelled: ['canceled'],
    superseded: ['skipped'],
    items: undefined,
    digest: undefined,
    link: '$._links.web.href',
    log: undefined,
  },
  find: {
    url: `${webhookUrl}/_apis/pipelines/12/runs`,
    method: 'GET',
    headers: {},
    secretHeaders: { authorization: { secret: { kind: 'env', name: 'CI_TOKEN' }, prefix: '' } },
    body: undefined,
    items: '$.value',
  },
  cancel: undefined,
  ca: undefined,
  callBack: undefined,
  claims: true,
};

export const webhookUnderTest: ProviderUnderTest = {
  provider: 'webhook',
  repo,
  forge: (surroundings) =>
    fakeWebhook({
      ...surroundings,
      claim: claimOf(surroundings),
      system: azureDevOps,
      credential: { header: 'authorization', value: token },
    }),
  builder: (surroundings) => webhookBuilder(webhookSettings, surroundings),
};

function webhookBuilder(
  settings: WebhookSettings,
  { exchange, clock, random, startWithin, registry }: AdapterSurroundings,
): Builder {
  const api = createApi({
    provider: 'webhook',
    url: webhookUrl,
    ca: undefined,
    clock,
    random,
    exchange,
  });
  return createWebhook({
    settings,
    apiFor: () => api,
    secrets: createSecretSource({ baseDir: '/nowhere', environment: { CI_TOKEN: token } }),
    clock,
    registry,
    ...(startWithin === undefined ? {} : { startWithin }),
  });
}

const callBackSecret = 'call-back-secret-of-a-test';

/** A system that answers nothing but "accepted", cannot be asked, and tells by itself how its runs ended. */
const tellingSettings: WebhookSettings = {
  ...webhookSettings,
  start: {
    ...webhookSettings.start,
    url: `${webhookUrl}/`,
    body: '{ "key": "{{key}}", "attempt": "{{attempt}}", "image": "{{image}}", "pins": "{{pins}}" }',
  },
  run: undefined,
  status: undefined,
  find: undefined,
};

const callBack: WebhookCallBack = {
  sign: {
    header: webhookSignatureHeader,
    secret: { kind: 'env', name: 'CALL_BACK_KEY' },
    algorithm: 'sha256',
    prefix: 'sha256=',
  },
  key: '$.key',
  attempt: '$.attempt',
  state: '$.status',
  success: ['Succeeded'],
  failure: ['Failed'],
  cancelled: [],
  superseded: ['Completed'],
  digest: undefined,
  link: '$.link',
  log: undefined,
};

export const tellingWebhookUnderTest: ProviderUnderTest = {
  provider: 'webhook',
  repo,
  callBacks: {
    secret: callBackSecret,
    reader: createWebhookCallBacks({
      settings: callBack,
      run: tellingSettings.run,
      secret: async () => callBackSecret,
    }),
  },
  forge: (surroundings) =>
    fakeWebhook({
      ...surroundings,
      claim: claimOf(surroundings),
      system: tekton,
      credential: { header: 'authorization', value: token },
    }),
  builder: (surroundings) => webhookBuilder(tellingSettings, surroundings),
};
