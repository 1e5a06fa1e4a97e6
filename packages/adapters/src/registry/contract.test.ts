import type { Registry } from '@image-factory/core/ports/registry.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { findDockerRegistry, startDockerRegistry } from '@image-factory/testing/docker-registry.ts';
import {
  buildAttestation,
  buildImage,
  digestOf,
  type BuiltManifest,
} from '@image-factory/testing/registry/build-image.ts';
import { clientOptions, problemIn, referenceTo } from '@image-factory/testing/registry/client-options.ts';
import { pushBuilt, pushImage, pushIndex, type ImageSink } from '@image-factory/testing/registry/push.ts';
import { startRegistry } from '@image-factory/testing/registry/start-registry.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry } from './create-registry.ts';

interface Target {
  readonly host: string;
  readonly sink: ImageSink;
  readonly stop: () => Promise<void>;
  /** What the registry has beyond the minimum. */
  readonly has: { readonly referrers: boolean; readonly paging: boolean };
}

/** What the client does against any registry. */
function registryContract(name: string, startTarget: () => Promise<Target>, skipped?: string): void {
  const suffix = skipped === undefined ? '' : ` (skipped: ${skipped})`;
  describe.skipIf(skipped !== undefined)(`registry client on ${name}${suffix}`, () => {
    let target: Target;
    let registry: Registry & { close(): Promise<void> };
    const to = (path: string, tag?: string) => referenceTo(target.host, path, tag);

    beforeAll(async () => {
      target = await startTarget();
      registry = createRegistry(clientOptions(target.host));
    });
    afterAll(async () => {
      await registry?.close();
      await target?.stop();
    });

    it('sees the digest of a tag, and its move to another', async () => {
      const first = await pushImage(target.sink, 'team/app', '1', { layers: ['one'] });
      const look = await registry.look(to('team/app', '1'));
      expect(look).toMatchObject({ kind: 'digest', digest: first.descriptor.digest });
      const second = await pushImage(target.sink, 'team/app', '1', { layers: ['two'] });
      expect(await registry.look(to('team/app', '1'))).toMatchObject({
        kind: 'digest',
        digest: second.descriptor.digest,
        previous: { digest: first.descriptor.digest },
      });
    });

    it.each([
      ['an OCI image', false, false],
      ['a Docker image', true, false],
      ['an OCI index', false, true],
      ['a Docker manifest list', true, true],
    ])('sees %s under its own digest and type', async (_, docker, index) => {
      const tag = `${docker ? 'docker' : 'oci'}-${index ? 'index' : 'image'}`;
      const children = [{ docker }, { docker, platform: 'linux/arm64' }];
      const pushed = index
        ? await pushIndex(target.sink, 'team/types', tag, children, { docker })
        : await pushImage(target.sink, 'team/types', tag, { docker });
      const { digest, mediaType } = pushed.descriptor;
      expect(await registry.look(to('team/types', tag))).toEqual({ kind: 'digest', digest, mediaType });
    });

    it('says absent for a tag and for a repository that are not there', async () => {
      await pushImage(target.sink, 'team/some', 'there');
      expect(await registry.look(to('team/some', 'missing'))).toEqual({ kind: 'absent' });
      expect(await registry.look(to('team/nobody', 'missing'))).toEqual({ kind: 'absent' });
    });

    it('describes an image', async () => {
      const pushed = await pushImage(target.sink, 'team/single', '1', {
        layers: ['base', { 'etc/motd': 'hello', 'usr/bin/x': 'x' }],
        platform: 'linux/arm/v7',
        created: '2026-01-02T03:04:05Z',
        annotations: { 'org.opencontainers.image.base.name': 'docker.io/library/node:22' },
      });
      const described = await registry.describe(to('team/single'), pushed.descriptor.digest);
      expect(described).toEqual({
        digest: pushed.descriptor.digest,
        platforms: {
          'linux/arm/v7': {
            digest: pushed.descriptor.digest,
            diffIds: pushed.diffIds,
            config: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
          },
        },
        annotations: { 'org.opencontainers.image.base.name': 'docker.io/library/node:22' },
        publishedAt: Date.parse('2026-01-02T03:04:05Z'),
      });
    });

    it('describes an index by platform, without its attestations', async () => {
      const amd64 = buildImage({ layers: ['a'], annotations: { both: 'same', one: 'amd64' } });
      const arm64 = buildImage({
        layers: ['b'],
        platform: 'linux/arm64/v8',
        annotations: { both: 'same', one: 'arm64' },
      });
      const attestation = buildAttestation(amd64, 'provenance');
      const index = await pushIndex(target.sink, 'team/index', '1', [amd64, arm64, attestation], {
        annotations: { 'org.opencontainers.image.created': '2026-05-06T07:08:09Z' },
      });
      const described = await registry.describe(to('team/index'), index.descriptor.digest);
      expect(Object.keys(described?.platforms ?? {})).toEqual(['linux/amd64', 'linux/arm64']);
      expect(described?.platforms).toMatchObject({
        'linux/amd64': { digest: amd64.descriptor.digest, diffIds: amd64.diffIds },
        'linux/arm64': { digest: arm64.descriptor.digest, diffIds: arm64.diffIds },
      });
      expect(described?.annotations).toEqual({
        both: 'same',
        'org.opencontainers.image.created': '2026-05-06T07:08:09Z',
      });
      expect(described?.publishedAt).toBe(Date.parse('2026-05-06T07:08:09Z'));
    });

    it('tells equal content from other content', async () => {
      const content = { layers: ['same'], config: { Env: ['A=1'], Labels: { build: '1' } } };
      const images = await Promise.all([
        pushImage(target.sink, 'team/equal', 'a', { ...content, created: '2026-01-01T00:00:00Z' }),
        pushImage(target.sink, 'team/equal', 'b', {
          ...content,
          created: '2026-02-02T00:00:00Z',
          history: [{ created_by: 'later' }],
          config: { Labels: { build: '2' }, Env: ['A=1'] },
        }),
        pushImage(target.sink, 'team/equal', 'c', { ...content, config: { Env: ['A=2'] } }),
      ]);
      const hashes = await Promise.all(
        images.map(async ({ descriptor }) => {
          const described = await registry.describe(to('team/equal'), descriptor.digest);
          return described?.platforms['linux/amd64' as keyof typeof described.platforms]?.config;
        }),
      );
      expect(hashes[0]).toBe(hashes[1]);
      expect(hashes[0]).not.toBe(hashes[2]);
    });

    it('moves a tag back to an earlier digest, byte for byte', async () => {
      const first = await pushImage(target.sink, 'team/back', '1', { layers: ['one'] });
      const second = await pushIndex(target.sink, 'team/back', '1', [{ layers: ['two'] }]);
      const missing = digestOf('nobody pushed this');
      await registry.retag(to('team/back', '1'), first.descriptor.digest);
      expect(await registry.look(to('team/back', '1'), { force: true })).toMatchObject({
        digest: first.descriptor.digest,
      });
      await registry.retag(to('team/back', 'new'), second.descriptor.digest);
      expect(await registry.look(to('team/back', 'new'), { force: true })).toMatchObject({
        digest: second.descriptor.digest,
      });
      expect(await problemIn(registry.retag(to('team/back', '1'), missing))).toMatchObject({
        code: 'REGISTRY_NOT_FOUND',
      });
    });

    it('knows what is served and what is not', async () => {
      const { descriptor } = await pushImage(target.sink, 'team/served', '1');
      const missing = digestOf('nobody pushed this');
      expect(await registry.serves(to('team/served'), descriptor.digest)).toBe(true);
      expect(await registry.serves(to('team/served'), missing)).toBe(false);
      expect(await registry.describe(to('team/served'), missing)).toBeUndefined();
    });

    it('lists tags, without those of signatures', async () => {
      const { descriptor } = await pushImage(target.sink, 'team/tags', '1.0');
      const derived = descriptor.digest.replace(':', '-');
      for (const tag of ['1.1', 'latest', derived, `${derived}.sig`, `${derived}.att`]) {
        await pushImage(target.sink, 'team/tags', tag);
      }
      const listed = await registry.listTags(to('team/tags'));
      expect(listed.toSorted()).toEqual(['1.0', '1.1', 'latest']);
      const problem = await problemIn(registry.listTags(to('team/nobody')));
      expect(problem.code).toBe('REGISTRY_NOT_FOUND');
    });

    it('reads more tags than fit on one page', async (context) => {
      if (!target.has.paging) context.skip();
      const tags = Array.from({ length: 25 }, (_, index) => `v${String(index).padStart(2, '0')}`);
      for (const tag of tags) await pushImage(target.sink, 'team/many', tag);
      expect(await registry.listTags(to('team/many'))).toEqual(tags);
    });

    async function pushReferrer(subject: BuiltManifest, artifactType: string): Promise<BuiltManifest> {
      const referrer = buildImage({ layers: [artifactType], artifactType, subject: subject.descriptor });
      await pushBuilt(target.sink, 'team/signed', undefined, referrer);
      return referrer;
    }

    it('finds what refers to a digest', async () => {
      const subject = await pushImage(target.sink, 'team/signed', '1', { layers: ['signed'] });
      const digest = subject.descriptor.digest;
      expect(await registry.referrers(to('team/signed'), digest)).toEqual([]);
      const signature = await pushReferrer(subject, 'application/vnd.example.signature');
      const bom = await pushReferrer(subject, 'application/vnd.example.bom');
      if (!target.has.referrers) {
        const { digest: own, mediaType, size } = signature.descriptor;
        // Written by a client that did not know the artifact type.
        const plain = { ...signature, descriptor: { mediaType, digest: own, size } };
        await pushIndex(target.sink, 'team/signed', digest.replace(':', '-'), [plain, bom]);
      }
      const all = await registry.referrers(to('team/signed'), digest);
      expect(digests(all)).toEqual(digests([signature.descriptor, bom.descriptor]));
      const wanted = 'application/vnd.example.signature';
      expect(await registry.referrers(to('team/signed'), digest, wanted)).toEqual([
        {
          digest: signature.descriptor.digest,
          mediaType: signature.descriptor.mediaType,
          artifactType: wanted,
        },
      ]);
    });

    it('reads the clock of the registry', async () => {
      await registry.look(to('team/app', '1'));
      const readings = registry.takeClockReadings();
      expect(readings.length).toBeGreaterThan(0);
      expect(registry.takeClockReadings()).toEqual([]);
    });
  });
}

function digests(list: readonly { readonly digest: Digest }[]): string[] {
  return list.map(({ digest }) => digest as string).toSorted();
}

registryContract('the registry in process', async () => {
  const registry = await startRegistry({ tags: { pageSize: 10 }, referrers: { pageSize: 1 } });
  return {
    host: registry.host,
    sink: registry.storage,
    stop: () => registry.close(),
    has: { referrers: true, paging: true },
  };
});

// Where the tests must be whole, a missing registry is a failure.
const mayBeSkipped = !process.env['CI'] && (await findDockerRegistry()) === undefined;

registryContract(
  "Debian's docker-registry",
  async () => {
    const registry = await startDockerRegistry();
    return {
      host: registry.host,
      sink: registry.sink,
      stop: () => registry.stop(),
      has: { referrers: false, paging: false },
    };
  },
  mayBeSkipped ? 'docker-registry is not installed' : undefined,
);
