import { createHash } from 'node:crypto';
import { FactoryError } from '@image-factory/core/problem.ts';
import type { ProblemCode } from '@image-factory/core/problem-codes.ts';
import type { Digest } from '@image-factory/core/reference/types.ts';
import type { RegistryLogin } from '../local-builder-options.ts';

export interface TransferOptions {
  readonly insecureRegistries: readonly string[];
  readonly login: ((domain: string) => Promise<RegistryLogin | undefined>) | undefined;
  readonly signal: AbortSignal;
}

/** A repository of a registry. */
export interface Repository {
  readonly domain: string;
  readonly path: string;
}

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const largestManifest = 4 * 1024 * 1024;
const largestBlob = 512 * 1024 * 1024;

/** Reading and writing of manifests and blobs (OCI distribution), with basic authentication or none. */
export interface Transfer {
  /** The bytes of a manifest, checked against the digest. */
  manifest(repository: Repository, digest: Digest): Promise<Buffer>;
  blob(repository: Repository, digest: Digest): Promise<Buffer>;
  /** Makes a blob of one repository one of another; nothing is sent where it is there already. */
  copyBlob(from: Repository, to: Repository, digest: Digest): Promise<void>;
  pushBlob(to: Repository, content: Buffer): Promise<Digest>;
  pushManifest(to: Repository, name: string, mediaType: string, content: Buffer): Promise<Digest>;
}

export function createTransfer(options: TransferOptions): Transfer {
  const base = (repository: Repository) => {
    const scheme = options.insecureRegistries.includes(repository.domain) ? 'http' : 'https';
    const host = repository.domain === 'docker.io' ? 'registry-1.docker.io' : repository.domain;
    return `${scheme}://${host}/v2/${repository.path}`;
  };

  async function send(
    repository: Repository,
    url: string,
    init: RequestInit,
    expected: readonly number[],
  ): Promise<Response> {
    const login = await options.login?.(repository.domain);
    const headers = new Headers(init.headers);
    if (login) {
      headers.set(
        'Authorization',
        `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`,
      );
    }
    const response = await fetch(url, { ...init, headers, redirect: 'manual', signal: options.signal }).catch(
      (error: unknown) => {
        options.signal.throwIfAborted();
        throw failure(
          'REGISTRY_UNREACHABLE',
          `${repository.domain} did not answer: ${reasonOf(error)}`,
          error,
        );
      },
    );
    if (expected.includes(response.status)) return response;
    await response.body?.cancel();
    throw failure(
      codeOf(response.status),
      `expected ${expected.join(' or ')} from ${repository.domain}, got ${response.status}`,
    );
  }

  async function read(
    repository: Repository,
    url: string,
    accept: string,
    cap: number,
    digest: Digest,
  ): Promise<Buffer> {
    let response = await send(
      repository,
      url,
      { headers: { Accept: accept, 'Accept-Encoding': 'identity' } },
      [200, 302, 303, 307, 308],
    );
    if (response.status !== 200) {
      const target = new URL(response.headers.get('location') ?? '', url);
      await response.body?.cancel();
      // Another host never sees the login, and only https is followed away from an https registry.
      if (url.startsWith('https:') && target.protocol !== 'https:')
        throw failure('REGISTRY_BLOCKED', `${repository.domain} redirects to plain HTTP`);
      response = await fetch(target, { signal: options.signal, redirect: 'error' });
      if (response.status !== 200)
        throw failure(codeOf(response.status), `expected 200 behind a redirect, got ${response.status}`);
    }
    const content = await readCapped(response, cap);
    if (digestOf(content) === digest) return content;
    throw failure(
      'REGISTRY_DIGEST_MISMATCH',
      `expected ${digest} from ${repository.domain}/${repository.path}, got ${digestOf(content)}`,
    );
  }

  async function has(repository: Repository, digest: Digest): Promise<boolean> {
    const response = await send(
      repository,
      `${base(repository)}/blobs/${digest}`,
      { method: 'HEAD' },
      [200, 307, 404],
    );
    return response.status !== 404;
  }

  async function upload(to: Repository, content: Buffer, digest: Digest, query: string): Promise<void> {
    const open = `${base(to)}/blobs/uploads/${query}`;
    const started = await send(to, open, { method: 'POST', headers: { 'Content-Length': '0' } }, [201, 202]);
    if (started.status === 201) return;
    const location = new URL(started.headers.get('location') ?? '', open);
    if (location.origin !== new URL(open).origin)
      throw failure('REGISTRY_BLOCKED', `${to.domain} wants the upload at another host`);
    location.searchParams.set('digest', digest);
    const headers = { 'Content-Type': 'application/octet-stream' };
    await send(to, location.href, { method: 'PUT', headers, body: new Uint8Array(content) }, [201]);
  }

  return {
    manifest: (repository, digest) =>
      read(
        repository,
        `${base(repository)}/manifests/${digest}`,
        manifestTypes.join(', '),
        largestManifest,
        digest,
      ),
    blob: (repository, digest) =>
      read(repository, `${base(repository)}/blobs/${digest}`, '*/*', largestBlob, digest),
    async copyBlob(from, to, digest) {
      if (await has(to, digest)) return;
      const mount = from.domain === to.domain ? `?mount=${digest}&from=${encodeURIComponent(from.path)}` : '';
      if (mount !== '') {
        const open = await send(to, `${base(to)}/blobs/uploads/${mount}`, { method: 'POST' }, [201, 202]);
        if (open.status === 201) return;
      }
      await upload(to, await this.blob(from, digest), digest, '');
    },
    async pushBlob(to, content) {
      const digest = digestOf(content);
      if (!(await has(to, digest))) await upload(to, content, digest, '');
      return digest;
    },
    async pushManifest(to, name, mediaType, content) {
      const url = `${base(to)}/manifests/${name}`;
      await send(
        to,
        url,
        { method: 'PUT', headers: { 'Content-Type': mediaType }, body: new Uint8Array(content) },
        [201],
      );
      return digestOf(content);
    },
  };
}

export function digestOf(content: Buffer): Digest {
  return `sha256:${createHash('sha256').update(content).digest('hex')}` as Digest;
}

async function readCapped(response: Response, cap: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const read = await reader?.read();
    if (!read || read.done) break;
    const part = read.value as Uint8Array;
    size += part.length;
    if (size > cap) throw failure('REGISTRY_TOO_LARGE', `expected at most ${cap} bytes, got more`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function codeOf(status: number): ProblemCode {
  if (status === 401 || status === 403) return 'REGISTRY_DENIED';
  if (status === 404) return 'REGISTRY_NOT_FOUND';
  return status === 429 ? 'REGISTRY_THROTTLED' : 'REGISTRY_INVALID';
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function failure(code: ProblemCode, message: string, cause?: unknown): FactoryError {
  const hint =
    code === 'REGISTRY_DENIED'
      ? 'The layers builder knows basic authentication only: install buildah for registries with tokens.'
      : 'See the log of the run; the layers builder is meant for demonstrations on a local registry.';
  return new FactoryError({ code, message, hint }, { cause });
}
