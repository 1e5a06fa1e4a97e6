import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A rule of a Role. */
export interface AccessRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export interface ClusterObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

/** What an admission policy is asked about an update. */
export interface Admission {
  readonly object: ClusterObject;
  readonly oldObject: ClusterObject;
  readonly username: string;
  readonly namespace: string;
}

export interface ClusterOptions {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Of the Role that the ServiceAccount has in its namespace. */
  readonly rules: readonly AccessRule[];
  /** Why an update is refused; undefined: it is not. */
  readonly admit?: (admission: Admission) => string | undefined;
  /** What comes before everything else; true: it has answered. */
  readonly before?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A call in the words of a Role. */
export interface ClusterCall {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly allowed: boolean;
}

/**
 * An API server for resources of one namespace over TLS: tokens, rules of a Role, labels, pages, merge patches with
 * resource versions, and admission. Written from the Kubernetes API conventions; no more of it than is named here.
 */
export interface Cluster {
  readonly port: number;
  /** What a pod with the ServiceAccount finds: `token`, `ca.crt` and `namespace`. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly calls: ClusterCall[];
  /** By resource and name: `warehouses/base-node`. */
  readonly objects: Map<string, ClusterObject>;
  /** Puts an object there, or its next version. */
  put(resource: string, object: ClusterObject): void;
  /** From now on only this token is good; the file has it unless told otherwise. */
  rotate(token: string, isInFile?: boolean): void;
  close(): Promise<void>;
}

const largestBody = 1024 * 1024;

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'image-factory-cluster-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'ca.crt')];
  const subject = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const made = [...curve, '-nodes', '-days', '2', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...made, ...subject], { stdio: 'ignore' });
  writeFileSync(join(folder, 'namespace'), options.namespace);
  const objects = new Map<string, ClusterObject>();
  const calls: ClusterCall[] = [];
  let token = '';
  let version = 100;

  function rotate(next: string, isInFile = true): void {
    token = next;
    if (isInFile) writeFileSync(join(folder, 'token'), `${next}\n`);
  }

  function put(resource: string, object: ClusterObject): void {
    version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    objects.set(`${resource}/${object.metadata.name}`, { ...object, metadata });
  }

  function patch(at: string, resource: string, body: string): readonly [number, unknown] {
    const oldObject = objects.get(at);
    if (!oldObject) return failed(404, 'not found');
    const change = JSON.parse(body) as ClusterObject;
    const expected = change.metadata['resourceVersion'];
    if (expected !== undefined && expected !== oldObject.metadata['resourceVersion'])
      return failed(409, 'the object has been modified');
    const object = merged(oldObject, change) as ClusterObject;
    const username = `system:serviceaccount:${options.namespace}:${options.serviceAccount}`;
    const refused = options.admit?.({ object, oldObject, username, namespace: options.namespace });
    if (refused !== undefined) return failed(422, `denied request: ${refused}`);
    put(resource, object);
    return [200, objects.get(at)];
  }

  function list(resource: string, query: URLSearchParams): readonly [number, unknown] {
    const [label = '', wanted] = (query.get('labelSelector') ?? '').split('=');
    const found = [...objects]
      .filter(([at]) => at.startsWith(`${resource}/`))
      .map(([, object]) => object)
      .filter(({ metadata }) => label === '' || metadata.labels?.[label] === wanted);
    const from = Number(query.get('continue') ?? 0);
    const until = from + Number(query.get('limit') ?? found.length);
    const rest = until < found.length ? { continue: String(until) } : {};
    return [200, { kind: 'List', metadata: rest, items: found.slice(from, until) }];
  }

  function answer(request: IncomingMessage, body: string): readonly [number, unknown] {
    const url = new URL(request.url ?? '/', 'https://cluster.invalid');
    if (request.headers.authorization !== `Bearer ${token}`) return failed(401, 'Unauthorized');
    const [, group = '', namespace = '', resource = '', , name] =
      /^\/apis\/([^/]+)\/[^/]+\/namespaces\/([^/]+)\/([^/]+)(\/([^/]+))?$/.exec(url.pathname) ?? [];
    const method = request.method ?? '';
    const verbs: Readonly<Record<string, string>> = {
      GET: name === undefined ? 'list' : 'get',
      PATCH: 'patch',
      PUT: 'update',
      POST: 'create',
      DELETE: 'delete',
    };
    const verb = verbs[method] ?? method;
    const allowed =
      namespace === options.namespace &&
      options.rules.some(
        (rule) =>
          rule.apiGroups.includes(group) && rule.resources.includes(resource) && rule.verbs.includes(verb),
      );
    calls.push({ verb, group, resource, namespace, name, allowed });
    if (!allowed) return failed(403, `${options.serviceAccount} cannot ${verb} ${resource}`);
    if (verb === 'list') return list(resource, url.searchParams);
    if (verb !== 'patch') return failed(405, 'not served here');
    if (request.headers['content-type'] !== 'application/merge-patch+json')
      return failed(415, 'expected a merge patch');
    return patch(`${resource}/${name ?? ''}`, resource, body);
  }

  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    void (async () => {
      if (options.before?.(request, response)) return;
      let body = '';
      for await (const chunk of request) {
        body += String(chunk);
        if (body.length > largestBody) {
          request.socket.destroy();
          return;
        }
      }
      const [status, value] = answer(request, body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rotate('first-token');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    folder,
    env: {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(port),
      KUBERNETES_SERVICE_PORT_HTTPS: String(port),
    },
    calls,
    objects,
    put,
    rotate,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function failed(code: number, message: string): readonly [number, unknown] {
  return [code, { kind: 'Status', status: 'Failure', message, code }];
}

/** Source: RFC 7396. */
function merged(target: unknown, change: unknown): unknown {
  if (!isObject(change)) return change;
  const result: Record<string, unknown> = { ...(isObject(target) ? target : {}) };
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
