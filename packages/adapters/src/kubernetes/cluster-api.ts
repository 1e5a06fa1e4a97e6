import { readFileSync } from 'node:fs';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { second, type Duration } from '@image-factory/core/time.ts';
import { Agent, request as send } from 'undici';
import type { ClusterAccess } from './cluster-access.ts';

/** Where resources of one kind are, in one namespace. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  /** In the plural, as in addresses. */
  readonly resource: string;
  readonly namespace: string;
}

/** `changed`: somebody else wrote since it was read, so nothing was; `gone`: it is not there any more. */
export type PatchOutcome = 'patched' | 'changed' | 'gone';

/**
 * The part of the Kubernetes API that we need, with the rights of a ServiceAccount. Methods throw CLUSTER_UNREACHABLE,
 * CLUSTER_DENIED or CLUSTER_INVALID, and CREDENTIALS where a file of the pod cannot be read.
 */
export interface ClusterApi {
  /** All resources with a label, page by page; of the content nothing is promised. Verb: list. */
  list(path: ResourcePath, labelSelector: string, signal?: AbortSignal): AsyncIterable<unknown>;
  /** Sets one annotation of a resource that is still as it was read, by a JSON merge patch. Verb: patch. */
  annotate(
    path: ResourcePath,
    target: { readonly name: string; readonly resourceVersion: string },
    annotation: { readonly key: string; readonly value: string },
    signal?: AbortSignal,
  ): Promise<PatchOutcome>;
  close(): Promise<void>;
}

export interface ClusterApiOptions {
  /** Who says that an annotation is its own, in `managedFields`. */
  readonly fieldManager: string;
  /** Of a whole answer. @default 30 s */
  readonly timeout?: Duration;
  /** Of a page. @default 16 MiB */
  readonly largestAnswer?: number;
}

interface Request {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const pageSize = 100;
/** A hundred thousand resources: an end for a server that always has one page more. */
const mostPages = 1000;
const mostTokenBytes = 64 * 1024;

/**
 * Over HTTPS to one address, with the certificate authority of the pod alone. Neither a proxy nor a redirect is followed:
 * the token is for this server. Nothing is repeated here; the Job is.
 */
export function createClusterApi(access: ClusterAccess, options: ClusterApiOptions): ClusterApi {
  const { fieldManager, timeout = 30 * second, largestAnswer = 16 * 1024 * 1024 } = options;
  let agent: Agent | undefined;

  async function ask(request: Request, signal: AbortSignal | undefined): Promise<Reply> {
    const url = new URL(access.server + request.path);
    if (url.protocol !== 'https:') throw failure('CLUSTER_INVALID', `${url.origin} is not https`);
    for (const [name, value] of Object.entries(request.query)) url.searchParams.set(name, value);
    agent ??= new Agent({
      connect: { ca: fileText(access.caFile), timeout: 10 * second },
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    // Read each time: Kubernetes puts a new one there before the old one ends.
    const token = fileText(access.tokenFile).trim();
    const deadline = AbortSignal.timeout(timeout);
    const what = `${request.method} ${request.path}`;
    let status: number;
    let text: string;
    try {
      const answer = await send(url, {
        method: request.method,
        dispatcher: agent,
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token}`,
          'user-agent': 'image-factory',
          ...(request.body === undefined ? {} : { 'content-type': 'application/merge-patch+json' }),
        },
        body: request.body ?? null,
      });
      status = answer.statusCode;
      text = await textOf(answer.body, largestAnswer, what);
    } catch (error) {
      if (error instanceof FactoryError) throw error;
      if (signal?.aborted) throw signal.reason;
      throw failure('CLUSTER_UNREACHABLE', `${what}: ${reasonOf(error)}`, error);
    }
    return { status, body: readJson(text, status, what) };
  }

  return {
    async *list(path, labelSelector, signal) {
      let more = '';
      for (let page = 0; page < mostPages; page += 1) {
        const query = { labelSelector, limit: String(pageSize), ...(more === '' ? {} : { continue: more }) };
        const { status, body } = await ask({ method: 'GET', path: addressOf(path), query }, signal);
        if (status !== 200) throw refusal(`listing ${path.resource}`, status, body);
        const items = field(body, 'items');
        if (!Array.isArray(items))
          throw failure('CLUSTER_INVALID', `the list of ${path.resource} has no items`);
        yield* items as readonly unknown[];
        const next = field(field(body, 'metadata'), 'continue');
        if (typeof next !== 'string' || next === '') return;
        more = next;
      }
      throw failure('CLUSTER_INVALID', `the list of ${path.resource} has more than ${mostPages} pages`);
    },
    async annotate(path, { name, resourceVersion }, { key, value }, signal) {
      const { status, body } = await ask(
        {
          method: 'PATCH',
          path: `${addressOf(path)}/${encodeURIComponent(name)}`,
          query: { fieldManager },
          body: JSON.stringify({ metadata: { resourceVersion, annotations: { [key]: value } } }),
        },
        signal,
      );
      if (status === 200) return 'patched';
      if (status === 404) return 'gone';
      if (status === 409) return 'changed';
      throw refusal(`patching ${path.resource} ${name}`, status, body);
    },
    async close() {
      await agent?.destroy();
    },
  };
}

function addressOf({ group, version, namespace, resource }: ResourcePath): string {
  return `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
}

function refusal(what: string, status: number, body: unknown): FactoryError {
  const message = field(body, 'message');
  const said = typeof message === 'string' ? `: ${oneLine(message)}` : '';
  const told = `${what}: ${status}${said}`;
  // An admission policy refuses with 422.
  if (status === 401 || status === 403 || status === 422) return failure('CLUSTER_DENIED', told);
  if (status === 429 || status >= 500) return failure('CLUSTER_UNREACHABLE', told);
  return failure('CLUSTER_INVALID', told);
}

const hints = {
  CLUSTER_UNREACHABLE:
    'Nothing is to be done if it was once: the next run asks again. Else see the network policy.',
  CLUSTER_DENIED: 'Compare Role, RoleBinding and ValidatingAdmissionPolicy with components/spread-looks.',
  CLUSTER_INVALID: 'Check KUBERNETES_SERVICE_HOST and whether Kargo 1.11 is installed.',
  CREDENTIALS:
    'Mount the token, ca.crt and namespace of the ServiceAccount, as components/spread-looks does.',
} as const;

function failure(code: keyof typeof hints, message: string, cause?: unknown): FactoryError {
  const problem: Problem = {
    code,
    message: `Kubernetes: ${message}`,
    hint: hints[code],
    subject: { kind: 'factory' },
  };
  return new FactoryError(problem, { cause });
}

/** The name of the pod's own namespace. */
export function namespaceOf({ namespaceFile }: ClusterAccess): string {
  const name = fileText(namespaceFile).trim();
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) return name;
  throw failure('CREDENTIALS', `${namespaceFile} holds no name of a namespace`);
}

function fileText(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw failure('CREDENTIALS', `the file ${path} cannot be read`, cause);
  }
  if (text.trim() !== '' && text.length <= mostTokenBytes) return text;
  throw failure('CREDENTIALS', `the file ${path} is empty, or larger than 64 KiB`);
}

async function textOf(
  body: AsyncIterable<Uint8Array> & { destroy(): unknown },
  most: number,
  what: string,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) {
      body.destroy();
      throw failure('CLUSTER_INVALID', `${what}: its answer has more than ${most} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Failures in front of the API itself are no JSON; their status says enough. */
function readJson(text: string, status: number, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    if (status !== 200) return undefined;
    throw failure('CLUSTER_INVALID', `${what} answered 200 without JSON`);
  }
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

function oneLine(text: string): string {
  return text
    .slice(0, 300)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return 'no answer in time';
  const code = 'code' in error ? String(error.code) : '';
  return code === '' ? oneLine(error.message) : code;
}
