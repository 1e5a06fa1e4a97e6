import type { IncomingHttpHeaders } from 'node:http';
import { digestOf } from './build-image.ts';
import { errorReply, reply, type Reply } from './reply.ts';
import { manifestJson, type RegistryStorage } from './storage.ts';

const largestManifest = 4 * 1024 * 1024;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

interface ManifestRequest {
  readonly method: string;
  readonly repository: string;
  /** Tag or digest. */
  readonly name: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** HEAD, GET, PUT and DELETE of `/v2/<repository>/manifests/<name>`. */
export function answerManifest(storage: RegistryStorage, request: ManifestRequest): Reply {
  if (request.method === 'GET' || request.method === 'HEAD') return read(storage, request);
  if (request.method === 'PUT') return write(storage, request);
  if (request.method !== 'DELETE') return errorReply(405, 'UNSUPPORTED', 'method not allowed');
  return storage.deleteManifest(request.repository, request.name)
    ? reply(202)
    : errorReply(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
}

function read(storage: RegistryStorage, { repository, name, headers }: ManifestRequest): Reply {
  if (!storage.has(repository))
    return errorReply(404, 'NAME_UNKNOWN', 'repository name not known to registry');
  const manifest = storage.manifest(repository, name);
  if (!manifest) return errorReply(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  const etag = `"${manifest.digest}"`;
  if (headers['if-none-match'] === etag) return reply(304, { etag });
  if (!accepts(headers.accept, manifest.mediaType)) {
    return errorReply(404, 'MANIFEST_UNKNOWN', `${manifest.mediaType} found, but it is not accepted`);
  }
  const found = { 'content-type': manifest.mediaType, 'docker-content-digest': manifest.digest, etag };
  return reply(200, found, manifest.bytes);
}

/** As the registries in the field do it: what is not accepted is not found. */
function accepts(accept: string | undefined, mediaType: string): boolean {
  const types = (accept ?? '').split(',').map((type) => type.split(';')[0]?.trim());
  return types.includes(mediaType);
}

function write(storage: RegistryStorage, { repository, name, headers, body }: ManifestRequest): Reply {
  if (body.length > largestManifest) return errorReply(413, 'SIZE_INVALID', 'manifest too large');
  const digest = digestOf(body);
  if (name.includes(':') ? name !== digest : !tagPattern.test(name)) {
    return errorReply(
      400,
      name.includes(':') ? 'DIGEST_INVALID' : 'TAG_INVALID',
      'manifest name does not fit',
    );
  }
  let subject: string | undefined;
  try {
    subject = manifestJson(body).subject?.digest;
    const missing = storage.missingBlob(repository, body);
    if (missing) return errorReply(400, 'MANIFEST_BLOB_UNKNOWN', `blob unknown: ${missing}`);
  } catch {
    return errorReply(400, 'MANIFEST_INVALID', 'manifest is no JSON object');
  }
  const mediaType = headers['content-type'] ?? 'application/vnd.oci.image.manifest.v1+json';
  void storage.putManifest(repository, name, mediaType, body);
  return reply(201, {
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject ? { 'oci-subject': subject } : {}),
  });
}
