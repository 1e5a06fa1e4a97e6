import type { Digest } from '@image-factory/core/reference/types.ts';
import { buildImage, buildIndex, type BuiltManifest, type ImageSpec, type IndexSpec } from './build-image.ts';

/** Where built images can be put: the in-process registry's storage, or any registry over HTTP. */
export interface ImageSink {
  putBlob(repository: string, digest: Digest, bytes: Buffer): Promise<void>;
  /** `name` is a tag or a digest. */
  putManifest(repository: string, name: string, mediaType: string, bytes: Buffer): Promise<void>;
}

/** Puts blobs and manifest; without a tag it is there by its digest only. */
export async function pushBuilt(
  sink: ImageSink,
  repository: string,
  tag: string | undefined,
  built: BuiltManifest,
): Promise<Digest> {
  for (const [digest, bytes] of built.blobs) await sink.putBlob(repository, digest, bytes);
  const { mediaType, digest } = built.descriptor;
  await sink.putManifest(repository, tag ?? digest, mediaType, built.bytes);
  return digest;
}

export async function pushImage(
  sink: ImageSink,
  repository: string,
  tag: string | undefined,
  spec: ImageSpec = {},
): Promise<BuiltManifest> {
  const built = buildImage(spec);
  await pushBuilt(sink, repository, tag, built);
  return built;
}

/** Pushes the children by digest, then their index under the tag. */
export async function pushIndex(
  sink: ImageSink,
  repository: string,
  tag: string | undefined,
  children: readonly (ImageSpec | BuiltManifest)[],
  spec: IndexSpec = {},
): Promise<BuiltManifest & { readonly children: readonly BuiltManifest[] }> {
  const built = children.map((child) => ('descriptor' in child ? child : buildImage(child)));
  for (const child of built) await pushBuilt(sink, repository, undefined, child);
  const index = buildIndex(built, spec);
  await pushBuilt(sink, repository, tag, index);
  return { ...index, children: built };
}

/** Pushes over the distribution protocol: each blob in one upload (POST, then PUT). */
export function httpSink(origin: string, headers: Readonly<Record<string, string>> = {}): ImageSink {
  async function expectSuccess(what: string, response: Response): Promise<Response> {
    if (response.ok) return response;
    throw new Error(`${what} failed with ${response.status}: ${(await response.text()).slice(0, 300)}`);
  }
  return {
    async putBlob(repository, digest, bytes) {
      const known = await fetch(`${origin}/v2/${repository}/blobs/${digest}`, { method: 'HEAD', headers });
      if (known.ok) return;
      const url = `${origin}/v2/${repository}/blobs/uploads/`;
      const started = await expectSuccess(
        'starting an upload',
        await fetch(url, { method: 'POST', headers }),
      );
      const location = new URL(started.headers.get('location') ?? '', url);
      location.searchParams.set('digest', digest);
      const upload = { method: 'PUT', headers: { ...headers, 'content-type': 'application/octet-stream' } };
      await expectSuccess(
        'uploading a blob',
        await fetch(location, { ...upload, body: new Uint8Array(bytes) }),
      );
    },
    async putManifest(repository, name, mediaType, bytes) {
      const put = { method: 'PUT', headers: { ...headers, 'content-type': mediaType } };
      const url = `${origin}/v2/${repository}/manifests/${name}`;
      await expectSuccess('pushing a manifest', await fetch(url, { ...put, body: new Uint8Array(bytes) }));
    },
  };
}
