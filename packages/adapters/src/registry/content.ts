import type { Digest } from '@image-factory/core/reference/types.ts';
import { digestOf } from './digest.ts';
import { plainAddress, registryFailure } from './failures.ts';
import type { Host } from './host.ts';
import { isAbsent, largestManifest } from './look.ts';
import { manifestAccept, withoutParameters } from './media-types.ts';
import { headerOf } from './answer-headers.ts';

const largestConfig = 8 * 1024 * 1024;

export interface Content {
  readonly bytes: Buffer;
  readonly mediaType: string | undefined;
}

/** A manifest by digest, its bytes checked; undefined if the registry does not serve it. */
export function fetchManifest(
  host: Host,
  repository: string,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Content | undefined> {
  return fetchContent(
    host,
    repository,
    digest,
    `manifests/${digest}`,
    largestManifest,
    manifestAccept,
    signal,
  );
}

/** An image configuration by digest, its bytes checked; undefined if the registry does not serve it. */
export function fetchConfig(
  host: Host,
  repository: string,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Content | undefined> {
  return fetchContent(host, repository, digest, `blobs/${digest}`, largestConfig, '*/*', signal);
}

async function fetchContent(
  host: Host,
  repository: string,
  digest: Digest,
  path: string,
  maxBody: number,
  accept: string,
  signal: AbortSignal | undefined,
): Promise<Content | undefined> {
  const headers = { accept, 'accept-encoding': 'identity' };
  const answer = await host.send({ method: 'GET', repository, path, headers, maxBody, signal });
  if (isAbsent(host, answer)) return undefined;
  const actual = digestOf(answer.body, digest);
  if (actual !== digest) {
    const detail = `${plainAddress(answer.url)}: expected content of ${digest}, got ${actual}`;
    throw registryFailure('REGISTRY_DIGEST_MISMATCH', host.registry, detail);
  }
  return { bytes: answer.body, mediaType: withoutParameters(headerOf(answer.headers, 'content-type')) };
}
