import type { RegistrySettings } from '@image-factory/core/enrolment/types.ts';
import type { Credential } from '@image-factory/core/ports/credentials.ts';
import type { AuthOptions } from '@image-factory/testing/registry/auth.ts';
import {
  clientOptions,
  problemIn,
  referenceTo,
  withCredentials,
} from '@image-factory/testing/registry/client-options.ts';
import {
  startRegistry,
  type FakeRegistry,
  type FakeRegistryOptions,
} from '@image-factory/testing/registry/start-registry.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { createRegistry, type RegistryClient, type RegistryOptions } from './create-registry.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const alice: Credential = { kind: 'basic', username: 'alice', password: 'pass:word' };
const users = { alice: { password: 'pass:word' } };

async function setUp(
  auth: AuthOptions,
  credentials: readonly Credential[] = [],
  more: {
    settings?: Partial<RegistrySettings>;
    client?: Partial<RegistryOptions>;
    server?: FakeRegistryOptions;
  } = {},
): Promise<{ registry: FakeRegistry; client: RegistryClient; look: (path?: string) => Promise<unknown> }> {
  const registry = await startRegistry({ auth, ...more.server });
  closing.push(() => registry.close());
  for (const name of ['team/app', 'team/other', 'team/third']) await registry.pushImage(name, '1');
  const client = createRegistry({
    ...clientOptions(registry.host, more.settings),
    credentials: withCredentials(...credentials),
    ...more.client,
  });
  closing.push(() => client.close());
  return {
    registry,
    client,
    look: (path = 'team/app') => client.look(referenceTo(registry.host, path, '1')),
  };
}

function tokenRequests(registry: FakeRegistry) {
  return registry.log.all().filter(({ path }) => path === '/token');
}

describe('each way to prove who we are', () => {
  const cases: readonly (readonly [string, AuthOptions, readonly Credential[]])[] = [
    ['nothing', { kind: 'none' }, []],
    ['Basic', { kind: 'basic', users }, [alice]],
    ['an anonymous token', { kind: 'bearer' }, []],
    ['a token for a password', { kind: 'bearer', users, anonymousPull: false }, [alice]],
    ['access_token in the answer', { kind: 'bearer', tokenField: 'access_token' }, []],
    [
      'an identity token, by POST',
      { kind: 'bearer', users, anonymousPull: false, identityTokens: { secret: 'alice' } },
      [{ kind: 'identity-token', token: 'secret' }],
    ],
    [
      'an identity token where the service has no POST',
      { kind: 'bearer', users, anonymousPull: false, identityTokens: { secret: 'alice' }, post: false },
      [{ kind: 'identity-token', token: 'secret' }],
    ],
    [
      'Bearer and Basic in one header',
      { kind: 'bearer', users, anonymousPull: false, challenges: 'bearer-and-basic-in-one' },
      [alice],
    ],
    [
      'Basic and Bearer in two headers',
      { kind: 'bearer', users, anonymousPull: false, challenges: 'basic-and-bearer-in-two' },
      [alice],
    ],
    ['a relative realm', { kind: 'bearer', realm: '/token' }, []],
  ];
  it.each(cases)('%s', async (_, auth, credentials) => {
    const { look } = await setUp(auth, credentials);
    expect(await look()).toMatchObject({ kind: 'digest' });
  });

  it('a ready bearer token', async () => {
    const { registry, look } = await setUp({ kind: 'bearer' }, [{ kind: 'bearer', token: 'ready' }]);
    expect((await problemIn(look())).code).toBe('REGISTRY_DENIED');
    expect(registry.log.all().at(-1)?.headers.authorization).toBe('Bearer ready');
    expect(registry.log.ofTokens()).toBe(0);
  });
});

describe('tokens', () => {
  it('cost three requests the first time and one from then on', async () => {
    const { registry, look } = await setUp({ kind: 'bearer' });
    await look();
    expect(registry.log.all().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'HEAD /v2/team/app/manifests/1',
      'GET /token',
      'HEAD /v2/team/app/manifests/1',
    ]);
    registry.log.clear();
    await look();
    await look();
    expect(registry.log.all().length).toBe(2);
  });

  it('are fetched once for all who wait, and for several repositories together', async () => {
    const { registry, look } = await setUp({ kind: 'bearer' });
    await look();
    registry.log.clear();
    await Promise.all(['team/other', 'team/other', 'team/third', 'team/app'].map(look));
    expect(registry.log.ofTokens()).toBe(1);
    expect(tokenRequests(registry)[0]?.query.getAll('scope').toSorted()).toEqual([
      'repository:team/other:pull',
      'repository:team/third:pull',
    ]);
    expect(registry.log.all().length).toBe(5);
  });

  it('are fetched one by one where the service reads the first scope alone', async () => {
    const { registry, look } = await setUp({ kind: 'bearer', scopesRead: 'first' });
    for (let index = 0; index < 30; index += 1) await registry.pushImage(`many/${index}`, '1');
    await look();
    await Promise.all(Array.from({ length: 30 }, (_, index) => look(`many/${index}`)));
    await registry.pushImage('late/one', '1');
    await registry.pushImage('late/two', '1');
    registry.log.clear();
    await Promise.all([look('late/one'), look('late/two')]);
    expect(tokenRequests(registry).map(({ query }) => query.getAll('scope').length)).toEqual([1, 1]);
    expect(registry.log.all().length).toBe(4);
  });

  it('that run out early are replaced once, and the request repeated', async () => {
    let time = Date.now();
    const { registry, look } = await setUp({ kind: 'bearer', ttl: 5 }, [], { server: { now: () => time } });
    await look();
    time += 6000;
    registry.log.clear();
    expect(await look()).toMatchObject({ kind: 'digest' });
    expect(registry.log.all().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'HEAD /v2/team/app/manifests/1',
      'GET /token',
      'HEAD /v2/team/app/manifests/1',
    ]);
  });

  it('are renewed before they run out, without a refusal in between', async () => {
    const { registry } = await setUp({ kind: 'none' });
    const options = clientOptions(registry.host);
    const server = await startRegistry({
      auth: { kind: 'bearer', ttl: 300 },
      now: () => options.clock.now(),
    });
    closing.push(() => server.close());
    await server.pushImage('team/app', '1');
    const own = createRegistry({ ...clientOptions(server.host), clock: options.clock });
    closing.push(() => own.close());
    await own.look(referenceTo(server.host, 'team/app', '1'));
    server.log.clear();
    options.clock.advance(239_000);
    await own.look(referenceTo(server.host, 'team/app', '1'));
    expect(server.log.all().length).toBe(1);
    options.clock.advance(5000);
    await own.look(referenceTo(server.host, 'team/app', '1'));
    expect(server.log.all().map(({ status }) => status)).toEqual([304, 200, 304]);
    expect(server.log.ofTokens()).toBe(1);
  });

  it('are asked for with the scope of the challenge first', async () => {
    const challengeScope = (name: string) => `repository(plugin):${name}:pull`;
    const { registry, look } = await setUp({ kind: 'bearer', challengeScope });
    await look();
    expect(tokenRequests(registry)[0]?.query.getAll('scope')).toEqual([
      'repository(plugin):team/app:pull',
      'repository:team/app:pull',
    ]);
  });

  it('of one repository do not hide that another is refused', async () => {
    const anonymousPull = ['team/app', 'team/third'];
    const { look } = await setUp({ kind: 'bearer', anonymousPull });
    const [app, other, third] = await Promise.allSettled(['team/app', 'team/other', 'team/third'].map(look));
    expect([app?.status, other?.status, third?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

describe('credentials', () => {
  it('that are refused are asked for anew, once', async () => {
    const asked: boolean[] = [];
    const stale: Credential = { ...alice, password: 'old' };
    const credentials = {
      find: (_registry: string, _repository: string, options?: { refresh?: boolean }) => {
        asked.push(options?.refresh ?? false);
        return Promise.resolve([options?.refresh ? alice : stale]);
      },
    };
    const auth: AuthOptions = { kind: 'bearer', users, anonymousPull: false };
    const { look } = await setUp(auth, [], { client: { credentials } });
    expect(await look()).toMatchObject({ kind: 'digest' });
    expect(asked.filter(Boolean).length).toBe(1);
  });

  it('are tried in their order', async () => {
    const wrong: Credential = { kind: 'basic', username: 'bob', password: 'nothing' };
    const { look } = await setUp({ kind: 'basic', users }, [wrong, alice]);
    expect(await look()).toMatchObject({ kind: 'digest' });
  });

  it.each([
    ['Basic', { kind: 'basic', users: { alice: { password: 'other' } } }],
    ['a token service', { kind: 'bearer', users: { alice: { password: 'other' } }, anonymousPull: false }],
  ] as const)('that %s refuses stand in no message', async (_, auth) => {
    const { registry, look } = await setUp(auth, [alice]);
    const encoded = Buffer.from('alice:pass:word').toString('base64');
    const errors = [{ code: 'DENIED', message: `no pass:word and no ${encoded} here` }];
    const body = JSON.stringify({ errors });
    registry.faults.add({
      action: { kind: 'status', status: 403, body },
      when: ({ headers }) => headers.authorization?.startsWith('Basic') ?? false,
    });
    const problem = await problemIn(look());
    expect(problem.code).toBe('REGISTRY_DENIED');
    expect(JSON.stringify(problem)).not.toContain('pass:word');
    expect(JSON.stringify(problem)).not.toContain(encoded);
  });

  it('that are refused for ever end after few requests', async () => {
    const { registry, look } = await setUp({ kind: 'basic', users: {} }, [alice]);
    expect((await problemIn(look())).code).toBe('REGISTRY_DENIED');
    expect(registry.log.all().length).toBe(2);
  });

  it('never follow a redirect to another host', async () => {
    const elsewhere = await startRegistry();
    closing.push(() => elsewhere.close());
    await elsewhere.pushImage('team/app', '1');
    const settings = { allowPrivateAddresses: true };
    const { registry, look } = await setUp({ kind: 'basic', users }, [alice], { settings });
    const location = `${elsewhere.origin}/v2/team/app/manifests/1`;
    registry.faults.add({
      action: { kind: 'redirect', location },
      when: ({ headers }) => headers.authorization !== undefined,
    });
    expect(await look()).toMatchObject({ kind: 'digest' });
    expect(elsewhere.log.all().map(({ method, headers }) => [method, headers.authorization])).toEqual([
      ['HEAD', undefined],
    ]);
  });

  it('are not sent where a redirect target asks for them', async () => {
    const elsewhere = await startRegistry({ auth: { kind: 'basic', users } });
    closing.push(() => elsewhere.close());
    const settings = { allowPrivateAddresses: true };
    const { registry, look } = await setUp({ kind: 'basic', users }, [alice], { settings });
    registry.faults.add({
      action: { kind: 'redirect', location: `${elsewhere.origin}/v2/team/app/manifests/1` },
    });
    expect((await problemIn(look())).code).toBe('REGISTRY_DENIED');
    expect(elsewhere.log.all().some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });

  it('never go to a token service on a host that is not the registry', async () => {
    const thief = await startRegistry({ auth: { kind: 'bearer', users } });
    closing.push(() => thief.close());
    const settings = { allowPrivateAddresses: true };
    const auth: AuthOptions = {
      kind: 'bearer',
      users,
      realm: `http://localhost:${thief.host.split(':')[1]}/token`,
    };
    const { look, registry } = await setUp(auth, [alice], { settings });
    const problem = await problemIn(look());
    expect(problem.message).toContain('credentials were withheld');
    expect(thief.log.ofTokens()).toBeGreaterThan(0);
    for (const { headers, query } of thief.log.all()) {
      expect(headers.authorization).toBeUndefined();
      expect(query.get('account')).toBeNull();
    }
    const tokenHosts = { [registry.host]: [`localhost:${thief.host.split(':')[1]}`] };
    const trusting = createRegistry({
      ...clientOptions(registry.host, settings),
      credentials: withCredentials(alice),
      tokenHosts,
    });
    closing.push(() => trusting.close());
    await problemIn(trusting.look(referenceTo(registry.host, 'team/app', '1')));
    expect(thief.log.all().at(-1)?.headers.authorization).toMatch(/^Basic /);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/iam',
    'http://2852039166/token',
    'http://[::ffff:10.0.0.1]/token',
    'http://127.0.0.1:1/token',
    'ftp://example.com/token',
    'http://user:secret@example.com/token',
    'http://localhost:1/token',
  ])('no token is asked for at %s', async (realm) => {
    const { look } = await setUp({ kind: 'bearer', realm }, [alice]);
    const problem = await problemIn(look());
    expect(problem.code).toBe('REGISTRY_BLOCKED');
    expect(problem.message).not.toContain('secret');
  });

  it('no token is asked for over plain HTTP where the registry itself must be spoken to over TLS', async () => {
    const { look } = await setUp({ kind: 'bearer' }, [], { settings: { insecure: false } });
    expect((await problemIn(look())).code).toBe('REGISTRY_UNREACHABLE');
  });
});
