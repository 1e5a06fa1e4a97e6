import { describe, expect, it } from 'vitest';
import { defaultProviders } from './provider-settings.ts';
import { readConfig } from './read-config.ts';

function read(factory: string) {
  return readConfig({
    images: { path: 'images.yaml', text: '[]' },
    imagesDir: [],
    factory: { path: 'factory.yaml', text: factory },
  });
}

function providers(factory: string) {
  const { config, problems } = read(factory);
  expect(problems).toEqual([]);
  return config?.settings.providers;
}

describe('providers of factory.yaml', () => {
  it('has the public addresses where nothing is said', () => {
    expect(providers('engine: embedded')).toEqual(defaultProviders);
  });

  it('reads forges', () => {
    const read = providers(`
providers:
  github:
    url: https://github.example.com/api/v3/
    app: { id: 12345, installation: 7, privateKey: { file: /run/secrets/app.pem } }
    start: repository_dispatch
    claims: false
  gitlab: { url: https://git.example.com/lab, token: { env: LAB_TOKEN }, triggerToken: { gitCredential: true }, start: variables, ca: ca.pem }
  forgejo: { url: https://codeberg.org }
`);
    expect(read).toEqual({
      github: {
        url: 'https://github.example.com/api/v3',
        token: undefined,
        ca: undefined,
        callBack: undefined,
        claims: false,
        app: { id: '12345', installation: 7, privateKey: { kind: 'file', path: '/run/secrets/app.pem' } },
        start: 'repository_dispatch',
      },
      gitlab: {
        url: 'https://git.example.com/lab',
        token: { kind: 'env', name: 'LAB_TOKEN' },
        triggerToken: { kind: 'git-credential' },
        ca: 'ca.pem',
        claims: true,
        start: 'variables',
      },
      gitea: undefined,
      forgejo: {
        url: 'https://codeberg.org',
        token: undefined,
        ca: undefined,
        callBack: undefined,
        claims: true,
      },
      webhook: undefined,
    });
  });

  it('reads a webhook', () => {
    const read = providers(`
providers:
  webhook:
    start:
      url: https://ci.example.com/job/{{workflow}}/buildWithParameters?key={{key}}
      secretHeaders: { Authorization: { secret: { env: CI_TOKEN }, prefix: "Bearer " } }
    sign: { header: X-Signature, secret: { env: CI_KEY }, prefix: "sha256=" }
    run: { path: "$.queue.items[0].id" }
    status: { url: "https://ci.example.com/run/{{run}}", state: $.state, success: [ok] }
    callBack:
      sign: { header: X-Signature, secret: { env: CI_KEY } }
      key: $.run.key
      state: $.run.state
      success: [ok]
`);
    expect(read?.webhook).toMatchObject({
      start: {
        method: 'POST',
        secretHeaders: { Authorization: { secret: { kind: 'env', name: 'CI_TOKEN' }, prefix: 'Bearer ' } },
      },
      sign: { header: 'X-Signature', algorithm: 'sha256', prefix: 'sha256=' },
      run: { path: '$.queue.items[0].id' },
      status: { method: 'GET', state: '$.state', success: ['ok'], failure: [], cancelled: [] },
      callBack: {
        sign: { header: 'X-Signature', secret: { kind: 'env', name: 'CI_KEY' }, algorithm: 'sha256' },
        key: '$.run.key',
        attempt: '$.attempt',
        state: '$.run.state',
        success: ['ok'],
      },
      claims: false,
    });
  });

  it.each([
    ['github: { url: "https://user:pw@host/api" }', 'providers.github.url', 'is not an address'],
    ['github: { url: ftp://host }', 'url', 'url "ftp://host" is not an address'],
    ['gitea: { token: { env: T } }', 'gitea', 'url is missing'],
    ['github: { token: { env: ghp_0123456789abcdef } }', 'env', 'not the name of an environment variable'],
    ['github: { token: {} }', 'token', 'exactly one of env, file and gitCredential; got none'],
    ['github: { token: { env: A, file: b } }', 'token', 'got env and file'],
    [
      'github: { token: { env: A }, app: { id: 1, privateKey: { file: k } } }',
      'app',
      'both a token and an app',
    ],
    ['github: { app: { id: 1 } }', 'app', 'needs id and privateKey'],
    ['webhook: { sign: { header: X } }', 'webhook', 'has no start'],
    ['webhook: { start: { url: "https://{{repo}}/x" } }', 'url', 'is not an address'],
    [
      'webhook: { start: { url: "https://h/x", headers: { Authorization: abc } } }',
      'headers',
      'holds a credential',
    ],
    ['webhook: { start: { url: "https://h/x" }, sign: { header: X } }', 'sign', 'needs header and secret'],
    ['webhook: { start: { url: "https://h/x" }, run: { path: "$..id" } }', 'path', 'is not a JSON path'],
    [
      'webhook: { start: { url: "https://h/x" }, callBack: { state: $.s, success: [ok] } }',
      'callBack',
      'needs sign, state and success',
    ],
    ['github: { callBack: { gitCredential: true } }', 'gitCredential', 'git cannot be asked for this secret'],
    [
      'gitea: { url: "https://h", callBack: { gitCredential: true } }',
      'gitCredential',
      'git cannot be asked for this secret',
    ],
    [
      'webhook: { start: { url: "https://h/x" }, callBack: { sign: { header: X, secret: { gitCredential: true } }, state: $.s, success: [ok] } }',
      'gitCredential',
      'git cannot be asked for this secret',
    ],
    ['github: { callBack: { env: ghp_0123456789abcdef } }', 'env', 'not the name of an environment variable'],
    [
      'webhook: { start: { url: "https://h/x" }, status: { url: "https://h/y" } }',
      'status',
      'needs state and success',
    ],
    ['webhook: { start: { url: https://h, method: GET } }', 'method', 'GET cannot start a build'],
    ['webhook: { start: { url: "https://h/{{imgae}}" } }', 'url', 'did you mean {{image}}?'],
    ['webhook: { start: { url: "https://h/{{run}}" } }', 'url', '{{run}} is not known here'],
    [
      'webhook: { start: { url: "https://h" }, cancel: { url: "https://h", body: "{{pins}}" } }',
      'body',
      '{{pins}} is not known here',
    ],
    [
      "webhook: { start: { url: https://h, headers: { X-A: 'b{{nothing}}' } } }",
      'headers',
      '{{nothing}} is not known here',
    ],
    ["webhook: { start: { url: https://h, headers: { 'X A': b } } }", 'headers', 'not a header'],
    ['webhook: { start: { url: https://h, headers: { X-A: "a\\nb" } } }', 'headers', 'not a header'],
    ['webhook: { start: { url: https://h, body: \'{ "a": {{image }\' } }', 'body', 'is not JSON'],
  ])('refuses %s', (written, _where, message) => {
    const { problems } = read(`providers:\n  ${written}\n`);
    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
    expect(JSON.stringify(problems)).not.toContain('ghp_');
    expect(problems[0]?.place).toMatchObject({ file: 'factory.yaml', line: 2 });
  });

  it('takes every place where its request knows it', () => {
    const { webhook } =
      providers(`
providers:
  webhook:
    start:
      url: https://h/{{repo}}/{{branch}}/{{workflow}}?c={{commit}}&r={{reason}}
      headers: { X-Tags: "{{registry}}/{{repository}}:{{tags}}" }
      body: '{"image":"{{image}}","key":"{{key}}","try":{{attempt}},"p":"{{pins}}","c":"{{buildContexts}}","f":"{{buildFlags}}","a":"{{buildArgs}}"}'
    find: { url: "https://h/{{key}}", items: $.builds }
    status: { url: "https://h/{{run}}/{{attempt}}", state: $.s, success: [ok], superseded: [left], items: $.b }
`) ?? {};
    expect(webhook?.find?.items).toBe('$.builds');
    expect(webhook?.status).toMatchObject({ superseded: ['left'], items: '$.b' });
  });

  it('warns of images whose provider has no address', () => {
    const images = (provider: string) =>
      `- { name: app, registry: ghcr.io, repository: acme/app, source: { provider: ${provider}, repo: acme/app, dockerfile: Dockerfile } }`;
    const warnings = (provider: string, factory: string) =>
      readConfig({
        images: { path: 'images.yaml', text: images(provider) },
        imagesDir: [],
        factory: { path: 'factory.yaml', text: factory },
      }).warnings;
    for (const provider of ['gitea', 'forgejo', 'webhook']) {
      expect(warnings(provider, 'engine: embedded')).toMatchObject([
        {
          code: 'CONFIG_CONFLICT',
          message: expect.stringContaining(`no providers.${provider}`) as string,
          place: { file: 'images.yaml', line: 1 },
        },
      ]);
    }
    expect(warnings('gitea', 'providers: { gitea: { url: https://h } }')).toEqual([]);
    expect(warnings('github', 'engine: embedded')).toEqual([]);
  });
});
