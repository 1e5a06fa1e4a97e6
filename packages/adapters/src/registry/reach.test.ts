import { referenceTo, clientOptions, problemIn } from '@image-factory/testing/registry/client-options.ts';
import { startRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { describe, expect, it } from 'vitest';
import { addressKind } from './addresses.ts';
import { createRegistry } from './create-registry.ts';
import { mayReach, type Resolve } from './reach.ts';

describe('addresses', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2606:4700::1111', 'public'],
    ['0.0.0.0', 'private'],
    ['10.1.2.3', 'private'],
    ['100.64.0.1', 'private'],
    ['127.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.0.1', 'private'],
    ['198.18.0.1', 'private'],
    ['224.0.0.1', 'private'],
    ['255.255.255.255', 'private'],
    ['169.254.169.254', 'link-local'],
    ['168.63.129.16', 'link-local'],
    ['100.100.100.200', 'link-local'],
    ['::', 'private'],
    ['::1', 'private'],
    ['[::1]', 'private'],
    ['fc00::1', 'private'],
    ['fd12:3456::1', 'private'],
    ['fd00:ec2::254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['ff02::1', 'private'],
    ['::ffff:127.0.0.1', 'private'],
    ['::ffff:8.8.8.8', 'public'],
    ['[::ffff:a9fe:a9fe]', 'link-local'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b::8.8.8.8', 'public'],
    ['2002:a9fe:a9fe::1', 'link-local'],
    ['2002:0808:0808::1', 'public'],
    ['2001:db8::1', 'private'],
    ['example.com', undefined],
    ['1.2.3', undefined],
  ])('%s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });

  it.each([
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://[::ffff:7f00:1]/',
  ])('%s is loopback in disguise', (url) => {
    expect(mayReach('public', new URL(url).hostname)).toBe(false);
  });

  it('a registry may be private, but no metadata service', () => {
    expect(mayReach('network', '10.0.0.1')).toBe(true);
    expect(mayReach('network', '169.254.169.254')).toBe(false);
    expect(mayReach('any', '169.254.169.254')).toBe(true);
  });
});

describe('names are judged by what they resolve to when the connection is made', () => {
  async function redirectedTo(name: string, resolve: Resolve, allowPrivateAddresses = false) {
    const registry = await startRegistry();
    const elsewhere = await startRegistry();
    await elsewhere.pushImage('team/app', '1');
    const port = elsewhere.host.split(':')[1];
    registry.faults.add({
      action: { kind: 'redirect', location: `http://${name}:${port}/v2/team/app/manifests/1` },
    });
    const client = createRegistry({ ...clientOptions(registry.host, { allowPrivateAddresses }), resolve });
    const work = client.look(referenceTo(registry.host, 'team/app', '1'));
    const outcome = await work.then(
      () => 'followed',
      async () => (await problemIn(work)).code,
    );
    await client.close();
    await elsewhere.close();
    await registry.close();
    return { outcome, asked: elsewhere.log.all().length };
  }
  const to =
    (...addresses: string[]): Resolve =>
    (_, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );

  it('one that leads to loopback', async () => {
    expect(await redirectedTo('files.example.com', to('127.0.0.1'))).toEqual({
      outcome: 'REGISTRY_BLOCKED',
      asked: 0,
    });
  });

  it('one that leads to a public and to a metadata address', async () => {
    const outcome = await redirectedTo('files.example.com', to('8.8.8.8', 'fd00:ec2::254'));
    expect(outcome).toEqual({ outcome: 'REGISTRY_BLOCKED', asked: 0 });
  });

  it('localhost by the system itself', async () => {
    const system: Resolve = (_, callback) => callback(null, [{ address: '::1', family: 6 }]);
    expect((await redirectedTo('localhost', system)).outcome).toBe('REGISTRY_BLOCKED');
  });

  it('unless private addresses are allowed', async () => {
    expect(await redirectedTo('files.example.com', to('127.0.0.1'), true)).toEqual({
      outcome: 'followed',
      asked: 1,
    });
  });
});

it('a registry whose name leads to a metadata service is not asked', async () => {
  const host = 'registry.example.com:5000';
  const resolve: Resolve = (_, callback) => callback(null, [{ address: '169.254.169.254', family: 4 }]);
  const client = createRegistry({ ...clientOptions(host), resolve });
  expect((await problemIn(client.look(referenceTo(host, 'a', '1')))).code).toBe('REGISTRY_BLOCKED');
  const literal = createRegistry({ ...clientOptions('169.254.169.254') });
  expect((await problemIn(literal.look(referenceTo('169.254.169.254', 'a', '1')))).code).toBe(
    'REGISTRY_BLOCKED',
  );
  await client.close();
  await literal.close();
});
