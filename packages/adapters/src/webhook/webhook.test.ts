import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { defaultProviders, type WebhookSettings } from '@image-factory/core/enrolment/provider-settings.ts';
import { readConfig } from '@image-factory/core/enrolment/read-config.ts';
import { builderContract } from '@image-factory/testing/forges/builder-contract.ts';
import {
  argoWorkflows,
  azureDevOps,
  jenkins,
  tekton,
} from '@image-factory/testing/forges/webhook-systems.ts';
import { toldRun } from '@image-factory/testing/forges/told-runs.ts';
import { fakeWebhook, type WebhookSystem } from '@image-factory/testing/forges/webhook.ts';
import type { BuilderCase } from '@image-factory/testing/forges/builder-contract.ts';
import { enrolment } from '@image-factory/testing/records.ts';
import { describe, expect, it } from 'vitest';
import { createApi } from '../ci-http/api.ts';
import { createSecretSource } from '../secrets/secret-source.ts';
import { createWebhookCallBacks } from './call-back.ts';
import { createWebhook } from './create-webhook.ts';

const page = readFileSync(new URL('../../../../docs/providers/webhook.md', import.meta.url), 'utf8');
const secret = 'aW1hZ2VzOjAxMjM0NTY3ODlhYmNkZWY=';
const hmacKey = 'f00dfeedf00dfeed';
const environment = {
  JENKINS_AUTH: secret,
  AZURE_AUTH: secret,
  CI_TOKEN: secret,
  ARGO_TOKEN: secret,
  TEKTON_HMAC: hmacKey,
};

/** An example of the page, with every address at one server: its whole configuration is read as a factory's is. */
function exampleOf(name: string, url: string): WebhookSettings {
  const text = new RegExp(`\`\`\`yaml ${name}\\n([^]*?)\`\`\``).exec(page)?.[1];
  expect(text, `the page has no example ${name}`).toBeDefined();
  const { config, problems } = readConfig({
    images: { path: 'images.yaml', text: '[]' },
    imagesDir: [],
    factory: {
      path: 'factory.yaml',
      text: (text ?? '').replaceAll(/https:\/\/[\w.-]+\.(?:example\.com|azure\.com)/g, url),
    },
  });
  expect(problems).toEqual([]);
  const webhook = config?.settings.providers.webhook;
  if (!webhook) throw new Error(`the example ${name} has no webhook`);
  return webhook;
}

function example(
  name: string,
  system: WebhookSystem,
  peculiar: { readonly prefix: string; readonly signed?: boolean } & Pick<BuilderCase, 'without' | 'sameRun'>,
): void {
  const { prefix, signed = false, ...rest } = peculiar;
  builderContract({
    ...rest,
    name: `webhook, ${name}`,
    image: enrolment({
      name: 'app',
      source: {
        provider: 'webhook',
        repo: 'acme/app',
        branch: 'main',
        dockerfile: 'Dockerfile',
        workflow: '12',
      },
    }),
    secrets: [secret, hmacKey],
    open(options) {
      const forge = fakeWebhook({
        ...options,
        system,
        credential: { header: 'authorization', value: prefix + secret },
        ...(signed ? { signature: { header: 'x-hub-signature-256', key: hmacKey } } : {}),
      });
      return {
        forge,
        mistakes: forge.mistakes,
        expire() {
          forge.expired = true;
        },
      };
    },
    builder({ url, clock }) {
      const api = createApi({ provider: 'webhook', url, ca: undefined, clock });
      return {
        builder: createWebhook({
          settings: exampleOf(name, url),
          apiFor: () => api,
          clock,
          secrets: createSecretSource({ baseDir: '/', environment }),
          registry: { look: async () => ({ kind: 'absent' }), describe: async () => undefined },
        }),
        close: () => api.close(),
      };
    },
  });
}

example('jenkins', jenkins, { prefix: 'Basic ', without: ['cancel'] });
example('azure-devops', azureDevOps, {
  prefix: 'Basic ',
  without: ['digest', 'cancel', 'superseded'],
});
example('tekton', tekton, { prefix: 'Bearer ', signed: true, without: ['log', 'cancel', 'superseded'] });
example('argo-workflows', argoWorkflows, {
  prefix: 'Bearer ',
  without: ['log', 'superseded'],
  sameRun: true,
});

describe('the example of call-backs', () => {
  const told = 'f00dfeedf00dfeedf00d';
  const { callBack, run, status } = exampleOf('tekton-call-back', 'https://ci.test');
  const reader = () =>
    createWebhookCallBacks({
      settings: callBack ?? expect.fail('the example has no callBack'),
      run,
      secret: () =>
        createSecretSource({ baseDir: '/', environment: { TEKTON_CALL_BACK: told } }).read(
          callBack?.sign.secret ?? expect.fail('the example has no secret'),
          'https://ci.test',
        ),
    });

  it.each(['success', 'failure', 'superseded'] as const)(
    'understands what its system tells of a %s',
    async (outcome) => {
      expect(status).toBeUndefined();
      const { callBacks, run: ended } = await toldRun('webhook', told, outcome);
      expect(callBacks).toHaveLength(1);
      for (const sent of callBacks)
        expect(await reader().read(sent)).toMatchObject({
          kind: 'report',
          key: ended.key,
          attempt: 1,
          report: { status: outcome, url: expect.stringMatching(/^https:/) as unknown },
        });
    },
  );

  it('believes what the script of the page sends', async () => {
    const script = /```sh\n(body=[^]*?)```/.exec(page)?.[1] ?? expect.fail('the page has no script');
    // The words that it hands to curl, one in a line each.
    const caught = execFileSync('sh', ['-ec', `curl() { printf '%s\\n' "$@"; }\n${script}`], {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        KEY: 'a'.repeat(32),
        ATTEMPT: '2',
        STATUS: 'Succeeded',
        LINK: 'https://ci.test/1',
        SECRET: told,
        FACTORY: 'https://factory.test',
      },
    }).split('\n');
    expect(caught).toContain('https://factory.test/hooks/webhook');
    const headers = new Map(
      caught.flatMap((line, index) => (caught[index - 1] === '-H' ? [headerOf(line)] : [])),
    );
    const body = new TextEncoder().encode(caught[caught.indexOf('--data-binary') + 1]);
    expect(await reader().read({ headers, body })).toMatchObject({
      kind: 'report',
      attempt: 2,
      report: { status: 'success', url: 'https://ci.test/1' },
    });
  });
});

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

describe('the page of examples', () => {
  it('has no example that is not run', () => {
    const names = [...page.matchAll(/```yaml ([\w-]+)/g)].map((match) => match[1]);
    expect(names).toEqual(['jenkins', 'azure-devops', 'tekton', 'argo-workflows', 'tekton-call-back']);
    expect(defaultProviders.webhook).toBeUndefined();
  });
});
