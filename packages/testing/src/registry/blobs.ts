import { randomUUID } from 'node:crypto';
import type { Digest } from '@image-factory/core/reference/types.ts';
import { digestOf } from './build-image.ts';
import { errorReply, reply, type Reply } from './reply.ts';
import type { RegistryStorage } from './storage.ts';

interface BlobRequest {
  readonly method: string;
  readonly repository: string;
  /** Digest, or the id of an upload. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

/** HEAD and GET of `/v2/<repository>/blobs/<digest>`. */
export function answerBlob(storage: RegistryStorage, { method, repository, name }: BlobRequest): Reply {
  if (method !== 'GET' && method !== 'HEAD') return errorReply(405, 'UNSUPPORTED', 'method not allowed');
  const blob = storage.blob(repository, name);
  if (!blob) return errorReply(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  return reply(200, { 'content-type': 'application/octet-stream', 'docker-content-digest': name }, blob);
}

/** Uploads of blobs: in one request, in POST and PUT, or in pieces with PATCH; and mounts. */
export class Uploads {
  readonly #storage: RegistryStorage;
  readonly #pieces = new Map<string, Buffer[]>();

  constructor(storage: RegistryStorage) {
    this.#storage = storage;
  }

  answer(request: BlobRequest): Reply {
    if (request.method === 'POST' && request.name === '') return this.#start(request);
    const pieces = this.#pieces.get(request.name);
    if (!pieces) return errorReply(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    switch (request.method) {
      case 'PATCH':
        pieces.push(request.body);
        return this.#progress(202, request, pieces);
      case 'GET':
        return this.#progress(204, request, pieces);
      case 'PUT':
        return this.#finish(request, Buffer.concat([...pieces, request.body]));
      case 'DELETE':
        this.#pieces.delete(request.name);
        return reply(204);
      default:
        return errorReply(405, 'UNSUPPORTED', 'method not allowed');
    }
  }

  #start(request: BlobRequest): Reply {
    const { query, repository } = request;
    const mount = query.get('mount');
    if (mount && this.#storage.mount(repository, mount, query.get('from') ?? '')) {
      return created(repository, mount);
    }
    if (query.has('digest')) return this.#finish(request, request.body);
    const name = randomUUID();
    this.#pieces.set(name, []);
    return this.#progress(202, { ...request, name }, []);
  }

  #progress(status: number, { repository, name }: BlobRequest, pieces: readonly Buffer[]): Reply {
    const size = pieces.reduce((total, piece) => total + piece.length, 0);
    return reply(status, {
      location: `/v2/${repository}/blobs/uploads/${name}`,
      range: `0-${Math.max(0, size - 1)}`,
      'docker-upload-uuid': name,
    });
  }

  #finish({ name, repository, query }: BlobRequest, bytes: Buffer): Reply {
    this.#pieces.delete(name);
    const digest = digestOf(bytes);
    if (query.get('digest') !== digest) {
      return errorReply(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    }
    void this.#storage.putBlob(repository, digest, bytes);
    return created(repository, digest);
  }
}

function created(repository: string, digest: string): Reply {
  return reply(201, {
    location: `/v2/${repository}/blobs/${digest as Digest}`,
    'docker-content-digest': digest,
  });
}
