const ociIndex = 'application/vnd.oci.image.index.v1+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';

/**
 * Asked for with every manifest request, always all four: with fewer, a registry answers "not found" for a tag that
 * exists, or converts and answers another digest. Changing the list changes what looks see, so the cache of looks
 * is bound to it.
 */
export const manifestAccept = [ociIndex, dockerList, ociManifest, dockerManifest].join(', ');

export function isIndex(mediaType: string | undefined): boolean {
  return mediaType === ociIndex || mediaType === dockerList;
}

export function isManifest(mediaType: string | undefined): boolean {
  return mediaType === ociManifest || mediaType === dockerManifest;
}

/** `text/html; charset=utf-8` is `text/html`. */
export function withoutParameters(contentType: string | undefined): string | undefined {
  return contentType?.split(';')[0]?.trim().toLowerCase();
}
