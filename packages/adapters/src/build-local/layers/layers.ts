import type { Clock } from '@image-factory/core/ports/clock.ts';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { Dependency } from '@image-factory/core/state/types.ts';
import { formatInstant } from '@image-factory/core/time.ts';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildJob, BuildTool, Workbench } from '../build-tool.ts';
import type { RegistryLogin } from '../local-builder-options.ts';
import { repositoryOf } from '../pin-contexts.ts';
import { nativePlatform } from '../platforms.ts';
import { digestUnder, targetReference, type PushedRegistry } from '../pushed.ts';
import { readImage, type Image } from './image.ts';
import { buildTarget } from './stages.ts';
import { createTransfer, digestOf, type Repository, type Transfer } from './transfer.ts';
import { refuseUnsupported } from './unsupported.ts';

export interface LayersOptions {
  readonly insecureRegistries: readonly string[];
  readonly login: ((domain: string) => Promise<RegistryLogin | undefined>) | undefined;
  readonly clock: Clock;
  readonly registry: PushedRegistry;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';

/**
 * A builder that needs nothing installed and executes nothing: the base as it is, and one layer for each COPY or ADD. For
 * demonstrations where there is no real builder. What it cannot do is refused before anything is written.
 */
export function layersTool(options: LayersOptions): BuildTool {
  return {
    name: 'layers',
    version: '1',
    async check(job) {
      refuseUnsupported(job);
      await refuseIgnoreFile(job);
    },
    async build(job, bench) {
      const transfer = createTransfer({ ...options, signal: bench.signal });
      const platforms = job.request.platforms.length > 0 ? job.request.platforms : [nativePlatform()];
      const to = repositoryIn(job.targets[0] ?? '');
      const created = formatInstant(options.clock.now());
      const manifests: {
        mediaType: string;
        digest: Digest;
        size: number;
        platform: object;
        content: Buffer;
      }[] = [];
      for (const platform of platforms) {
        const base = (dependency: Dependency, of: string) =>
          readBase(dependency, of, job, transfer, options.registry, bench);
        const image = await buildTarget({ job, platform, transfer, base, created });
        const [os = '', architecture = '', variant] = platform.split('/');
        const described = { os, architecture, ...(variant ? { variant } : {}) };
        const content = await pushImage(transfer, to, image, described, created, job);
        const digest = await transfer.pushManifest(to, digestOf(content), manifestType, content);
        bench.log(`${platform}: ${image.layers.length} layers, ${digest}`);
        manifests.push({
          mediaType: manifestType,
          digest,
          size: content.length,
          platform: described,
          content,
        });
      }
      const single = manifests.length === 1 ? manifests[0] : undefined;
      const content =
        single?.content ??
        indexOf(
          manifests.map(({ mediaType, digest, size, platform }) => ({ mediaType, digest, size, platform })),
          job,
        );
      let digest: Digest | undefined;
      bench.pushing();
      for (const target of job.targets) {
        const tag = targetReference(target).tag ?? 'latest';
        digest = await transfer.pushManifest(to, tag, single ? manifestType : indexType, content);
      }
      return digest as Digest;
    },
  };
}

async function readBase(
  dependency: Dependency,
  platform: string,
  job: BuildJob,
  transfer: Transfer,
  registry: PushedRegistry,
  bench: Workbench,
): Promise<Image> {
  const { reference } = dependency;
  const pin = job.request.pins.find((item) => item.reference === reference || item.base === dependency.base);
  const written = reference.includes('@')
    ? (reference.slice(reference.indexOf('@') + 1) as Digest)
    : undefined;
  const digest =
    written ?? pin?.digest ?? (await digestUnder(registry, targetReference(reference), bench.signal));
  if (digest === undefined) {
    throw new FactoryError({
      code: 'REGISTRY_NOT_FOUND',
      message: `expected a base at ${reference}, its registry has none`,
      hint: 'Check the name and tag in the Dockerfile.',
    });
  }
  bench.log(`base ${reference} -> ${digest}`);
  return readImage(transfer, repositoryIn(reference), digest, platform);
}

async function pushImage(
  transfer: Transfer,
  to: Repository,
  image: Image,
  platform: object,
  created: string,
  job: BuildJob,
): Promise<Buffer> {
  for (const layer of image.layers) {
    if (layer.content) await transfer.pushBlob(to, layer.content);
    else if (layer.from) await transfer.copyBlob(layer.from, to, layer.digest);
  }
  const config = Buffer.from(
    JSON.stringify({
      created,
      ...platform,
      config: image.config,
      rootfs: { type: 'layers', diff_ids: image.layers.map((layer) => layer.diffId) },
      history: image.history,
    }),
  );
  const digest = await transfer.pushBlob(to, config);
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: configType, digest, size: config.length },
      layers: image.layers.map(({ mediaType, digest: layer, size }) => ({ mediaType, digest: layer, size })),
      annotations: saidAnnotations(job),
    }),
  );
}

function indexOf(manifests: readonly object[], job: BuildJob): Buffer {
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests, annotations: saidAnnotations(job) }),
  );
}

function saidAnnotations(job: BuildJob): Readonly<Record<string, string>> {
  return Object.fromEntries([...job.annotations].filter(([, value]) => value !== ''));
}

function repositoryIn(reference: string): Repository {
  const { domain, path } = targetReference(`${repositoryOf(reference)}:x`);
  return { domain, path };
}

/** Files that the author keeps out of the image must not get into it because this builder does not read the patterns. */
async function refuseIgnoreFile(job: BuildJob): Promise<void> {
  for (const file of [`${job.files.dockerfile}.dockerignore`, join(job.files.context, '.dockerignore')]) {
    const found = await access(file).then(
      () => true,
      () => false,
    );
    if (!found) continue;
    throw new FactoryError({
      code: 'BUILDER_UNSUPPORTED',
      message:
        'expected a build context without .dockerignore, got one with it: the layers builder does not read it',
      hint: 'Install buildah, or docker with buildx.',
    });
  }
}
