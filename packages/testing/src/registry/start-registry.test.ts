import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildImage } from './build-image.ts';
import { httpSink, pushBuilt, pushImage } from './push.ts';
import { startRegistry, type FakeRegistry } from './start-registry.ts';

const run = promisify(execFile);
const hasSkopeo = await run('skopeo', ['--version']).then(
  () => true,
  () => false,
);
let registry: FakeRegistry;
beforeEach(async () => {
  registry = await startRegistry();
});
afterEach(() => registry.close());

describe('the registry in process', () => {
  it('takes over HTTP what is built, and gives the same bytes back', async () => {
    const sink = httpSink(registry.origin);
    const pushed = await pushImage(sink, 'team/app', '1', { layers: ['one', { 'etc/two': 'two' }] });
    const response = await fetch(`${registry.origin}/v2/team/app/manifests/1`, {
      headers: { accept: pushed.descriptor.mediaType },
    });
    expect(response.headers.get('docker-content-digest')).toBe(pushed.descriptor.digest);
    expect(Buffer.from(await response.arrayBuffer()).equals(pushed.bytes)).toBe(true);
    for (const [digest, bytes] of pushed.blobs) {
      const blob = await fetch(`${registry.origin}/v2/team/app/blobs/${digest}`);
      expect(Buffer.from(await blob.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });

  it('builds the same image from the same description', () => {
    const spec = { layers: ['x', { b: '2', a: '1' }], config: { Env: ['A=1'] }, platform: 'linux/arm64' };
    expect(buildImage(spec).descriptor).toEqual(
      buildImage({ ...spec, layers: ['x', { a: '1', b: '2' }] }).descriptor,
    );
    expect(buildImage(spec).descriptor.digest).not.toBe(
      buildImage({ ...spec, layers: ['y'] }).descriptor.digest,
    );
  });

  it.skipIf(!hasSkopeo)('is good enough for skopeo, both ways, layers unpacked by it', async () => {
    const { descriptor } = await registry.pushIndex('team/app', '1', [
      { layers: [{ 'etc/motd': 'hello' }] },
      { layers: [{ 'etc/motd': 'hello' }], platform: 'linux/arm64' },
    ]);
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const [from, to] = [`docker://${registry.host}/team/app:1`, `docker://${registry.host}/other/copy:2`];
    const folder = await mkdtemp(join(tmpdir(), 'skopeo-'));
    await run('skopeo', ['copy', '--all', '--src-tls-verify=false', from, `dir:${folder}`]);
    await run('skopeo', ['copy', '--all', '--dest-tls-verify=false', `dir:${folder}`, to]);
    await run('skopeo', [
      'copy',
      ...plain,
      '--format',
      'v2s2',
      from,
      `docker://${registry.host}/other/docker:1`,
    ]);
    await rm(folder, { recursive: true });
    expect(registry.storage.manifest('other/copy', '2')?.digest).toBe(descriptor.digest);
    expect(registry.storage.tags('other/docker')).toEqual(['1']);
  });

  it('refuses a manifest whose blobs it does not have', async () => {
    const image = buildImage({ layers: ['never pushed'] });
    const orphan = { ...image, blobs: new Map() };
    await expect(pushBuilt(httpSink(registry.origin), 'team/app', '1', orphan)).rejects.toThrow(
      'MANIFEST_BLOB_UNKNOWN',
    );
  });

  it('refuses a blob that is not what its digest says', async () => {
    const url = `${registry.origin}/v2/team/app/blobs/uploads/?digest=sha256:${'0'.repeat(64)}`;
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(400);
  });

  it('does not find what is not accepted, as real registries do', async () => {
    await registry.pushImage('team/app', '1');
    const response = await fetch(`${registry.origin}/v2/team/app/manifests/1`, {
      headers: { accept: '*/*' },
    });
    expect(response.status).toBe(404);
  });

  it('takes tags away with the digest, and alone', async () => {
    const { descriptor } = await registry.pushImage('team/app', '1');
    await registry.pushImage('team/app', '2');
    await registry.pushImage('team/app', '3', { layers: ['other'] });
    const remove = (name: string) =>
      fetch(`${registry.origin}/v2/team/app/manifests/${name}`, { method: 'DELETE' });
    expect((await remove(descriptor.digest)).status).toBe(202);
    expect(registry.storage.tags('team/app')).toEqual(['3']);
    expect((await remove('3')).status).toBe(202);
    expect((await remove('3')).status).toBe(404);
  });

  it('lets a user push only where a user may', async () => {
    const users = { ci: { password: 'pw', repositories: ['team/app'] } };
    const guarded = await startRegistry({ auth: { kind: 'basic', users } });
    const authorization = `Basic ${Buffer.from('ci:pw').toString('base64')}`;
    await pushImage(httpSink(guarded.origin, { authorization }), 'team/app', '1');
    await expect(pushImage(httpSink(guarded.origin, { authorization }), 'team/other', '1')).rejects.toThrow(
      '403',
    );
    await expect(pushImage(httpSink(guarded.origin), 'team/app', '2')).rejects.toThrow('401');
    await guarded.close();
  });

  it('counts what it was asked', async () => {
    await registry.pushImage('team/app', '1');
    const url = `${registry.origin}/v2/team/app/manifests/1`;
    await fetch(url, { method: 'HEAD' });
    await fetch(url, { method: 'HEAD' });
    await fetch(url);
    expect(registry.log.ofManifest('team/app', '1')).toEqual({ head: 2, get: 1 });
    registry.log.clear();
    expect(registry.log.ofManifest('team/app', '1')).toEqual({ head: 0, get: 0 });
  });
});
