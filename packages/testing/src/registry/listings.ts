import type { Descriptor } from './build-image.ts';
import { ociIndex } from './media-types.ts';
import { errorReply, jsonReply, type Reply } from './reply.ts';
import type { RegistryStorage } from './storage.ts';

export interface ListingOptions {
  /** Entries of a page, whatever the client asks for; default: as many as it asks for. */
  readonly pageSize?: number;
  /** A larger `n` is an error, as on some registries. */
  readonly largestPage?: number;
  /** The address of the next page, where it is not the usual relative one. */
  readonly nextLink?: (usual: string) => string;
}

/** `GET /v2/<repository>/tags/list`, in lexical order, with `n`, `last` and Link. */
export function answerTags(
  storage: RegistryStorage,
  repository: string,
  query: URLSearchParams,
  options: ListingOptions,
): Reply {
  if (!storage.has(repository))
    return errorReply(404, 'NAME_UNKNOWN', 'repository name not known to registry');
  const asked = query.has('n') ? Number(query.get('n')) : Number.POSITIVE_INFINITY;
  if (options.largestPage !== undefined && query.has('n') && asked > options.largestPage) {
    return errorReply(400, 'TOO_MANY_TAGS_REQUESTED', `at most ${options.largestPage} tags`);
  }
  const size = Math.min(asked, options.pageSize ?? options.largestPage ?? Number.POSITIVE_INFINITY);
  const last = query.get('last');
  const rest = storage.tags(repository).filter((tag) => last === null || tag > last);
  const page = rest.slice(0, size);
  const headers: Record<string, string> = {};
  if (rest.length > page.length) {
    const next = `/v2/${repository}/tags/list?n=${size}&last=${encodeURIComponent(page.at(-1) ?? '')}`;
    headers['link'] = `<${options.nextLink?.(next) ?? next}>; rel="next"`;
  }
  return jsonReply(200, { name: repository, tags: page }, headers);
}

/** `GET /v2/<repository>/referrers/<digest>`: always 200, filtered where asked, in pages of `pageSize`. */
export function answerReferrers(
  storage: RegistryStorage,
  repository: string,
  digest: string,
  query: URLSearchParams,
  options: ListingOptions & { readonly filter: boolean },
): Reply {
  const wanted = options.filter ? query.get('artifactType') : null;
  const all = storage
    .referrers(repository, digest)
    .filter((descriptor) => wanted === null || descriptor.artifactType === wanted);
  const from = Number(query.get('page') ?? 0);
  const size = options.pageSize ?? Number.POSITIVE_INFINITY;
  const page: readonly Descriptor[] = all.slice(from, from + size);
  const headers: Record<string, string> = { 'content-type': ociIndex };
  if (wanted !== null) headers['oci-filters-applied'] = 'artifactType';
  if (from + page.length < all.length) {
    headers['link'] = `</v2/${repository}/referrers/${digest}?page=${from + size}>; rel="next"`;
  }
  return jsonReply(200, { schemaVersion: 2, mediaType: ociIndex, manifests: page }, headers);
}
