import type { Digest } from '@image-factory/core/reference/types.ts';
import { fetchManifest } from './content.ts';
import { plainAddress, quoteErrors, registryFailure } from './failures.ts';
import type { Host } from './host.ts';

const moved: ReadonlySet<number> = new Set([200, 201, 202]);

/**
 * Lets a tag point at a digest of its repository again: the manifest is put under the tag as it is, byte for byte
 * (distribution-spec, "Pushing Manifests"). `writer` is a client of its own, because it learns to ask for other rights than
 * those that read.
 */
export async function retag(
  reader: Host,
  writer: Host,
  repository: string,
  digest: Digest,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { registry } = reader;
  const manifest = await fetchManifest(reader, repository, digest, signal);
  if (!manifest)
    throw registryFailure('REGISTRY_NOT_FOUND', registry, `${repository}@${digest} is not served any more`);
  const answer = await writer.send({
    method: 'PUT',
    repository,
    path: `manifests/${tag}`,
    headers: { 'content-type': manifest.mediaType ?? 'application/vnd.oci.image.manifest.v1+json' },
    body: manifest.bytes,
    maxBody: 64 * 1024,
    signal,
  });
  if (moved.has(answer.status)) return;
  const words = quoteErrors(answer.body, []);
  throw registryFailure(
    'REGISTRY_DENIED',
    registry,
    `${plainAddress(answer.url)} answered ${answer.status}${words ? ` (${words})` : ''}: the tag may not be moved`,
  );
}
