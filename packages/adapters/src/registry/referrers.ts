import type { Digest } from '@image-factory/core/reference/types.ts';
import { fetchManifest } from './content.ts';
import { digestFrom } from './digest.ts';
import { hasCode, plainAddress, Throttled } from './failures.ts';
import type { FollowedAnswer } from './follow.ts';
import type { Host } from './host.ts';
import { isObject, objectsOf, parseObject, textOf, type JsonObject } from './json.ts';
import { isAbsent, largestManifest } from './look.ts';
import { manifestAccept, withoutParameters } from './media-types.ts';
import { largestPage, readPages } from './pages.ts';
import { retryDelay } from './retry-delay.ts';
import { headerOf } from './answer-headers.ts';

export interface Referrer {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType?: string;
}

const indexType = 'application/vnd.oci.image.index.v1+json';
/** Older writers put this in the place of the type that they meant. */
const emptyType = 'application/vnd.oci.empty.v1+json';
const mostReferrers = 1000;

/**
 * What refers to a digest: by the referrers API, else by the tag `sha256-<hex>`. The tag is asked where the API is
 * missing (404 and its like), leads to another host (GHCR answers 303 to a web page) or refuses for now (429).
 */
export async function findReferrers(
  host: Host,
  repository: string,
  digest: Digest,
  artifactType: string | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly Referrer[]> {
  const found = await byApi(host, repository, digest, artifactType, signal);
  if (artifactType === undefined || found.filtered) return found.referrers;
  const kept: Referrer[] = [];
  for (const referrer of found.referrers) {
    const type = await effectiveType(host, repository, referrer, signal);
    if (type === artifactType) kept.push({ ...referrer, artifactType: type });
  }
  return kept;
}

interface Found {
  readonly referrers: readonly Referrer[];
  /** The registry has filtered by artifact type. */
  readonly filtered: boolean;
}

async function byApi(
  host: Host,
  repository: string,
  digest: Digest,
  artifactType: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const ask = (query: string): Promise<FollowedAnswer> =>
    host.send({
      method: 'GET',
      repository,
      path: `referrers/${digest}${query}`,
      headers: { accept: indexType, 'accept-encoding': 'identity' },
      maxBody: largestPage,
      optional: true,
      signal,
    });
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const first = await ask(query);
  if (first.status !== 200)
    return { referrers: await byTag(host, repository, digest, first, signal), filtered: false };
  const referrers: Referrer[] = [];
  let filtered = artifactType !== undefined;
  const take = (answer: FollowedAnswer): void => {
    if (answer.status === 429) throw throttled(host, answer);
    isAbsent(host, answer);
    const page = parseObject(host.registry, `the answer of ${plainAddress(answer.url)}`, answer.body);
    filtered &&= /\bartifactType\b/.test(headerOf(answer.headers, 'oci-filters-applied') ?? '');
    referrers.push(...descriptors(page).slice(0, mostReferrers - referrers.length));
  };
  await readPages(host, query, ask, take, first);
  return { referrers, filtered };
}

/** No such tag means that there are none, unless the API only refused for now. */
async function byTag(
  host: Host,
  repository: string,
  digest: Digest,
  refused: FollowedAnswer,
  signal: AbortSignal | undefined,
): Promise<readonly Referrer[]> {
  const answer = await host.send({
    method: 'GET',
    repository,
    path: `manifests/${digest.replace(':', '-')}`,
    headers: { accept: manifestAccept, 'accept-encoding': 'identity' },
    maxBody: largestManifest,
    signal,
  });
  if (isAbsent(host, answer)) {
    if (refused.status === 429) throw throttled(host, refused);
    return [];
  }
  if (withoutParameters(headerOf(answer.headers, 'content-type')) !== indexType) return [];
  const index = parseObject(host.registry, `the index at ${plainAddress(answer.url)}`, answer.body);
  return descriptors(index).slice(0, mostReferrers);
}

function throttled(host: Host, answer: FollowedAnswer): Throttled {
  const delay = retryDelay(
    answer.headers,
    answer.body.toString('utf8'),
    Date.parse(headerOf(answer.headers, 'date') ?? '') || 0,
  );
  return new Throttled(host.registry, `${plainAddress(answer.url)} answered 429`, delay);
}

function descriptors(index: JsonObject): readonly Referrer[] {
  return objectsOf(index['manifests']).flatMap((descriptor) => {
    const digest = digestFrom(descriptor['digest']);
    const mediaType = textOf(descriptor['mediaType']);
    const artifactType = textOf(descriptor['artifactType']);
    if (!digest || !mediaType) return [];
    return [{ digest, mediaType, ...(artifactType ? { artifactType } : {}) }];
  });
}

/** The type as the manifest itself says it, where the descriptor does not: artifact type, config, first layer. */
async function effectiveType(
  host: Host,
  repository: string,
  referrer: Referrer,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { artifactType, digest } = referrer;
  if (artifactType !== undefined && artifactType !== emptyType) return artifactType;
  const manifest = await fetchManifest(host, repository, digest, signal).catch((error: unknown) => {
    // One unreadable referrer hides no other.
    if (hasCode(error, 'REGISTRY_INVALID') || hasCode(error, 'REGISTRY_TOO_LARGE')) return undefined;
    throw error;
  });
  if (!manifest) return undefined;
  const json = parseObject(host.registry, `manifest ${digest}`, manifest.bytes);
  const config = isObject(json['config']) ? textOf(json['config']['mediaType']) : undefined;
  const types = [textOf(json['artifactType']), config, textOf(objectsOf(json['layers'])[0]?.['mediaType'])];
  return types.find((type) => type !== undefined && type !== emptyType);
}
