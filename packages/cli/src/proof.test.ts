import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Intent } from '@image-factory/core/state/types.ts';
import { startDockerRegistry, type DockerRegistry } from '@image-factory/testing/docker-registry.ts';
import { installed } from '@image-factory/testing/installed.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { prepareBases, type Bases } from './demo/bases.ts';
import { makePlace, managed, settings, type Place } from './testing/test-place.ts';
import { buildCommand, startCommand } from './testing/test-process.ts';

const run = promisify(execFile);
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

interface Manifest {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly unknown[];
  readonly annotations?: Readonly<Record<string, string>>;
}

describe.runIf(await installed('buildah', 'skopeo', 'docker-registry', 'root rights'))(
  'the proof, on a real builder and a real registry',
  { timeout: 180_000 },
  () => {
    let main: string;
    let place: Place;
    let registry: DockerRegistry;
    let bases: Bases;
    let origin: string;
    beforeAll(async () => {
      main = await buildCommand();
      registry = await startDockerRegistry();
      bases = await prepareBases(registry.sink, true);
      origin = `${registry.origin}/v2`;
    }, 120_000);
    afterAll(() => registry.stop());
    beforeEach(async () => {
      place = await makePlace('real');
    });
    afterEach(() => place.leave());

    async function enrolled(name: string, dockerfile: string): Promise<void> {
      await place.remote.commit({ [`${name}/Dockerfile`]: dockerfile, [`${name}/app.txt`]: `${name}\n` });
      const entry = managed({ registry, remote: place.remote }, name);
      await place.enrol(entry, settings({ registry }).replace('tool: layers', 'tool: buildah'));
    }

    async function manifestOf(repository: string, name: string): Promise<Manifest> {
      const response = await fetch(`${origin}/${repository}/manifests/${name}`, {
        headers: { accept: manifestType },
      });
      return (await response.json()) as Manifest;
    }

    interface Report {
      readonly ended: readonly {
        readonly image: string;
        readonly rebuild: { readonly outcome: string; readonly error?: string };
      }[];
      readonly started: readonly string[];
      readonly plan: {
        readonly decisions: readonly {
          readonly image: string;
          readonly action: string;
          readonly notes: readonly { readonly code: string }[];
        }[];
      };
    }

    it('the right annotations and the wrong layers come out as base-drift, which stops the image', async () => {
      await bases.pushOs('wrong', '0');
      const wrong = (
        await fetch(`${origin}/base/os/manifests/1`, {
          method: 'HEAD',
          headers: { accept: 'application/vnd.oci.image.index.v1+json' },
        })
      ).headers.get('docker-content-digest');
      const right = await bases.pushOs('right', '1');
      expect(wrong).not.toBe(right);
      await enrolled('web', `FROM ${registry.host}/base/os:1\nRUN sleep 600\nCOPY app.txt /app.txt\n`);
      const killed = startCommand([main, '--dir', place.dir, 'run', '--once'], { env: place.env });
      const intent = await openIntent('web');
      killed.child.kill('SIGKILL');
      await killed.ended;
      expect(intent.pins.map(({ digest }) => digest)).toEqual([right]);

      // What a build with that key might have pushed, had something between us and it changed the base.
      const annotations = {
        'org.opencontainers.image.base.name': `${registry.host}/base/os:1`,
        'org.opencontainers.image.base.digest': right,
        'io.image-factory.build-key': intent.key,
        'io.image-factory.attempt': String(intent.attempt),
      };
      const context = join(place.root, 'wrong');
      await mkdir(context);
      await writeFile(join(context, 'app.txt'), 'web\n');
      await writeFile(
        join(context, 'Dockerfile'),
        `FROM ${registry.host}/base/os@${wrong}\nCOPY app.txt /app.txt\n`,
      );
      const store = [
        '--root',
        join(place.root, 'store'),
        '--runroot',
        join(place.root, 'run'),
        '--storage-driver',
        'vfs',
      ];
      const target = `${registry.host}/acme/web:1`;
      const said = Object.entries(annotations).flatMap(([key, value]) => ['--annotation', `${key}=${value}`]);
      await run('buildah', [
        ...store,
        'bud',
        '--isolation',
        'chroot',
        '--tls-verify=false',
        '--format',
        'oci',
        ...said,
        '-t',
        target,
        context,
      ]);
      await run('buildah', [...store, 'push', '--tls-verify=false', '--format', 'oci', target]);
      expect((await manifestOf('acme/web', '1')).annotations).toMatchObject(annotations);

      const { exit, out } = await place.run('--output', 'json', 'run', '--once', '--force');
      const report = JSON.parse(out) as Report;
      expect(exit).toBe(1);
      expect(report.ended.map(({ image, rebuild }) => [image, rebuild.outcome])).toEqual([
        ['web', 'base-drift'],
      ]);
      expect(report.ended[0]?.rebuild.error).toContain(`/base/os:1@${right}`);
      expect(report.started).toEqual([]);
      const [decision] = report.plan.decisions;
      expect(decision?.action).toBe('blocked');
      expect(decision?.notes.map(({ code }) => code)).toContain('base-drift');
      // Whatever comes, nothing is built before a person has looked.
      await bases.pushOs('newer', '2');
      expect((await place.ask<Report>('run', '--once', '--force')).started).toEqual([]);
    });

    it('an image with every label and annotation stripped is proved by its layers', async () => {
      const base = await bases.pushOs('stripped', '3');
      await enrolled(
        'api',
        `FROM ${registry.host}/base/os:1\nLABEL org.opencontainers.image.base.digest=sha256:${'0'.repeat(64)}\nRUN echo built > /etc/built\nCOPY app.txt /app.txt\n`,
      );
      const first = await place.ask<Report>('run', '--once', '--force');
      expect(first.ended.map(({ image, rebuild }) => [image, rebuild.outcome, rebuild.error])).toEqual([
        ['api', 'success', undefined],
      ]);
      const built = (await place.state()).images.get('api');
      expect(built?.builtFrom).toEqual({ 'base-os-1': { digest: base, evidence: 'layers' } });

      const manifest = await manifestOf('acme/api', '1');
      const config = (await (await fetch(`${origin}/acme/api/blobs/${manifest.config.digest}`)).json()) as {
        config: Record<string, unknown>;
      };
      expect(config.config['Labels']).toBeDefined();
      const { Labels: _, ...rest } = config.config;
      const stripped = Buffer.from(JSON.stringify({ ...config, config: rest, history: undefined }));
      const digest = `sha256:${createHash('sha256').update(stripped).digest('hex')}`;
      await registry.sink.putBlob('acme/api', digest as never, stripped);
      const bare = {
        schemaVersion: 2,
        mediaType: manifestType,
        config: { ...manifest.config, digest, size: stripped.length },
        layers: manifest.layers,
      };
      await registry.sink.putManifest('acme/api', '1', manifestType, Buffer.from(JSON.stringify(bare)));

      for (const again of [
        'stripped',
        'through skopeo as Docker v2s2',
        'and with all records of ours lost',
      ]) {
        if (again.startsWith('through')) {
          const image = `docker://${registry.host}/acme/api:1`;
          await run('skopeo', [
            'copy',
            '-q',
            '--format',
            'v2s2',
            '--src-tls-verify=false',
            '--dest-tls-verify=false',
            image,
            image,
          ]);
        }
        if (again.endsWith('lost')) await run('rm', ['-r', join(place.dir, 'state')]);
        const report = await place.ask<Report>('run', '--once', '--force');
        expect(report.started, again).toEqual([]);
        const record = (await place.state()).images.get('api');
        expect(record?.content?.digest, again).not.toBe(built?.content?.digest);
        expect(record?.content?.annotatedBase, again).toBeUndefined();
        expect(record?.builtFrom, again).toEqual({ 'base-os-1': { digest: base, evidence: 'layers' } });
      }
    });

    /** The image's intent, once its run is on record. */
    async function openIntent(image: string): Promise<Intent> {
      for (let wait = 0; wait < 600; wait++) {
        const intent = (await place.state()).intents.get(image);
        if (intent?.run) return intent;
        await sleep(100);
      }
      throw new Error(`no intent in ${[...(await place.stateFiles()).keys()].join()}`);
    }
  },
);
