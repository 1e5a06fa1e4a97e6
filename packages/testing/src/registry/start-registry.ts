import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RegistryAuth, type AuthOptions } from './auth.ts';
import { answerBlob, Uploads } from './blobs.ts';
import type { BuiltManifest, ImageSpec, IndexSpec } from './build-image.ts';
import { Faults } from './faults.ts';
import { answerReferrers, answerTags, type ListingOptions } from './listings.ts';
import { answerManifest } from './manifests.ts';
import { pushImage, pushIndex } from './push.ts';
import { Quota, type QuotaOptions } from './quota.ts';
import { errorReply, jsonReply, type Reply } from './reply.ts';
import { RequestLog, type LoggedRequest } from './request-log.ts';
import { RegistryStorage } from './storage.ts';
import { writeReply } from './write-reply.ts';

export interface FakeRegistryOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly auth?: AuthOptions;
  readonly quota?: QuotaOptions;
  readonly tags?: ListingOptions;
  /** False: no referrers API (404), as on older registries. */
  readonly referrers?: false | (ListingOptions & { readonly filter?: boolean });
  /** For the lifetime of tokens and the quota's window; default: the system's clock. */
  readonly now?: () => number;
  /** What the Date header of every answer says; default: the system's clock. */
  readonly date?: () => number;
  /** False keeps no request log: for throughput. */
  readonly log?: boolean;
}

/** A registry in this process, on 127.0.0.1, with its content in memory. */
export interface FakeRegistry {
  /** `127.0.0.1:<port>`: the domain of its references. */
  readonly host: string;
  readonly origin: string;
  readonly storage: RegistryStorage;
  readonly faults: Faults;
  readonly log: RequestLog;
  /** How many connections were opened to it so far. */
  connections(): number;
  pushImage(repository: string, tag: string | undefined, spec?: ImageSpec): Promise<BuiltManifest>;
  pushIndex(
    repository: string,
    tag: string | undefined,
    children: readonly (ImageSpec | BuiltManifest)[],
    spec?: IndexSpec,
  ): Promise<BuiltManifest & { readonly children: readonly BuiltManifest[] }>;
  close(): Promise<void>;
}

const repositoryName = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const route = new RegExp(
  `^/v2/(${repositoryName}(?:/${repositoryName})*)/(manifests|blobs/uploads|blobs|tags|referrers)/(.*)$`,
);
/** A pushed layer; larger ones are not what this registry is for. */
const largestBody = 512 * 1024 * 1024;

/** Starts the registry; it speaks the distribution protocol well enough for buildah, skopeo and docker to push and pull. */
export async function startRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const storage = new RegistryStorage();
  const uploads = new Uploads(storage);
  const faults = new Faults();
  const log = new RequestLog();
  const now = options.now ?? ((): number => Date.now());
  const quota = options.quota ? new Quota(options.quota, now) : undefined;
  let origin = '';
  const auth = new RegistryAuth(options.auth ?? { kind: 'none' }, now, () => origin);

  function answer(request: LoggedRequest, body: Buffer): Reply {
    const { method, path, query, headers } = request;
    if (path === '/token') return auth.token(method, headers, query, body);
    if (path === '/v2/' || path === '/v2') {
      return auth.refusal(headers, '', 'pull') ?? jsonReply(200, {});
    }
    const [, repository = '', kind = '', name = ''] = route.exec(path) ?? [];
    const reading = method === 'GET' || method === 'HEAD';
    const refusal = auth.refusal(headers, repository, reading ? 'pull' : 'push');
    if (refusal) return refusal;
    switch (kind) {
      case 'manifests':
        return withQuota(method, () => answerManifest(storage, { method, repository, name, headers, body }));
      case 'blobs/uploads':
        return uploads.answer({ method, repository, name, query, body });
      case 'blobs':
        return answerBlob(storage, { method, repository, name, query, body });
      case 'tags':
        if (name === 'list' && method === 'GET')
          return answerTags(storage, repository, query, options.tags ?? {});
        break;
      case 'referrers':
        if (options.referrers === false || method !== 'GET') break;
        return answerReferrers(storage, repository, name, query, { filter: true, ...options.referrers });
    }
    return errorReply(404, 'UNSUPPORTED', 'page not found');
  }

  function withQuota(method: string, work: () => Reply): Reply {
    const taken = quota?.take(method);
    if (!taken) return work();
    if ('refusal' in taken) return taken.refusal;
    const right = work();
    return { ...right, headers: { ...right.headers, ...taken.headers } };
  }

  function serve(incoming: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { path, query } = splitTarget(incoming.url ?? '/');
    const method = incoming.method ?? 'GET';
    const request: LoggedRequest = { method, path, query, headers: incoming.headers, status: undefined };
    if (options.log !== false) log.add(request);
    const fault = faults.take(request);
    const right = answer(request, body);
    const write = (): void => {
      request.status = writeReply(response, method, right, fault);
    };
    if (fault?.kind === 'delay') setTimeout(write, fault.by);
    else write();
  }

  const server = createServer((incoming, response) => {
    if (options.date) response.setHeader('date', new Date(options.date()).toUTCString());
    readBody(incoming).then(
      (body) => serve(incoming, response, body),
      () => response.destroy(),
    );
  });
  let connections = 0;
  server.on('connection', () => (connections += 1));
  const port = await listen(server, options.port ?? 0);
  origin = `http://127.0.0.1:${port}`;

  return {
    host: `127.0.0.1:${port}`,
    origin,
    storage,
    faults,
    log,
    connections: () => connections,
    pushImage: (repository, tag, spec) => pushImage(storage, repository, tag, spec),
    pushIndex: (repository, tag, children, spec) => pushIndex(storage, repository, tag, children, spec),
    close: () => stop(server),
  };
}

function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  if (incoming.method === 'GET' || incoming.method === 'HEAD') return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw new Error('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
