import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Digest } from '@image-factory/core/reference/types.ts';
import {
  dockerConfig,
  dockerLayer,
  dockerList,
  dockerManifest,
  ociConfig,
  ociIndex,
  ociLayer,
  ociManifest,
} from './media-types.ts';
import { tar, type LayerFiles } from './tar.ts';

/** A text becomes a layer with one file; bytes are taken as an uncompressed tar archive. */
export type LayerSpec = string | LayerFiles | Uint8Array;

export interface ImageSpec {
  readonly layers?: readonly LayerSpec[];
  /** `os/arch[/variant]`; default `linux/amd64`. */
  readonly platform?: string;
  /** The `config` object of the image config: Env, Cmd, Labels... */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly created?: string;
  readonly history?: readonly Readonly<Record<string, unknown>>[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** Media types of Docker instead of those of OCI. */
  readonly docker?: boolean;
  /** Makes it a referrer of this manifest. */
  readonly subject?: Descriptor;
  readonly artifactType?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
}

export interface BuiltManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly blobs: ReadonlyMap<Digest, Buffer>;
  /** Uncompressed layer digests, base first; empty for an index. */
  readonly diffIds: readonly Digest[];
}

export interface IndexSpec {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly docker?: boolean;
}

/** The digest of these bytes, as a registry names them. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

function layerTar(layer: LayerSpec): Buffer {
  if (layer instanceof Uint8Array) return Buffer.from(layer);
  return tar(typeof layer === 'string' ? { 'content.txt': layer } : layer);
}

function platformObject(name: string): Record<string, string> {
  const [os = 'linux', architecture = 'amd64', variant] = name.split('/');
  return { architecture, os, ...(variant ? { variant } : {}) };
}

/** Image manifest, config and layers from a description; equal descriptions give equal bytes. */
export function buildImage(spec: ImageSpec = {}): BuiltManifest {
  const blobs = new Map<Digest, Buffer>();
  const add = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const tars = (spec.layers ?? ['empty']).map(layerTar);
  const diffIds = tars.map(digestOf);
  const platform = platformObject(spec.platform ?? 'linux/amd64');
  const layers = tars.map((bytes) => add(spec.docker ? dockerLayer : ociLayer, gzipSync(bytes)));
  const config = {
    ...(spec.created ? { created: spec.created } : {}),
    ...platform,
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(spec.history ? { history: spec.history } : {}),
  };
  const mediaType = spec.docker ? dockerManifest : ociManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    ...(spec.artifactType ? { artifactType: spec.artifactType } : {}),
    config: add(spec.docker ? dockerConfig : ociConfig, Buffer.from(JSON.stringify(config))),
    layers,
    ...(spec.subject ? { subject: plain(spec.subject) } : {}),
    ...(spec.annotations ? { annotations: spec.annotations } : {}),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length, platform },
    bytes,
    blobs,
    diffIds,
  };
}

function plain(descriptor: Descriptor): Descriptor {
  return { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };
}

/** An image index of these manifests, with their platforms. */
export function buildIndex(children: readonly BuiltManifest[], spec: IndexSpec = {}): BuiltManifest {
  const mediaType = spec.docker ? dockerList : ociIndex;
  const index = {
    schemaVersion: 2,
    mediaType,
    manifests: children.map((child) => child.descriptor),
    ...(spec.annotations ? { annotations: spec.annotations } : {}),
  };
  const bytes = Buffer.from(JSON.stringify(index));
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    bytes,
    blobs: new Map(),
    diffIds: [],
  };
}

/** What BuildKit adds to an index for each platform: a manifest of platform `unknown/unknown` that attests another. */
export function buildAttestation(subject: BuiltManifest, statement: string): BuiltManifest {
  const image = buildImage({ layers: [statement], platform: 'unknown/unknown' });
  const annotations = {
    'vnd.docker.reference.digest': subject.descriptor.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  };
  return { ...image, descriptor: { ...image.descriptor, annotations } };
}
