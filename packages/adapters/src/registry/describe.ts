import type { Described } from '@image-factory/core/ports/registry.ts';
import type { Digest, PlatformName } from '@image-factory/core/reference/types.ts';
import type { PlatformContent } from '@image-factory/core/state/types.ts';
import { parseInstant, type Instant } from '@image-factory/core/time.ts';
import { fetchConfig, fetchManifest } from './content.ts';
import { digestFrom } from './digest.ts';
import { registryFailure } from './failures.ts';
import type { Host } from './host.ts';
import { platformFrom, readImageConfig } from './image-config.ts';
import { isObject, objectsOf, parseObject, textOf, type JsonObject } from './json.ts';
import { isIndex } from './media-types.ts';

const mostChildren = 256;
const createdAnnotation = 'org.opencontainers.image.created';

interface Annotations {
  readonly [key: string]: string;
}

interface Child {
  readonly digest: Digest;
  /** As the index says; undefined: as its own config says. */
  readonly platform: PlatformName | undefined;
}

interface Image {
  readonly platform: PlatformName | undefined;
  readonly content: PlatformContent;
  readonly annotations: Annotations;
  readonly created: Instant | undefined;
}

/** `whole` is false if the registry did not serve a part: then the answer must not be kept. */
export interface Description {
  readonly described: Described;
  readonly whole: boolean;
}

/** Reads a digest down to its configs; undefined if the registry does not serve it. */
export async function describeDigest(
  host: Host,
  repository: string,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Description | undefined> {
  const manifest = await fetchManifest(host, repository, digest, signal);
  if (!manifest) return undefined;
  const json = parseObject(host.registry, `manifest ${digest}`, manifest.bytes);
  // Read as an index by one client and as an image by another, it would be two things under one digest.
  if (json['manifests'] !== undefined && (json['config'] !== undefined || json['layers'] !== undefined)) {
    throw registryFailure(
      'REGISTRY_INVALID',
      host.registry,
      `manifest ${digest} is an image and an index at once`,
    );
  }
  const own = annotationsOf(json);
  if (!Array.isArray(json['manifests'])) {
    const image = await readImage(host, repository, digest, json, signal);
    return { described: combine(digest, own, image === 'gone' ? [] : [image]), whole: image !== 'gone' };
  }
  const children = childrenOf(host, digest, json);
  const images = await Promise.all(children.map((child) => fetchChild(host, repository, child, signal)));
  const served = images.filter((image) => image !== 'gone');
  return { described: combine(digest, own, served), whole: served.length === images.length };
}

/** The images of an index. Attestations have the platform `unknown/unknown`, and are none. */
function childrenOf(host: Host, digest: Digest, index: JsonObject): readonly Child[] {
  const children: Child[] = [];
  for (const descriptor of objectsOf(index['manifests'])) {
    const child = digestFrom(descriptor['digest']);
    const platform = descriptor['platform'];
    const known = isObject(platform) ? platformFrom(platform) : undefined;
    const isImage = platform === undefined || known !== undefined;
    if (child && isImage && !isIndex(textOf(descriptor['mediaType'])))
      children.push({ digest: child, platform: known });
  }
  if (children.length <= mostChildren) return children;
  const detail = `index ${digest} has ${children.length} images, at most ${mostChildren} are read`;
  throw registryFailure('REGISTRY_TOO_LARGE', host.registry, detail);
}

async function fetchChild(
  host: Host,
  repository: string,
  child: Child,
  signal: AbortSignal | undefined,
): Promise<Image | 'gone'> {
  const manifest = await fetchManifest(host, repository, child.digest, signal);
  if (!manifest) return 'gone';
  const json = parseObject(host.registry, `manifest ${child.digest}`, manifest.bytes);
  const image = await readImage(host, repository, child.digest, json, signal);
  return image === 'gone' ? image : { ...image, platform: child.platform ?? image.platform };
}

async function readImage(
  host: Host,
  repository: string,
  digest: Digest,
  manifest: JsonObject,
  signal: AbortSignal | undefined,
): Promise<Image | 'gone'> {
  const descriptor = manifest['config'];
  const configDigest = isObject(descriptor) ? digestFrom(descriptor['digest']) : undefined;
  if (!configDigest) {
    throw registryFailure(
      'REGISTRY_INVALID',
      host.registry,
      `manifest ${digest} names no image configuration`,
    );
  }
  const blob = await fetchConfig(host, repository, configDigest, signal);
  if (!blob) return 'gone';
  const config = readImageConfig(parseObject(host.registry, `configuration ${configDigest}`, blob.bytes));
  if (config === 'nested') {
    throw registryFailure(
      'REGISTRY_INVALID',
      host.registry,
      `configuration ${configDigest} is nested too deeply`,
    );
  }
  return {
    platform: config?.platform,
    content: {
      digest,
      diffIds: config?.diffIds ?? [],
      config: config?.hash ?? configDigest,
      ...(config && config.onBuild.length > 0 ? { onBuild: config.onBuild } : {}),
    },
    annotations: annotationsOf(manifest),
    created: config?.created,
  };
}

/** Of two images for one platform the first counts, as for runtimes. Artifacts have no platform, and are left out. */
function combine(digest: Digest, own: Annotations, images: readonly Image[]): Described {
  const platforms: Record<PlatformName, PlatformContent> = {};
  for (const { platform, content } of images) {
    if (platform !== undefined) platforms[platform] ??= content;
  }
  const annotations = { ...commonAnnotations(images), ...own };
  const publishedAt = publishedTime(annotations, images);
  return { digest, platforms, annotations, ...(publishedAt === undefined ? {} : { publishedAt }) };
}

function commonAnnotations(images: readonly Image[]): Annotations {
  const [first, ...others] = images;
  const equal = Object.entries(first?.annotations ?? {}).filter(([key, value]) =>
    others.every(({ annotations }) => Object.hasOwn(annotations, key) && annotations[key] === value),
  );
  return Object.fromEntries(equal);
}

/** The annotation where there is one, else the latest date of the configs: both are the publisher's word. */
function publishedTime(annotations: Annotations, images: readonly Image[]): Instant | undefined {
  const annotated = parseInstant(annotations[createdAnnotation] ?? '');
  const created = images.map((image) => image.created).filter((time) => time !== undefined);
  return annotated ?? (created.length > 0 ? Math.max(...created) : undefined);
}

function annotationsOf(manifest: JsonObject): Annotations {
  const { annotations } = manifest;
  if (!isObject(annotations)) return {};
  const texts = Object.entries(annotations).filter(
    ([key, value]) => typeof value === 'string' && key !== '__proto__',
  );
  return Object.fromEntries(texts) as Annotations;
}
